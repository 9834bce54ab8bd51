"""Finds one set of parts of a prompt that together cause a refusal, with few tests. Pure.

The parts of the prompt are put in an order, the riskiest first. If the first p parts are refused and the
first p - 1 are not, part p is needed: it is the last trigger in this order. A binary search finds it; then
the search goes on among the parts before it, always together with the triggers that were found, until these
alone are refused.

Answers may be wrong, so the search keeps a probability for each place and each rate of errors (probabilistic
bisection, Burnashev and Zigangirov 1974), and asks for the test from which it expects to learn most.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Array: TypeAlias = npt.NDArray[np.float64]

#: Rates of wrong answers, and how probable each is before the first test: for the choice of tests, and for
#: the certainty that is stated (docs/benchmarks/triggers.md).
_RATES = np.array([0.005, 0.03, 0.06, 0.1, 0.15, 0.2, 0.3])
_RATE_PRIORS = np.array([[0.65, 0.1, 0.08, 0.07, 0.05, 0.03, 0.02], [0.3, 0.15, 0.1, 0.15, 0.1, 0.1, 0.1]])
#: How probable it is before the first test that no words are needed.
_NO_WORDS = 0.01
#: How probable it is before the first test that the whole prompt is not refused again.
_NOT_REPEATED = 0.02
#: How probable it is that the triggers found so far are all.
_COMPLETE = 0.5
#: How probable it is that an earlier step went wrong, so that the parts it left over are not refused.
_EARLIER_ERROR = 0.001


class SetSearchEnd(StrEnum):
    """How a search ended."""

    #: The triggers are found.
    FOUND = "found"
    #: The prompt was not refused again: the first refusal was chance, or is over.
    NOT_REPEATED = "not_repeated"
    #: The filter refuses even without any word of the prompt.
    NOT_WORDS = "not_words"
    #: It did not end yet. Some triggers may be known, and the parts among which another one is.
    UNFINISHED = "unfinished"


@dataclass(frozen=True, kw_only=True)
class TriggerSet:
    """What a search found."""

    end: SetSearchEnd
    #: Numbers of the parts that are needed for a refusal, in the order of the text.
    triggers: tuple[int, ...]
    #: If unfinished: the smallest group of parts in which another trigger is. Otherwise empty.
    group: tuple[int, ...] = ()
    #: The probability that all of this is right.
    confidence: float


@dataclass
class TriggerSetSearch:
    """One search. `next_test` gives the parts to test; `record` takes the answer.

    The same answers always lead to the same tests, so a search is resumed by recording its answers again.
    """

    #: For each part, how likely it is to be a trigger, in any unit.
    risks: Sequence[float]
    #: Each step ends at this probability.
    confidence: float = 0.9
    _order: list[int] = field(init=False)
    _found: list[int] = field(init=False, default_factory=list)
    #: How many parts at the start of the order may be triggers.
    _left: int = field(init=False)
    #: As `_RATE_PRIORS`, twice: probability of each rate of errors (rows) and place of the last trigger
    #: (columns). Place 0: the triggers found so far are all. Place `_left` + 1: all parts are not refused.
    _places: Array = field(init=False)
    _sure: float = field(init=False, default=1.0)
    _end: SetSearchEnd | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        if not self.risks or min(self.risks) <= 0:
            raise ValueError("a search needs parts, each with a risk above 0")
        self._order = sorted(range(len(self.risks)), key=lambda part: -self.risks[part])
        self._left = len(self._order)
        self._places = self._prior(_RATE_PRIORS, _NO_WORDS, _NOT_REPEATED)

    def next_test(self) -> frozenset[int] | None:
        """The parts to test together; None at the end."""
        return None if self._end is not None else self._kept(self._best_test())

    def record(self, *, refused: bool) -> None:
        """Take the answer to the test that `next_test` gives. Raises `ValueError` after the end."""
        if self._end is not None:
            raise ValueError("the search has ended")
        expected = np.arange(self._left + 2) <= self._best_test()
        self._places *= np.where(expected == refused, 1 - _RATES[:, None], _RATES[:, None])
        self._places /= self._places.sum(axis=(1, 2), keepdims=True)
        self._advance()

    def result(self) -> TriggerSet:
        """What is known now."""
        end = self._end or SetSearchEnd.UNFINISHED
        group, sure = self._group() if end is SetSearchEnd.UNFINISHED else ((), 1.0)
        return TriggerSet(
            end=end,
            triggers=tuple(sorted(self._found)),
            group=group,
            confidence=self._sure * sure,
        )

    def _advance(self) -> None:
        """Take each step whose place is probable enough."""
        while self._end is None:
            by_place = self._places[0].sum(axis=0)
            place = int(by_place.argmax())
            if by_place[place] < self.confidence:
                return
            self._sure *= float(self._places[1, :, place].sum())
            rates = self._places.sum(axis=2)
            if place == 0:
                self._end = SetSearchEnd.FOUND if self._found else SetSearchEnd.NOT_WORDS
            elif place > self._left and not self._found:
                self._end = SetSearchEnd.NOT_REPEATED
            elif place > self._left:
                # An earlier step went wrong. What is known of the rate of errors stays.
                self._found, self._left, self._sure = [], len(self._order), 1.0
                self._places = self._prior(rates, _NO_WORDS, _NOT_REPEATED)
            else:
                self._found.append(self._order[place - 1])
                self._left = place - 1
                self._places = self._prior(rates, _COMPLETE, _EARLIER_ERROR)

    def _prior(self, rates: Array, complete: float, none: float) -> Array:
        risks = np.array([self.risks[part] for part in self._order[: self._left]], dtype=np.float64)
        between = (1 - complete - none) * risks / risks.sum() if self._left else risks
        by_place = np.concatenate([[complete], between, [none]])
        places: Array = rates[:, :, None] * (by_place / by_place.sum())
        return places

    def _best_test(self) -> int:
        """The number of parts in the test with the greatest expected information."""
        up_to = np.cumsum(self._places[0], axis=1)[:, : self._left + 1]
        of_rate = self._places[0].sum(axis=1, keepdims=True)
        rates = _RATES[:, None]
        refused = (up_to * (1 - rates) + (of_rate - up_to) * rates).sum(axis=0)
        # The entropy of an answer whose place is known is the same for every test.
        return int(_entropy(refused).argmax())

    def _kept(self, count: int) -> frozenset[int]:
        return frozenset((*self._found, *self._order[:count]))

    def _group(self) -> tuple[tuple[int, ...], float]:
        """The fewest neighbouring parts in the order with enough probability, and that probability."""
        sums = np.concatenate([[0.0], np.cumsum(self._places[0].sum(axis=0)[1 : self._left + 1])])
        best: tuple[int, int] | None = None
        for start in range(self._left):
            stop = int(np.searchsorted(sums, sums[start] + self.confidence))
            if stop <= self._left and (best is None or stop - start < best[0]):
                best = stop - start, start
        if best is None:
            # The triggers that were found, and perhaps others.
            return (), 1.0 if self._found else 0.0
        size, start = best
        sure = float(self._places[1, :, start + 1 : start + size + 1].sum())
        return tuple(sorted(self._order[start : start + size])), sure


def _entropy(chance: Array) -> Array:
    sure = np.clip(chance, 1e-12, 1 - 1e-12)
    bits: Array = -(sure * np.log2(sure) + (1 - sure) * np.log2(1 - sure))
    return bits
