"""The place of each video in the queue, and when it is likely to be finished."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy import Row, and_, exists

from safelight.providers.protocol import RemoteGenerator
from safelight.store import tables

from .context import PipelineContext
from .durations import Part
from .fair_order import FairSequence, SlotRequest
from .models import AWAITING_REVIEW, TERMINAL, QueueStatus, Video, VideoState

#: The places are computed again after this time.
_KEPT_S = 1.0
_MAX_VIDEOS = 10_000
#: Estimates are rounded up to a multiple of this, so that they do not change at each poll.
_STEP_S = 5
_MOVING = frozenset(VideoState) - TERMINAL - AWAITING_REVIEW
_PARTS_LEFT: Mapping[VideoState, tuple[Part, ...]] = {
    VideoState.QUEUED: (Part.RENDER, Part.NORMALIZE, Part.SCAN, Part.SEAL),
    VideoState.GENERATING: (Part.RENDER, Part.NORMALIZE, Part.SCAN, Part.SEAL),
    VideoState.SCANNING: (Part.SCAN, Part.SEAL),
    VideoState.SEALING: (Part.SEAL,),
}

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
    """Reads the unfinished videos of all tenants at most once a second, for any number of callers.

    The estimates are made of the last durations in this process, and assume that it works alone.
    """

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
        return self._places.status.get(video.id, QueueStatus(place=None, estimate_s=None))

    def priorities(self) -> Mapping[str, int]:
        """The priority of each video that has not begun. The others have none, which is the highest.

        A priority is stored with a run and never changes, so all of them are equal: a lower one for each
        later video would let new videos overtake old ones again and again.
        """
        return self._read().priorities

    def _read(self) -> _Places:
        at, clock = self._monotonic(), self._context.database.clock()
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
                    videos.updated_at,
                    _IS_NOT_TAKEN.label("not_taken"),
                ],
                order_by=(videos.created_at,),
                limit=_MAX_VIDEOS,
            )
        here = {row.id: row for row in rows if not self._is_at_upstream(row)}
        sequence = FairSequence(
            SlotRequest(tenant=row.tenant_id, key=row.principal_id, since=row.created_at, video_id=row.id)
            for row in here.values()
        )
        status, before_s = {}, 0.0
        for place, request in enumerate(sequence.requests, start=1):
            row = here[request.video_id]
            local_s, upstream_s = self._local_s(row), self._upstream_s(row, clock)
            waiting_s = before_s / self._context.local_slots.count
            status[row.id] = _status(place, _sum(waiting_s, local_s, upstream_s))
            before_s += local_s or 0.0
        for row in rows:
            if row.id not in here:
                left_s = _sum(self._upstream_s(row, clock), self._local_s(row))
                status[row.id] = replace(_status(None, left_s), not_taken=bool(row.not_taken))
        queued = {row.id: 1 for row in rows if row.state == VideoState.QUEUED.value}
        return _Places(at=at, priorities=queued, status=status)

    def _is_remote(self, row: Row[Any]) -> bool:
        return isinstance(self._context.generators.get(row.generator), RemoteGenerator)

    def _is_at_upstream(self, row: Row[Any]) -> bool:
        return row.state == VideoState.GENERATING.value and self._is_remote(row)

    def _local_s(self, row: Row[Any]) -> float | None:
        """The time that the video still needs a local slot. None if nothing was measured."""
        parts = _PARTS_LEFT[VideoState(row.state)]
        if self._is_remote(row):
            parts = tuple(part for part in parts if part is not Part.RENDER)
        return _sum(*(self._context.durations.mean_s(row.generator, part) for part in parts))

    def _upstream_s(self, row: Row[Any], clock: float) -> float | None:
        """The time that the upstream still needs, 0 if there is none. None if nothing was measured."""
        if not self._is_remote(row) or row.state not in {
            VideoState.QUEUED.value,
            VideoState.GENERATING.value,
        }:
            return 0.0
        mean_s = self._context.durations.mean_s(row.generator, Part.UPSTREAM)
        if mean_s is None or row.state == VideoState.QUEUED.value:
            return mean_s
        return max(0.0, mean_s - (clock - float(row.updated_at)))


def _sum(*seconds: float | None) -> float | None:
    known = [each for each in seconds if each is not None]
    return sum(known) if len(known) == len(seconds) else None


def _status(place: int | None, estimate_s: float | None) -> QueueStatus:
    seconds = None if estimate_s is None else _STEP_S * math.ceil(estimate_s / _STEP_S)
    return QueueStatus(place=place, estimate_s=seconds)
