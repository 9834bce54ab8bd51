"""How often outcomes are tested for drift. With more tests a year, each alarm has to be clearer. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

YEAR_S = 365.25 * 86_400.0
#: The attempts of a new account are taken for those of at least this time.
_NEW_ACCOUNT_S = 7 * 86_400.0
Kind = TypeVar("Kind", bound=str)


@dataclass(frozen=True, kw_only=True)
class TestedOutcomes(Generic[Kind]):
    """The outcomes of users or of canaries that were read."""

    times: Sequence[float]
    #: The number of tested outcomes of each kind.
    counts: Mapping[Kind, int]
    #: Whether there are older ones, which were not read.
    has_older: bool


def count_a_year(groups: Sequence[TestedOutcomes[Kind]]) -> Mapping[Kind, float]:
    """How many outcomes of each kind are tested in a year.

    If only the newest of a group were read, its rate is that of the time in which these are. The others have
    all been read, so they belong to the whole time.
    """
    times = [at for group in groups for at in group.times]
    # All attempts of a busy account that are read can be of one hour: only a new account gets a longer time.
    shortest = 1.0 if any(group.has_older for group in groups) else _NEW_ACCOUNT_S
    rates: defaultdict[Kind, float] = defaultdict(float)
    for group in groups:
        if group.times:
            within = group.times if group.has_older else times
            years = max(max(within) - min(within), shortest) / YEAR_S
            for kind, count in group.counts.items():
                rates[kind] += count / years
    return rates
