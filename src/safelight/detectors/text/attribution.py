"""Which few words of a text carry a finding: the evidence of detectors that read all of it at once."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Array: TypeAlias = npt.NDArray[np.float32]
Place: TypeAlias = tuple[int, int]

#: Of all tokens of a text: what the first try may take, and what evidence may take at most.
FIRST, MOST = 0.18, 0.28
#: How often the strongest finding of a text is tried again with less of the text left.
TRIES = 2
_TOKEN = re.compile(r"[\u3400-\u9fff]|[^\W\u3400-\u9fff]+(?:['\u2019][^\W\u3400-\u9fff]+)*")


def tokens(text: str) -> list[Place]:
    """Words, and Chinese characters one by one."""
    return [hit.span() for hit in _TOKEN.finditer(text)]


def attribute_spans(text: str, worth: Array, still: Callable[[str], bool] | None = None) -> list[Place]:
    """The places in `text` that are worth most, by a worth per character, and small.

    `still` says whether the finding is there without them; where it is, more is taken, up to `MOST`.
    """
    places = tokens(text)
    if not places:
        return [(0, len(text))]
    sums = np.concatenate([[0.0], np.cumsum([worth[start:end].sum() for start, end in places])])
    free = np.ones(len(places), dtype=np.bool_)
    left = max(1, int(MOST * len(places)))
    size = min(left, max(1, round(FIRST * len(places))))
    taken: list[Place] = []
    for number in range(TRIES):
        run = _best_run(sums, free, size)
        if run is None:
            break
        first, last = run
        free[first:last] = False
        taken.append((places[first][0], places[last - 1][1]))
        left -= last - first
        size = left
        if left < 1 or still is None or number == TRIES - 1 or not still(mask_tokens(text, taken)):
            break
    return sorted(taken)


def mask_tokens(text: str, places: Sequence[Place]) -> str:
    """The text with these places cut out."""
    kept, at = [], 0
    for start, end in sorted(places):
        kept.append(text[at:start])
        at = max(at, end)
    return " ".join([*kept, text[at:]])


def _best_run(sums: npt.NDArray[np.float64], free: npt.NDArray[np.bool_], most: int) -> Place | None:
    """First and last (exclusive) of the free tokens in a row that are worth most together."""
    best: tuple[float, int, int] | None = None
    for first in range(len(free)):
        for last in range(first + 1, min(first + most, len(free)) + 1):
            if not free[last - 1]:
                break
            value = float(sums[last] - sums[first])
            if best is None or value > best[0]:
                best = value, first, last
    return None if best is None else (best[1], best[2])
