"""The place of each video in the queue."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Row, and_, exists

from safelight.providers.protocol import RemoteGenerator
from safelight.store import tables

from .context import PipelineContext
from .fair_order import FairSequence, SlotRequest
from .models import AWAITING_REVIEW, TERMINAL, QueueStatus, Video, VideoState

#: The places are computed again after this time.
_KEPT_S = 1.0
_MAX_VIDEOS = 10_000
_MOVING = frozenset(VideoState) - TERMINAL - AWAITING_REVIEW

_ATTEMPT = tables.attempts.c
#: Whether the generator has not accepted a request for a video in `generating`, and none is being sent.
_IS_NOT_TAKEN = and_(
    tables.videos.c.state == VideoState.GENERATING.value,
    exists().where(_ATTEMPT.video_id == tables.videos.c.id, _ATTEMPT.outcome == "not_taken"),
    ~exists().where(_ATTEMPT.video_id == tables.videos.c.id, _ATTEMPT.ended_at.is_(None)),
)


@dataclass(frozen=True, kw_only=True)
class _Places:
    """What was computed at one moment, by video id."""

    at: float = -math.inf
    priorities: Mapping[str, int] = field(default_factory=dict)
    status: Mapping[str, QueueStatus] = field(default_factory=dict)


class QueuePlaces:
    """Reads the unfinished videos of all tenants at most once a second, for any number of callers."""

    def __init__(self, context: PipelineContext, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._context = context
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._places = _Places()

    def status(self, video: Video) -> QueueStatus | None:
        """The place of a video that is not finished. None for others."""
        if video.state not in _MOVING:
            return None
        if self._monotonic() - self._places.at > _KEPT_S and self._lock.acquire(blocking=False):
            # The other callers get the last places meanwhile.
            try:
                self._places = self._read()
            finally:
                self._lock.release()
        return self._places.status.get(video.id, QueueStatus(place=None))

    def priorities(self) -> Mapping[str, int]:
        """The priority of each video that has not begun. The others have none, which is the highest.

        A priority is stored with a run and never changes, so all of them are equal: a lower one for each
        later video would let new videos overtake old ones again and again.
        """
        return self._read().priorities

    def _read(self) -> _Places:
        at = self._monotonic()
        videos = tables.videos.c
        with self._context.database.across_tenants("the places in the queue", readonly=True) as tx:
            rows = tx.select(
                tables.videos,
                videos.state.in_([state.value for state in _MOVING]),
                columns=[
                    videos.id,
                    videos.tenant_id,
                    videos.principal_id,
                    videos.generator,
                    videos.state,
                    videos.created_at,
                    _IS_NOT_TAKEN.label("not_taken"),
                ],
                order_by=(videos.created_at,),
                limit=_MAX_VIDEOS,
            )
        sequence = FairSequence(
            SlotRequest(tenant=row.tenant_id, key=row.principal_id, since=row.created_at, video_id=row.id)
            for row in rows
            if not self._is_at_upstream(row)
        )
        places = {each.video_id: place for place, each in enumerate(sequence.requests, start=1)}
        status = {
            row.id: QueueStatus(
                place=places.get(row.id), not_taken=row.id not in places and bool(row.not_taken)
            )
            for row in rows
        }
        queued = {row.id: 1 for row in rows if row.state == VideoState.QUEUED.value}
        return _Places(at=at, priorities=queued, status=status)

    def _is_at_upstream(self, row: Row[Any]) -> bool:
        generator = self._context.generators.get(row.generator)
        return row.state == VideoState.GENERATING.value and isinstance(generator, RemoteGenerator)
