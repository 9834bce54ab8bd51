"""Signs that are harmless one by one, in several parts of a clip, and what they mean together. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product

from safelight.detectors.text.indicators import IndicatorRule

#: Evidence from one part for one clause, at most.
_SPANS = 2


@dataclass(frozen=True, kw_only=True)
class PartIndicators:
    """The signs of one part: where each of them stands in its text."""

    signs: Mapping[str, tuple[tuple[int, int], ...]]
    #: Seen or heard: what a clip says of itself counts here, and not what was asked for.
    media: bool


@dataclass(frozen=True, kw_only=True)
class IndicatorMatch:
    """One sign that was met: in which part, which sign, and where."""

    part: int
    sign: str
    places: tuple[tuple[int, int], ...]


def matching_clauses(
    conjunction: IndicatorRule, parts: Sequence[PartIndicators]
) -> tuple[IndicatorMatch, ...]:
    """One clause for each that the conjunction asks for, from two parts at least; empty where it is not met.

    What one part says all by itself is no conjunction: whoever reads that part alone has to see it.
    """
    if any(part.media and conjunction.unless & part.signs.keys() for part in parts):
        return ()
    wanted = [tuple(_having(signs, parts)) for signs in conjunction.clauses]
    if not all(wanted):
        return ()
    for chosen in product(*(clauses[:8] for clauses in wanted)):
        if len({clause.part for clause in chosen}) > 1 and _apart(chosen):
            return chosen
    return ()


def _having(signs: Iterable[str], parts: Sequence[PartIndicators]) -> Iterable[IndicatorMatch]:
    for number, part in enumerate(parts):
        for sign in sorted(signs):
            if places := part.signs.get(sign):
                yield IndicatorMatch(part=number, sign=sign, places=places[:_SPANS])


def _apart(clauses: Sequence[IndicatorMatch]) -> bool:
    """No two clauses rest on the same words."""
    seen: set[tuple[int, tuple[int, int]]] = set()
    for clause in clauses:
        places = {(clause.part, place) for place in clause.places}
        if places <= seen:
            return False
        seen |= places
    return True
