"""Finds the sets of words that cause a refusal, one after the other, within a number of tests. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

from .trigger_set_search import SetSearchEnd, TriggerSet, TriggerSetSearch

#: Each step of a search ends at this probability. With few tests, more words are found that way.
CONFIDENCE = 0.9
#: The same without a limit on tests: surer, and still half the tests of delta debugging
#: (docs/benchmarks/triggers.md).
CONFIDENCE_WITHOUT_LIMIT = 0.98
#: Sets of a lower probability are not named.
MIN_CONFIDENCE = 0.6
#: How much likelier a set is right if the prompt without a word of it is accepted, and if it is refused
#: again: there are other words, or the set is wrong (docs/benchmarks/triggers.md).
_ACCEPTED_WITHOUT, _REFUSED_WITHOUT = 1.5, 0.3
#: More sets than this are not looked for: the filter does not react to single words then.
_MAX_SETS = 3


class TriggerSearchEnd(StrEnum):
    """How a search ended."""

    #: The sets are found, and without a word of each the filter accepts the prompt.
    FOUND = "found"
    #: The prompt was not refused again: the first refusal was chance, or is over.
    NOT_REPEATED = "not_repeated"
    #: The filter refuses even without any word of the prompt.
    NOT_WORDS = "not_words"
    #: The answers contradict each other too often to name words.
    UNSURE = "unsure"
    #: As many sets as are looked for were found, and the filter still refuses.
    MORE_SETS = "more_sets"
    #: The tests are used up.
    CEILING = "ceiling"


@dataclass(frozen=True, kw_only=True)
class TriggerResult:
    """What a search found. Numbers are those of the parts of the prompt."""

    end: TriggerSearchEnd
    #: Each set alone causes a refusal.
    sets: tuple[TriggerSet, ...]
    #: The parts without which the filter accepted the prompt; empty if that was not tested.
    accepted_without: tuple[int, ...]
    tests: int


@dataclass
class TriggerSearch:
    """One search. `next_test` gives the parts to test together; `record` takes the answer.

    The same answers always lead to the same tests, so a search is resumed by recording its answers again.
    """

    #: For each part, how likely it is to be a trigger, in any unit.
    risks: Sequence[float]
    #: Each step ends at this probability.
    confidence: float
    #: The highest number of tests; None if there is no limit.
    ceiling: int | None
    tests: int = 0
    _sets: list[TriggerSet] = field(init=False, default_factory=list)
    #: One part of each set found so far.
    _without: list[int] = field(init=False, default_factory=list)
    _search: TriggerSetSearch = field(init=False)
    _end: TriggerSearchEnd | None = field(init=False, default=None)
    _is_accepted: bool = field(init=False, default=False)

    def __post_init__(self) -> None:
        self._search = TriggerSetSearch(self.risks, confidence=self.confidence)

    def next_test(self) -> frozenset[int] | None:
        """The parts to test together; None at the end."""
        if self._end is not None or (self.ceiling is not None and self.tests >= self.ceiling):
            return None
        rest = self._rest()
        kept = self._search.next_test()
        # A set was found: is the prompt accepted without a part of it?
        return frozenset(rest) if kept is None else frozenset(rest[part] for part in kept)

    def record(self, *, refused: bool) -> None:
        """Take the answer to the test that `next_test` gives. Raises `ValueError` after the end."""
        if self.next_test() is None:
            raise ValueError("the search has ended")
        self.tests += 1
        if self._search.next_test() is not None:
            self._search.record(refused=refused)
            if self._search.next_test() is None:
                self._take_set()
            return
        last = self._sets[-1]
        right = last.confidence * (_REFUSED_WITHOUT if refused else _ACCEPTED_WITHOUT)
        self._sets[-1] = replace(last, confidence=right / (right + 1 - last.confidence))
        if not refused:
            self._end, self._is_accepted = TriggerSearchEnd.FOUND, True
        elif len(self._sets) == _MAX_SETS:
            self._end = TriggerSearchEnd.MORE_SETS
        else:
            risks = [self.risks[part] for part in self._rest()]
            self._search = TriggerSetSearch(risks, confidence=self.confidence)

    def result(self) -> TriggerResult:
        """What is known now."""
        found = list(self._sets)
        last = self._search.result()
        if last.end is SetSearchEnd.UNFINISHED and (last.triggers or last.group):
            found.append(self._numbered(last))
        named = tuple(one for one in found if one.confidence >= MIN_CONFIDENCE)
        is_unsure = len(named) < len(found)
        return TriggerResult(
            end=TriggerSearchEnd.UNSURE if is_unsure else self._end or TriggerSearchEnd.CEILING,
            sets=named,
            accepted_without=tuple(self._without) if self._is_accepted and not is_unsure else (),
            tests=self.tests,
        )

    def _take_set(self) -> None:
        found = self._search.result()
        if found.end is SetSearchEnd.FOUND:
            found = self._numbered(found)
            self._sets.append(found)
            riskiest = max(found.triggers, key=lambda part: self.risks[part])
            self._without.append(riskiest)
            if not self._rest():
                self._end = TriggerSearchEnd.FOUND
        elif self._sets:
            # Without the last part, the prompt was refused once by chance.
            self._end, self._is_accepted = TriggerSearchEnd.FOUND, True
        elif found.end is SetSearchEnd.NOT_WORDS:
            self._end = TriggerSearchEnd.NOT_WORDS
        else:
            self._end = TriggerSearchEnd.NOT_REPEATED

    def _rest(self) -> list[int]:
        return [part for part in range(len(self.risks)) if part not in self._without]

    def _numbered(self, found: TriggerSet) -> TriggerSet:
        # While a set is looked for, its own parts are not in `_without`.
        rest = self._rest()
        return TriggerSet(
            end=found.end,
            triggers=tuple(rest[part] for part in found.triggers),
            group=tuple(rest[part] for part in found.group),
            confidence=found.confidence,
        )
