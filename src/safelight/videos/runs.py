"""The runs of a video in the queue. Only the newest run of a video executes steps."""

from __future__ import annotations

from safelight.store import tables
from safelight.store.database import Database

from .queue import DurableQueue


def next_run(database: Database, tenant: str, video_id: str, run: int) -> int | None:
    """The number of the run that follows `run`. None if another process has begun one already."""
    with database.transaction(tenant=tenant) as tx:
        changed = tx.update(
            tables.videos,
            video_id,
            tables.videos.c.enqueue_count == run,
            enqueue_count=run + 1,
        )
    return run + 1 if changed else None


def enqueue_next(database: Database, queue: DurableQueue, tenant: str, video_id: str, run: int) -> None:
    """Enqueue the run that follows `run`, unless another process has just enqueued it."""
    following = next_run(database, tenant, video_id, run)
    if following is not None:
        queue.enqueue(tenant, video_id, following)
