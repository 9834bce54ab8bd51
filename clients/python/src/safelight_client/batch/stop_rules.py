"""When a batch stops by itself: too many of its rows were blocked."""

from __future__ import annotations

from dataclasses import dataclass

#: After the first rows, this share of the ended ones may be blocked.
MAX_SHARE = 0.1


@dataclass(kw_only=True)
class StopRules:
    """Counts ended and blocked rows. At most `max_refusals` may be blocked, or a tenth if that is more.

    With the default of 5, that is more than 5 of the first 20 rows, or later more than 10 %.
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
        return max(self.max_refusals, int(self.ended * MAX_SHARE))

    @property
    def reason(self) -> str:
        """Why no further row may be sent; empty if one may."""
        if self.blocked <= self.allowance:
            return ""
        return f"{self.blocked} of {self.ended} rows were blocked; at most {self.allowance} may be."
