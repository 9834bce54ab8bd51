"""When a batch stops by itself: too many of its rows were blocked."""

from __future__ import annotations

from dataclasses import dataclass

#: The limit is a number for this many ended rows, and a share of all ended rows later.
_FIRST_ROWS = 20
#: The share later is the limit divided by this: 10 % with the default limit of 5.
_SHARE_DIVISOR = 50


@dataclass(kw_only=True)
class StopRules:
    """Counts ended and blocked rows, in any order.

    Of the first 20 rows that ended, at most `max_refusals` may be blocked; later at most that many of 50
    of all rows that ended. With the default, that is 5 of the first 20, then 10 %.
    """

    max_refusals: int = 5
    ended: int = 0
    blocked: int = 0

    def record(self, *, blocked: bool) -> None:
        self.ended += 1
        self.blocked += blocked

    @property
    def allowance(self) -> int:
        """How many of the rows so far may be blocked."""
        if self.ended <= _FIRST_ROWS:
            return self.max_refusals
        return self.ended * self.max_refusals // _SHARE_DIVISOR

    @property
    def reason(self) -> str:
        """Why no further row may be sent; empty if one may."""
        if self.blocked <= self.allowance:
            return ""
        return f"{self.blocked} of {self.ended} rows were blocked; at most {self.allowance} may be."
