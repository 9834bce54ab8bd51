"""Harmless texts that are generated for training: scenes and statements from frames, frequent words, and long
texts made of several short ones. They are counted apart from examples that a person wrote.

Frequency lists come from `wordfreq`, which an ordinary installation does not need.
"""

from __future__ import annotations

import importlib
import random
import re
from collections.abc import Callable, Iterator, Sequence
from importlib.resources import files
from typing import Any

from safelight.core import yaml_loader

from .training_data import Example

LANGUAGES = ("en", "zh")
#: Texts of one frame; frames about groups, family and fiction have more, because they matter more.
PER_FRAME, MORE_PER_FRAME = 20, 45
_MORE = frozenset({"identity", "family", "scene"})
#: Frequent words that are texts of one word, and texts of two or three of them.
WORDS, WORD_GROUPS = 9000, 4000
#: The words of a group come from the most frequent ones.
_GROUP_VOCABULARY = 6000
#: Texts that one joined text is made of.
JOINED_SIZES = (2, 3, 4, 5, 7, 9, 12)
#: Words from which the frequent English ones are chosen; logarithmic frequency from which a word is always
#: one.
KNOWN_WORDS, _COMMON = 40_000, 5.3
_OTHER_LANGUAGES = (
    "es",
    "fr",
    "de",
    "it",
    "pt",
    "nl",
    "id",
    "pl",
    "sv",
    "tr",
    "fi",
    "da",
    "ro",
    "ca",
    "cs",
    "vi",
    "fil",
)
_SLOT = re.compile(r"\{(\w+)\}")


def frame_texts(lang: str) -> list[Example]:
    """Texts from the frames of a language. Each frame is a family."""
    document = yaml_loader.load((files(__package__) / "data" / f"frames-{lang}.yaml").read_text("utf-8"))
    found = []
    for topic, frames in document["frames"].items():
        count = MORE_PER_FRAME if topic in _MORE else PER_FRAME
        for frame in frames:
            source = f"frames-{lang}/{topic}"
            texts = _fill(frame, document["slots"], count)
            found += [_harmless(text, source, lang, family=frame) for text in texts]
    return found


def word_texts(lang: str, is_allowed: Callable[[str], bool]) -> list[Example]:
    """The most frequent words of a language, and groups of two or three words. Words for which `is_allowed`
    returns False are left out.
    """
    words = [word for word in frequent_words(lang, WORDS) if is_allowed(word)]
    found = [_harmless(word, f"words-{lang}", lang, family=word) for word in words]
    chance = _chance(f"groups of {lang}")
    gap = " " if lang == "en" else ""
    for _number in range(WORD_GROUPS):
        group = chance.sample(words[:_GROUP_VOCABULARY], chance.choice((2, 2, 3)))
        found.append(_harmless(gap.join(group), f"word-groups-{lang}", lang, family=group[0]))
    return found


def joined_texts(examples: Sequence[Example], count: int, label: str) -> list[Example]:
    """Texts of several sentences: each joins harmless short examples of one language. All are of one family,
    so `examples` should be of one fold.
    """
    chance = _chance(label)
    found = []
    for _number in range(count):
        parts = chance.sample(examples, chance.choice(JOINED_SIZES))
        gap = "。" if parts[0].chinese else ". "
        text = gap.join(one.text.rstrip(" .。") for one in parts)
        lang = parts[0].lang[:2]
        found.append(_harmless(text, f"joined-{lang}", lang, family=label))
    return found


def frequent_english() -> list[str]:
    """Frequent English words that are not much more frequent in another language with the same letters."""
    frequency = importlib.import_module("wordfreq").zipf_frequency
    found = []
    for word in frequent_words("en", KNOWN_WORDS):
        here = frequency(word, "en")
        if here >= _COMMON or here >= max(frequency(word, lang) for lang in _OTHER_LANGUAGES) - 0.5:
            found.append(word)
    return found


def frequent_words(lang: str, count: int) -> list[str]:
    """The most frequent words of a language, without numbers."""
    frequent: list[str] = importlib.import_module("wordfreq").top_n_list(lang, 2 * count)
    return [word for word in frequent if not any(letter.isdigit() for letter in word)][:count]


def _harmless(text: str, source: str, lang: str, *, family: str) -> Example:
    return Example(
        text=text,
        categories=frozenset(),
        source=source,
        lang=lang,
        family=f"{source}/{family}",
        kind="generated",
    )


def _fill(frame: str, slots: dict[str, Any], count: int) -> Iterator[str]:
    """Different texts of one frame, at most `count`."""
    chance = _chance(frame)
    seen: set[str] = set()
    for _number in range(2 * count):
        text = _SLOT.sub(lambda hit: str(chance.choice(slots[hit[1]])), frame)
        if text not in seen and len(seen) < count:
            seen.add(text)
            yield text


def _chance(seed: str) -> random.Random:
    """The same choices for each run."""
    return random.Random(seed)  # noqa: S311 - nothing secret
