"""Harmless Chinese texts in which a listed term appears only because two words meet.

    python -m bench.joined_words [--count 2000] [--seed 1] [--show]

For a listed term AB of two characters, a frequent word that ends with A is followed by one that starts with
B. Most of these texts mean nothing; what they prove is that no term is seen in them. Counts what the policy
`starter` stops, in both scripts.
"""

from __future__ import annotations

import argparse
import itertools
import random
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

from wordfreq import top_n_list

from bench.prevention import POLICY
from safelight.detectors.registry import DetectorRegistry
from safelight.detectors.text.chinese import SIMPLIFIED
from safelight.detectors.text.lists import ListEntry, shipped_entries
from safelight.detectors.text.pipeline import TextPipeline
from safelight.screening.prompt import PromptStage

#: How many of the most frequent Chinese words are joined.
FREQUENT = 30_000
#: Words that are no listed terms, but say by themselves what a policy asks about.
_NOT_HARMLESS = ("赤裸", "射精", "枪支", "斩断")
_TRADITIONAL = {simple: letter for letter, simple in reversed(SIMPLIFIED.items())}


def listed_terms(entries: Iterable[ListEntry]) -> list[str]:
    """The listed Chinese terms, in simplified characters, in a fixed order."""
    parts = {part for entry in entries for term in entry.terms for part in term}
    return sorted(part for part in parts if all("\u3400" <= letter <= "\u9fff" for letter in part))


def join_words(terms: Sequence[str], *, count: int, seed: int) -> list[str]:
    """Joined words, each of two or three characters, with a term of two characters where they meet, and no
    other term.
    """
    words = [
        word
        for word in top_n_list("zh", FREQUENT)
        if len(word) in (2, 3) and all("\u3400" <= letter <= "\u9fff" for letter in word)
    ]
    ending, beginning = defaultdict(list), defaultdict(list)
    for word in words:
        # A word that is a term itself, or has one in it, is no harmless word.
        if not any(term in word for term in (*terms, *_NOT_HARMLESS)):
            ending[word[-1]].append(word)
            beginning[word[0]].append(word)
    joined = [
        first + second
        for term in terms
        if len(term) == 2
        for first in ending[term[0]]
        for second in beginning[term[1]]
    ]
    random.Random(seed).shuffle(joined)
    texts = (text for text in joined if sum(term in text for term in terms) == 1)
    return list(itertools.islice(texts, count))


def traditional(text: str) -> str:
    """The text with traditional characters, the most frequent one for each simplified character."""
    return "".join(_TRADITIONAL.get(letter, letter) for letter in text)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--show", action="store_true", help="print what is stopped")
    asked = parser.parse_args()
    texts = join_words(listed_terms(shipped_entries()), count=asked.count, seed=asked.seed)
    with tempfile.TemporaryDirectory() as cache:
        registry = DetectorRegistry.discover({"minilm": {"cache_dir": cache}})
        stage = PromptStage(pipeline=TextPipeline(registry.text_detectors(), budget_s=60))
        for script, some in (("zh-Hans", texts), ("zh-Hant", [*map(traditional, texts)])):
            actions = Counter[str]()
            for text in some:
                action = stage.screen({"prompt": text}, POLICY).verdict.action.value
                actions[action] += 1
                if asked.show and action in ("hold", "block"):
                    print(script, action, text)
            print(f"{script}: {len(some)} texts, {dict(actions)}", flush=True)


if __name__ == "__main__":
    main()
