"""When a batch stops by itself: its rows, or the requests of all programs, were refused too often."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

#: The limit is a number for this many ended rows, and a share of all ended rows later.
_FIRST_ROWS = 20
#: The share later is the limit divided by this: 10 % with the default limit of 5.
_SHARE_DIVISOR = 50


@dataclass(kw_only=True)
class StopRules:
    """Counts ended and blocked rows in the order in which they ended.

    Of the first 20 rows that ended, at most `max_refusals` may be blocked. A block after them stops the batch
    if more than that many of 50 of all rows that ended so far are blocked. With the default, that is 5 of the
    first 20, then 10 %. A row that was not blocked never stops a batch.
    """

    max_refusals: int = 5
    ended: int = 0
    blocked: int = 0
    #: Why no further row may be sent; empty if one may.
    reason: str = ""

    def record(self, *, blocked: bool) -> None:
        self.ended += 1
        self.blocked += blocked
        if blocked and self.blocked > self.allowance:
            self.reason = (
                f"{self.blocked} of {self.ended} rows were blocked; at most {self.allowance} may be."
            )

    @property
    def allowance(self) -> int:
        """How many of the rows so far may be blocked when one is blocked."""
        if self.ended <= _FIRST_ROWS:
            return self.max_refusals
        return self.ended * self.max_refusals // _SHARE_DIVISOR


def read_budget(models: Mapping[str, Mapping[str, Any]] | None, model: str) -> str:
    """What a gateway states about the refusal budget of a model, or without one, of its first model."""
    listed = models or {}
    details = listed.get(model or next(iter(listed), ""), {}).get("safelight")
    return str(details.get("refusal_budget") or "") if isinstance(details, Mapping) else ""


def budget_reason(stated: str) -> str:
    """Why no further row may be sent after this statement of a gateway; empty if one may."""
    if stated not in ("half_used", "used"):
        return ""
    return (
        "The provider has refused half of the requests that it may refuse today, or more. "
        "The batch can go on from 00:00 UTC on."
    )
