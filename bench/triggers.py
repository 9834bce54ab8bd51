"""Search for triggers in texts whose hidden triggers are known, beside delta debugging. Simulated.

`python -m bench.triggers [--cases 500] [--seed 7]`. The texts have 20 to 80 words from a list of frequent
English words; one to four of their words together are refused. No list of Safelight is used, and every word
has the same risk. Delta debugging leaves out single words, the search whole parts of the text.

`--certainty` measures instead whether the stated certainty is right, with as many filters that give 0, 5, 10
and 20 % wrong answers.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import statistics
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass

from wordfreq import top_n_list

from safelight.policy.statistics import wilson
from safelight.providers.advice.prompt_parts import PromptPart, keep_parts, split_parts
from safelight.providers.advice.trigger_search import (
    CONFIDENCE,
    CONFIDENCE_WITHOUT_LIMIT,
    TriggerResult,
    TriggerSearch,
)
from safelight.providers.advice.trigger_set_search import SetSearchEnd, TriggerSet

Judge = Callable[[str], bool]
_SMALL = ("the", "a", "of", "in", "on", "at", "to", "with", "and", "from", "is", "for")
#: One word in this many is a small one, as in English texts.
_SMALL_SHARE = 0.4


@dataclass(frozen=True, kw_only=True)
class Case:
    """A text and the words that together are refused."""

    text: str
    triggers: frozenset[str]


def make_case(chance: random.Random, vocabulary: list[str], count: int) -> Case:
    length = chance.randint(20, 80)
    small = [chance.random() < _SMALL_SHARE for _ in range(length)]
    words = iter(chance.sample(vocabulary, length))
    text = [chance.choice(_SMALL) if is_small else next(words) for is_small in small]
    content = [word for word, is_small in zip(text, small, strict=True) if not is_small]
    return Case(text=" ".join(text), triggers=frozenset(chance.sample(content, count)))


def judge_of(case: Case, noise: float, chance: random.Random) -> Judge:
    def refuses(text: str) -> bool:
        return (case.triggers <= set(text.split())) != (chance.random() < noise)

    return refuses


def search(case: Case, refuses: Judge, confidence: float, ceiling: int | None) -> tuple[bool, bool, int]:
    """Whether the exact set was found, whether something false was named, and the number of tests."""
    parts, result = run_search(case, refuses, confidence, ceiling)
    found = [frozenset(parts[n].word for n in one.triggers) for one in result.sets]
    exact = found == [case.triggers] and not result.sets[0].group
    return exact, any(not one <= case.triggers for one in found), result.tests


def is_right(found: TriggerSet, parts: Sequence[PromptPart], case: Case) -> bool:
    """Whether what the set says is true: its words, and one of its group, are needed; all, if it is found."""
    named, group = ({parts[n].word for n in numbers} for numbers in (found.triggers, found.group))
    if found.end is SetSearchEnd.FOUND:
        return named == case.triggers
    return named <= case.triggers and (not group or bool(group & (case.triggers - named)))


def measure_certainty(cases: int, seed: int, vocabulary: list[str]) -> Iterator[dict[str, object]]:
    """Rows by limit on tests: one for each share of noise, then one for each band of stated certainty."""
    for ceiling, confidence in ((12, CONFIDENCE), (None, CONFIDENCE_WITHOUT_LIMIT)):
        limit, bands = (
            "no limit" if ceiling is None else f"{ceiling} tests",
            dict[int, list[tuple[float, bool]]](),
        )
        for noise in (0.0, 0.05, 0.1, 0.2):
            chance, tests, unnamed = random.Random(seed), 0, 0
            for number in range(cases):
                case = make_case(chance, vocabulary, 1 + number % 4)
                parts, result = run_search(case, judge_of(case, noise, chance), confidence, ceiling)
                tests += result.tests
                unnamed += not result.sets
                for one in result.sets:
                    bands.setdefault(int(one.confidence * 10) * 10, []).append(
                        (one.confidence, is_right(one, parts, case))
                    )
            yield {"run": limit, "noise": noise, "mean_tests": round(tests / cases, 2), "names_none": unnamed}
        for band, found in sorted(bands.items()):
            stated = round(100 * statistics.mean(one for one, _ in found), 1)
            yield {
                "run": limit,
                "band": band,
                "stated": stated,
                "right": share([right for _, right in found]),
            }


def run_search(
    case: Case, refuses: Judge, confidence: float, ceiling: int | None
) -> tuple[Sequence[PromptPart], TriggerResult]:
    parts = split_parts(case.text)
    running = TriggerSearch([1.0] * len(parts), confidence, ceiling)
    while (kept := running.next_test()) is not None:
        running.record(refused=refuses(keep_parts(case.text, parts, kept)))
    return parts, running.result()


def delta_debug(case: Case, refuses: Judge) -> tuple[bool, int]:
    """Zeller's ddmin on the words. Whether it found the exact set, and the number of tests."""
    words = case.text.split()
    known: dict[frozenset[int], bool] = {}

    def fails(kept: Collection[int]) -> bool:
        key = frozenset(kept)
        if key not in known:
            known[key] = refuses(" ".join(words[n] for n in sorted(key)))
        return known[key]

    left, pieces = list(range(len(words))), 2
    while len(left) > 1:
        size = -(-len(left) // pieces)
        chunks = [left[start : start + size] for start in range(0, len(left), size)]
        rests = [[n for n in left if n not in set(chunk)] for chunk in chunks]
        if (chunk := next((one for one in chunks if fails(one)), None)) is not None:
            left, pieces = chunk, 2
        elif len(chunks) > 2 and (rest := next((one for one in rests if fails(one)), None)) is not None:
            left, pieces = rest, max(pieces - 1, 2)
        elif pieces >= len(left):
            break
        else:
            pieces = min(len(left), 2 * pieces)
    return frozenset(words[n] for n in left) == case.triggers, len(known)


def majority(refuses: Judge) -> Judge:
    return lambda text: sum(refuses(text) for _ in range(3)) >= 2


def share(hits: list[bool]) -> str:
    low, high = wilson(sum(hits), len(hits))
    return (
        f"{sum(hits)}/{len(hits)} = {100 * sum(hits) / len(hits):.1f} % ({100 * low:.0f} to {100 * high:.0f})"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=500)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--certainty", action="store_true")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    plain = (word for word in top_n_list("en", 6000) if re.fullmatch("[a-z]{4,}", word))
    vocabulary = [word for word in plain if len(split_parts(f"{word} house")) == 2 and word not in _SMALL]
    rows = list(measure_certainty(options.cases, options.seed, vocabulary)) if options.certainty else []
    for title, noise, ceiling, confidence in (
        ("no limit, no wrong answers", 0.0, None, CONFIDENCE_WITHOUT_LIMIT),
        ("no limit, 10 % wrong answers", 0.1, None, CONFIDENCE_WITHOUT_LIMIT),
        ("12 tests, no wrong answers", 0.0, 12, CONFIDENCE),
        ("12 tests, 10 % wrong answers", 0.1, 12, CONFIDENCE),
    ) * (not options.certainty):
        chance = random.Random(options.seed)
        found: dict[int, list[tuple[bool, bool, int, bool, int]]] = {count: [] for count in (1, 2, 3, 4)}
        for number in range(options.cases):
            count = 1 + number % 4
            case = make_case(chance, vocabulary, count)
            ours = search(case, judge_of(case, noise, chance), confidence, ceiling)
            judge = judge_of(case, noise, chance)
            right, tests = delta_debug(case, majority(judge) if noise else judge)
            found[count].append((*ours, right, tests * (3 if noise else 1)))
        for count, cases in found.items():
            exact, false, tests_used, peer, peer_tests = zip(*cases, strict=True)
            rows.append(
                {
                    "run": title,
                    "triggers": count,
                    "exact": share(list(exact)),
                    "false_named": share(list(false)),
                    "median_tests": statistics.median(tests_used),
                    "delta_debugging_exact": share(list(peer)),
                    "delta_debugging_median_tests": statistics.median(peer_tests),
                }
            )
        every = [case for cases in found.values() for case in cases]
        rows.append({"run": title, "triggers": "all", "exact": share([one[0] for one in every])})
    if options.json:
        print(json.dumps(rows, indent=2))
        return
    for row in rows:
        print("  ".join(f"{key}: {value}" for key, value in row.items()))


if __name__ == "__main__":
    main()
