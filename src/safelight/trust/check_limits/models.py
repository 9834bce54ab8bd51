"""Check limits: how many checks, explanations and blocked requests are allowed per hour."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

#: Use is counted per minute. A minute's use expires an hour after that minute ended.
MINUTE_S = 60
WINDOW_S = 3600


@dataclass(frozen=True, kw_only=True)
class CheckLimits:
    """The maximum number of checks within an hour, per key and per end user."""

    per_key: int = 600
    per_end_user: int = 120


@dataclass(frozen=True, kw_only=True)
class CheckBudget:
    """The limit of one principal or end user, and how much of it is used.

    `retry_after_s` is 0 if the requested cost is within the limit.
    """

    limit: int
    used: int
    retry_after_s: float

    @property
    def left(self) -> int:
        return max(0, self.limit - self.used)


def start_of_minute(now: float) -> int:
    """The time at which the minute of `now` began."""
    return math.floor(now / MINUTE_S) * MINUTE_S


def oldest_counted_minute(now: float) -> int:
    """The start of the oldest minute that counts towards the hour before `now`."""
    return start_of_minute(now) - WINDOW_S


def remaining_budget(usage: Iterable[tuple[int, int]], *, now: float, limit: int, cost: int) -> CheckBudget:
    """The budget that remains after `usage`, and the wait until `cost` fits into it.

    `usage` has pairs of the start of a minute and the number of checks in it. No hour exceeds `limit`. A cost
    above the limit never fits; its wait is the longest possible.
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
