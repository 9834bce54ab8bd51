"""The place of each video in the queue."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass

from sqlalchemy import and_, exists, not_

from safelight.providers.protocol import RemoteGenerator
from safelight.store import tables

from .context import PipelineContext, slot_request
from .fair_order import FairSequence
from .fleet_roles import role_of
from .mappers import from_json
from .models import AWAITING_REVIEW, TERMINAL, QueueStatus, Video, VideoState

#: The places are computed again after this time, or this multiple of the time that it took.
_KEPT_S, _KEPT_TIMES = 1.0, 20
#: If it took longer, a thread computes them, and no caller waits.
_QUICK_S = 0.05
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
    """What was read at one moment."""

    at: float
    took_s: float
    sequence: FairSequence
    not_taken: Collection[str]


class QueuePlaces:
    """Reads the unfinished videos of all tenants at most once a second, for any number of callers."""

    def __init__(self, context: PipelineContext, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._context = context
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._places: _Places | None = None
        self._remote = [
            name for name, each in context.generators.items() if isinstance(each, RemoteGenerator)
        ]

    def status(self, video: Video) -> QueueStatus | None:
        """The place of a video that is not finished. None for others."""
        if video.state not in _MOVING:
            return None
        places = self._current()
        if video.state is VideoState.GENERATING and video.generator in self._remote:
            return QueueStatus(place=None, not_taken=video.id in places.not_taken)
        return QueueStatus(place=places.sequence.place(slot_request(video)))

    def place(self, tenant: str, video_id: str) -> tuple[str, int | None]:
        """The role that runs the next step of a video, and the priority of one that has not begun.

        The others have none, which is the highest. A priority is stored with a run and never changes, so all
        of them are equal: a lower one for each later video would let new videos overtake old ones again and
        again.
        """
        with self._context.database.read_transaction(tenant) as tx:
            row = tx.one(tables.videos, video_id)
        if row is None:
            return "work", None
        state = VideoState(row.state)
        return role_of(state, from_json(row.request)), 1 if state is VideoState.QUEUED else None

    def _current(self) -> _Places:
        """The last places, which other callers get while one reads them again."""
        last = self._places
        if last is None:
            with self._lock:
                self._places = self._places or self._read()
                return self._places
        if self._monotonic() - last.at > max(_KEPT_S, _KEPT_TIMES * last.took_s) and self._lock.acquire(
            blocking=False
        ):
            if last.took_s < _QUICK_S:
                self._refresh()
            else:
                threading.Thread(target=self._refresh, name="queue-places", daemon=True).start()
        return self._places or last

    def _refresh(self) -> None:
        try:
            self._places = self._read()
        finally:
            self._lock.release()

    def _read(self) -> _Places:
        at = self._monotonic()
        videos = tables.videos.c
        at_upstream = and_(videos.state == VideoState.GENERATING.value, videos.generator.in_(self._remote))
        moving = videos.state.in_([state.value for state in _MOVING])
        with self._context.database.across_tenants("the places in the queue", readonly=True) as tx:
            waiting = tx.select(
                tables.videos,
                moving,
                not_(at_upstream),
                columns=[videos.tenant_id, videos.principal_id, videos.created_at, videos.id],
            )
            not_taken = tx.select(tables.videos, at_upstream, _IS_NOT_TAKEN, columns=[videos.id])
        return _Places(
            at=at,
            sequence=FairSequence(tuple(row) for row in waiting),
            not_taken={row.id for row in not_taken},
            took_s=self._monotonic() - at,
        )
