"""Schedule of a canary: the part of the day that a call belongs to, and what the calls may cost. Pure."""

from __future__ import annotations

import zlib
from collections.abc import Collection

DAY_S = 86_400.0
#: Days in which the calls cost at most the ceiling: no month is longer.
MONTH_DAYS = 31
MONTH_S = MONTH_DAYS * DAY_S
#: Most calls a day of one canary. One an hour finds a drift within hours, and each call costs money.
MAX_PER_DAY = 24


def month_price(per_day: int, price_micros: int) -> int:
    """The price of the calls of a month, in millionths."""
    return per_day * MONTH_DAYS * price_micros


def slot_start(canary_id: str, per_day: int, now: float) -> float:
    """The start of the slot that contains `now`. Canaries begin their slots at different times."""
    length = DAY_S / per_day
    offset = zlib.crc32(canary_id.encode()) % length
    return offset + (now - offset) // length * length


def find_due_slot(
    canary_id: str, per_day: int, now: float, *, taken: Collection[float], since: float
) -> float | None:
    """The slot in which a call is due now; None if it has its call, or began before `since`.

    Slots that passed without a call, for example while no gateway ran, are left out.
    """
    start = slot_start(canary_id, per_day, now)
    return None if start in taken or start < slot_start(canary_id, per_day, since) else start
