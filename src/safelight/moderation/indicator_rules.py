"""Indicator rules: indicators that are harmless alone and harmful in combination. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product

from safelight.detectors.text.indicators import IndicatorRule

#: Maximum places of one indicator in one part that are kept as evidence.
_MAX_PLACES = 2


@dataclass(frozen=True, kw_only=True)
class PartIndicators:
    """The indicators of one part, with their positions in its text."""

    signs: Mapping[str, tuple[tuple[int, int], ...]]
    #: Whether the part is OCR text or transcript, and not the request.
    media: bool


@dataclass(frozen=True, kw_only=True)
class IndicatorMatch:
    """A clause that is met: the part, the indicator, and its positions."""

    part: int
    sign: str
    places: tuple[tuple[int, int], ...]


def matching_clauses(
    conjunction: IndicatorRule, parts: Sequence[PartIndicators]
) -> tuple[IndicatorMatch, ...]:
    """A match for every clause of the rule, from at least two parts; empty if the rule does not match.

    One part alone never matches: the text detectors screen each part by itself.
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
    """Whether every clause has evidence of its own."""
    used: set[tuple[int, tuple[int, int]]] = set()
    for clause in clauses:
        places = {(clause.part, place) for place in clause.places}
        if places <= used:
            return False
        used |= places
    return True
