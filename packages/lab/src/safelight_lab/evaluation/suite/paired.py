"""Paired comparison: the same rows judged twice, as a signed difference with an interval."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from safelight.policy.statistics import wilson

Key = TypeVar("Key")


def compare(pairs: Sequence[tuple[bool, bool]]) -> dict[str, Any]:
    """`pairs`: whether each row was stopped before and after. The difference is after minus before.

    The interval is Newcombe's square-and-add one for paired rates, from Wilson's intervals and the
    correlation. It is not empty when no row changed. `p` is of McNemar's exact two-sided test.
    """
    n = len(pairs)
    both = sum(before and after for before, after in pairs)
    gone = sum(before and not after for before, after in pairs)
    new = sum(after and not before for before, after in pairs)
    low, high = interval(both, new, gone, n - both - gone - new)
    return {
        "n": n,
        "before": both + gone,
        "after": both + new,
        "newly_stopped": new,
        "no_longer_stopped": gone,
        "difference": (new - gone) / n if n else 0.0,
        "interval": [low, high],
        "p": mcnemar(gone, new),
    }


def compare_sides(
    name: str,
    before: Mapping[Key, bool],
    own: Mapping[Key, bool],
    parts: Mapping[Key, Sequence[tuple[str, str]]],
) -> dict[str, Any]:
    """The own side minus the side `name`, by set and label; each says by key whether a row was stopped.
    `parts`: the sets and labels that a row counts in. Rows of one side only are counted.
    """
    pairs: dict[tuple[str, str], list[tuple[bool, bool]]] = {}
    for key in own:
        if key in before:
            for part in parts[key]:
                pairs.setdefault(part, []).append((before[key], own[key]))
    return {
        "against": name,
        "only_here": len(own.keys() - before.keys()),
        "only_there": len(before.keys() - own.keys()),
        "rows": [{"set": part, "label": label, **compare(found)} for (part, label), found in pairs.items()],
    }


def mcnemar(gone: int, new: int) -> float:
    """The exact two-sided p that as many rows change in each direction."""
    changed, fewer = gone + new, min(gone, new)
    tail: int = sum(math.comb(changed, k) for k in range(fewer + 1))
    return min(1.0, float(2 * tail / 2**changed))


def interval(both: int, new: int, gone: int, neither: int) -> tuple[float, float]:
    """The 95 % interval of the difference: rows stopped both times, only after, only before, never."""
    n = both + new + gone + neither
    if n == 0:
        return -1.0, 1.0
    after, before = (both + new) / n, (both + gone) / n
    after_low, after_high = wilson(both + new, n)
    before_low, before_high = wilson(both + gone, n)
    spread = math.sqrt((both + new) * (gone + neither) * (both + gone) * (new + neither))
    related = (both * neither - new * gone) / spread if spread else 0.0

    def reach(one: float, other: float) -> float:
        return math.sqrt(max(0.0, one * one - 2 * related * one * other + other * other))

    difference = after - before
    low = difference - reach(after - after_low, before_high - before)
    high = difference + reach(before - before_low, after_high - after)
    return max(-1.0, low), min(1.0, high)
