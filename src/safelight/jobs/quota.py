"""The daily quota of an API key. It is reserved with each request, and returned if nothing is delivered."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from sqlalchemy import and_

from safelight.errors import QuotaExceeded
from safelight.store import tables
from safelight.store.transaction import Transaction

from .models import Video


@dataclass(frozen=True, kw_only=True)
class QuotaStatus:
    """The quota of an API key for today, and how much of it is left."""

    videos_per_day: int
    videos_left: int
    seconds_per_day: int
    seconds_left: int
    #: Seconds until the next day begins (UTC).
    reset_s: float


@dataclass(frozen=True, kw_only=True)
class Quota:
    seconds_per_day: int
    videos_per_day: int

    def reserve(self, tx: Transaction, principal_id: str, seconds: int, *, now: float) -> None:
        """Reserve the quota for one video. Raises `QuotaExceeded`, with the seconds until the next day."""
        usage = tables.quota_usage.c
        day = _day(now)
        tx.insert_or_ignore(tables.quota_usage, principal_id=principal_id, day=day, videos=0, seconds=0)
        changed = tx.update(
            tables.quota_usage,
            usage.principal_id == principal_id,
            usage.day == day,
            and_(
                usage.videos < self.videos_per_day,
                usage.seconds + seconds <= self.seconds_per_day,
            ),
            videos=usage.videos + 1,
            seconds=usage.seconds + seconds,
        )
        if changed != 1:
            raise QuotaExceeded(
                f"This API key has used its quota for today: {self.seconds_per_day} seconds or "
                f"{self.videos_per_day} videos a day (UTC).",
                retry_after_s=86400 - now % 86400,
            )

    def allowance(self, tx: Transaction, principal_id: str, *, now: float) -> QuotaStatus:
        usage = tables.quota_usage.c
        row = tx.one(tables.quota_usage, usage.principal_id == principal_id, usage.day == _day(now))
        return QuotaStatus(
            videos_per_day=self.videos_per_day,
            videos_left=max(0, self.videos_per_day - (row.videos if row else 0)),
            seconds_per_day=self.seconds_per_day,
            seconds_left=max(0, int(self.seconds_per_day - (row.seconds if row else 0))),
            reset_s=86400 - now % 86400,
        )

    def refund(self, tx: Transaction, video: Video) -> None:
        """Return the quota of a video. It is added to the day on which it was reserved."""
        usage = tables.quota_usage.c
        tx.update(
            tables.quota_usage,
            usage.principal_id == video.principal_id,
            usage.day == _day(video.created_at),
            usage.videos > 0,
            videos=usage.videos - 1,
            seconds=usage.seconds - video.seconds,
        )


def _day(now: float) -> str:
    return dt.datetime.fromtimestamp(now, dt.UTC).date().isoformat()
