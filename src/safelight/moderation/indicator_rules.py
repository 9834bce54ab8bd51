"""Indicator rules: indicators that are harmless alone and harmful in combination. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product

from safelight.detectors.text.indicators import IndicatorRule

#: Maximum number of positions of one indicator in one part that are kept as evidence.
_MAX_PLACES = 2


@dataclass(frozen=True, kw_only=True)
class PartIndicators:
    """The indicators in one part of the text, with their positions."""

    signs: Mapping[str, tuple[tuple[int, int], ...]]
    #: Whether the part is OCR text or transcript. False for the request.
    media: bool


@dataclass(frozen=True, kw_only=True)
class IndicatorMatch:
    """A clause of a rule that matches: the number of the part, the indicator, and its positions."""

    part: int
    sign: str
    places: tuple[tuple[int, int], ...]


def matching_clauses(
    conjunction: IndicatorRule, parts: Sequence[PartIndicators]
) -> tuple[IndicatorMatch, ...]:
    """One match for each clause of the rule, from at least two parts. Empty if the rule does not match.

    A single part never matches, because the text detectors screen each part separately.
    """
    if any(part.media and conjunction.unless & part.signs.keys() for part in parts):
        return ()
    wanted = [tuple(_matches_in(signs, parts)) for signs in conjunction.clauses]
    if not all(wanted):
        return ()
    for chosen in product(*(clauses[:8] for clauses in wanted)):
        if len({clause.part for clause in chosen}) > 1 and _have_own_evidence(chosen):
            return chosen
    return ()


def _matches_in(signs: Iterable[str], parts: Sequence[PartIndicators]) -> Iterable[IndicatorMatch]:
    for number, part in enumerate(parts):
        for sign in sorted(signs):
            if places := part.signs.get(sign):
                yield IndicatorMatch(part=number, sign=sign, places=places[:_MAX_PLACES])


def _have_own_evidence(clauses: Sequence[IndicatorMatch]) -> bool:
    """Whether every clause has at least one position that no earlier clause uses."""
    used: set[tuple[int, tuple[int, int]]] = set()
    for clause in clauses:
        places = {(clause.part, place) for place in clause.places}
        if places <= used:
            return False
        used |= places
    return True
