"""Background cleanup: enqueues stalled videos, ends expired reviews, deletes expired and unused files."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from sqlalchemy import ColumnElement

from safelight.errors import DeadlineExceeded, SafelightError, Unavailable
from safelight.store import tables
from safelight.store.retention import Retention

from . import mappers, outcomes
from .attempts import video_deadline
from .context import PipelineContext
from .files import drop_files
from .models import Video
from .queue import DurableQueue
from .states import AWAITING_REVIEW, TERMINAL, VideoState
from .transitions import StaleRevision, update

_log = logging.getLogger(__name__)
_INTERVAL_S = 2.0
_MAX_ROWS_PER_SWEEP = 500
_QUEUE_HISTORY_S = 3600.0


class Sweeper:
    """Runs one thread per process. Several processes may clean up the same database."""

    def __init__(self, context: PipelineContext, queue: DurableQueue) -> None:
        self._context = context
        self._queue = queue
        self._now = context.database.clock
        self._thread = threading.Thread(target=self._run, name="sweeper", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def sweep(self) -> None:
        """Run every part of the cleanup once."""
        for part in (
            self.requeue_abandoned,
            self.expire_reviews,
            self.delete_expired_files,
            self.move_to_vault,
            self.delete_orphaned_blobs,
        ):
            self._quietly(part)
        self._quietly(self.prune_queue_history)

    def requeue_abandoned(self) -> None:
        """Enqueue unfinished videos that are not in the queue, and end videos after their deadline."""
        videos = tables.videos.c
        moving = [state.value for state in VideoState if state not in TERMINAL | AWAITING_REVIEW]
        late = self._now() - _INTERVAL_S
        unfinished = self._videos(videos.state.in_(moving), videos.updated_at < late)
        active = self._queue.active((video.id, run) for video, run in unfinished)
        for video, run in unfinished:
            if video.id in active:
                continue
            if self._now() > video_deadline(self._context, video):
                self._fail_late(video)
                continue
            self.enqueue(video, run)

    def enqueue(self, video: Video, run: int) -> None:
        """Enqueue a video as a new run, unless another process has just enqueued it."""
        with self._context.database.transaction(tenant=video.tenant) as tx:
            changed = tx.update(
                tables.videos,
                tables.videos.c.id == video.id,
                tables.videos.c.enqueue_count == run,
                enqueue_count=run + 1,
            )
        if changed:
            self._queue.enqueue(video.tenant, video.id, run + 1)

    def prune_queue_history(self) -> None:
        """Delete the queue's history of runs that ended more than an hour ago. The video rows are kept."""
        self._queue.prune_history(self._now() - _QUEUE_HISTORY_S)

    def expire_reviews(self) -> None:
        """Reject held videos that no reviewer decided in time."""
        videos = tables.videos.c
        due = (videos.state == VideoState.HELD.value, videos.review_due_at < self._now())
        for video, _run in self._videos(*due):
            try:
                with self._context.database.transaction(tenant=video.tenant) as tx:
                    outcomes.expire_review(self._context, tx, video)
            except StaleRevision:
                continue

    def delete_expired_files(self) -> None:
        """Delete the files of expired videos. Their records stay."""
        videos = tables.videos.c
        for video, _run in self._videos(videos.expires_at < self._now(), videos.deleted_at.is_(None)):
            with self._context.database.transaction(tenant=video.tenant) as tx:
                drop_files(tx, video.id)
                update(tx, video, deleted_at=tx.now())
                tx.append_audit("video.expired", subject=video.id, actor="sweeper", content={})

    def move_to_vault(self) -> None:
        """Move the files of vaulted videos to the vault."""
        assets = tables.assets.c
        with self._context.database.across_tenants("the vault", readonly=True) as tx:
            marked = tx.select(
                tables.assets,
                assets.retention == Retention.VAULT.value,
                assets.deleted_at.is_(None),
                assets.vaulted_at.is_(None),
                limit=_MAX_ROWS_PER_SWEEP,
            )
        for asset in marked:
            self._context.blobs.move_to_vault(asset.tenant_id, asset.sha256)
            with self._context.database.transaction(tenant=asset.tenant_id) as tx:
                tx.update(tables.assets, assets.id == asset.id, vaulted_at=tx.now())
                tx.append_audit("vaulted", subject=asset.video_id or asset.id, actor="sweeper", content={})

    def delete_orphaned_blobs(self) -> None:
        """Delete bytes that no file row refers to.

        Both this method and `add_file` lock the rows of a hash. Therefore the bytes of a file that is being
        recorded are never deleted.
        """
        assets = tables.assets.c
        with self._context.database.across_tenants("orphaned files", readonly=True) as tx:
            dropped = tx.select(tables.assets, assets.deleted_at.is_not(None), limit=_MAX_ROWS_PER_SWEEP)
        for tenant, sha256 in {(row.tenant_id, row.sha256) for row in dropped}:
            with self._context.database.transaction(tenant=tenant) as tx:
                same = tx.select(tables.assets, assets.sha256 == sha256, lock=True)
                if all(row.deleted_at is not None for row in same):
                    self._context.blobs.delete(tenant, sha256)
                tx.delete(tables.assets, assets.sha256 == sha256, assets.deleted_at.is_not(None))

    def _videos(self, *where: ColumnElement[bool]) -> list[tuple[Video, int]]:
        with self._context.database.across_tenants("the sweeper", readonly=True) as tx:
            found = tx.select(
                tables.videos,
                *where,
                order_by=(tables.videos.c.created_at,),
                limit=_MAX_ROWS_PER_SWEEP,
            )
        return [(mappers.video(row), row.enqueue_count) for row in found]

    def _fail_late(self, video: Video) -> None:
        error = DeadlineExceeded(
            f"The video was not finished within {self._context.limits.deadline_s:.0f} s."
        )
        try:
            with self._context.database.transaction(tenant=video.tenant) as tx:
                outcomes.fail(self._context, tx, video, error)
        except StaleRevision:
            return

    def _quietly(self, part: Callable[[], None]) -> None:
        try:
            part()
        except Unavailable as error:
            _log.warning("The cleanup waits for the next run: %s", error)
        except (SafelightError, OSError):
            _log.exception("A part of the cleanup failed and is tried again.")

    def _run(self) -> None:
        while not self._context.shutdown_event.wait(_INTERVAL_S):
            self.sweep()
