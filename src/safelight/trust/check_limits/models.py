"""Check limits: checks, explanations and blocked requests per hour."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

#: Use is counted per minute and expires an hour after the minute ended.
MINUTE_S = 60
WINDOW_S = 3600


@dataclass(frozen=True, kw_only=True)
class CheckLimits:
    """The number of checks in any hour."""

    per_key: int = 600
    per_end_user: int = 120


@dataclass(frozen=True, kw_only=True)
class CheckBudget:
    """The use and limit of one subject. `retry_after_s` is 0 if the requested cost is within the limit."""

    limit: int
    used: int
    retry_after_s: float

    @property
    def left(self) -> int:
        return max(0, self.limit - self.used)


def start_of_minute(now: float) -> int:
    """The first second of the minute that contains `now`."""
    return math.floor(now / MINUTE_S) * MINUTE_S


def oldest_counted_minute(now: float) -> int:
    """The oldest minute that counts towards the hour that ends now."""
    return start_of_minute(now) - WINDOW_S


def remaining_budget(usage: Iterable[tuple[int, int]], *, now: float, limit: int, cost: int) -> CheckBudget:
    """The budget after `usage`, pairs of a minute and the use in it, and the wait until `cost` is possible.

    No hour exceeds `limit`. For a cost above the limit, which is never possible, the wait is an hour.
    """
    counted = sorted(pair for pair in usage if pair[0] >= oldest_counted_minute(now))
    used = sum(amount for _, amount in counted)
    over = used + cost - limit
    wait = 0.0
    for start, amount in counted:
        if over <= 0:
            break
        over -= amount
        wait = start + WINDOW_S + MINUTE_S - now
    if over > 0:
        wait = float(WINDOW_S + MINUTE_S)
    return CheckBudget(limit=limit, used=used, retry_after_s=wait)
