"""A probe budget: so many checks, lints, explanations and blocked creates an hour."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

#: Spending is counted by the minute and forgotten an hour after the minute ended.
MINUTE_S = 60
WINDOW_S = 3600


@dataclass(frozen=True, kw_only=True)
class CheckLimits:
    """How many probes each may make in any hour."""

    per_key: int = 600
    per_end_user: int = 120


@dataclass(frozen=True, kw_only=True)
class Budget:
    """What is left of one subject's hour. `retry_after_s` is 0 where the asked for cost fits."""

    limit: int
    used: int
    retry_after_s: float

    @property
    def left(self) -> int:
        return max(0, self.limit - self.used)


def minute(now: float) -> int:
    """The minute that holds this moment, as its first second."""
    return math.floor(now / MINUTE_S) * MINUTE_S


def oldest_counted(now: float) -> int:
    """The oldest minute that still counts: any hour that ends now lies within those from here on."""
    return minute(now) - WINDOW_S


def remaining(spending: Iterable[tuple[int, int]], *, now: float, limit: int, cost: int) -> Budget:
    """What is left after `spending`, pairs of a minute and what was spent in it, and when `cost` fits.

    In no hour is more than `limit` allowed. A cost above the limit never fits; it waits for a whole hour.
    """
    counted = sorted(pair for pair in spending if pair[0] >= oldest_counted(now))
    spent = sum(amount for _, amount in counted)
    over = spent + cost - limit
    wait = 0.0
    for start, amount in counted:
        if over <= 0:
            break
        over -= amount
        wait = start + WINDOW_S + MINUTE_S - now
    if over > 0:
        wait = float(WINDOW_S + MINUTE_S)
    return Budget(limit=limit, used=spent, retry_after_s=wait)
