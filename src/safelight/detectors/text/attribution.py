"""Evidence attribution: finds the words that a classifier's score depends on most."""

from __future__ import annotations

import re
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Array: TypeAlias = npt.NDArray[np.float32]
Place: TypeAlias = tuple[int, int]

#: Fractions of a text's tokens: `FIRST_SHARE` is the size of the first range, `MAX_SHARE` the most that all
#: evidence may take.
FIRST_SHARE, MAX_SHARE = 0.18, 0.28
#: Most ranges that are selected.
MAX_RANGES = 2
_TOKEN = re.compile(r"[\u3400-\u9fff]|[^\W\u3400-\u9fff]+(?:['\u2019][^\W\u3400-\u9fff]+)*")


def token_spans(text: str) -> list[Place]:
    """Character ranges of words; each Chinese character is a word."""
    return [hit.span() for hit in _TOKEN.finditer(text)]


def attribute_spans(text: str, contributions: Array, margin: float) -> list[Place]:
    """The few character ranges of `text` that contribute most. `contributions` has a value for each
    character.

    `margin` is by how much the score exceeds the operating point. If the first range contributes less, so
    that the finding would remain without it, a second one is selected, up to `MAX_SHARE` of the tokens in
    all.
    """
    places = token_spans(text)
    if not places:
        return [(0, len(text))]
    sums = np.concatenate([[0.0], np.cumsum([contributions[start:end].sum() for start, end in places])])
    free = np.ones(len(places), dtype=np.bool_)
    left = max(1, int(MAX_SHARE * len(places)))
    size = min(left, max(1, round(FIRST_SHARE * len(places))))
    taken: list[Place] = []
    for _number in range(MAX_RANGES):
        run = _best_run(sums, free, size)
        if run is None:
            break
        first, last = run
        free[first:last] = False
        taken.append((places[first][0], places[last - 1][1]))
        margin -= float(sums[last] - sums[first])
        left -= last - first
        size = left
        if left < 1 or margin < 0:
            break
    return sorted(taken)


def _best_run(sums: npt.NDArray[np.float64], free: npt.NDArray[np.bool_], longest: int) -> Place | None:
    """The run of free tokens with the highest sum, as (first, last), `last` exclusive. Free tokens are
    those that are not evidence yet.
    """
    best: tuple[float, int, int] | None = None
    for first in range(len(free)):
        for last in range(first + 1, min(first + longest, len(free)) + 1):
            if not free[last - 1]:
                break
            value = float(sums[last] - sums[first])
            if best is None or value > best[0]:
                best = value, first, last
    return None if best is None else (best[1], best[2])
