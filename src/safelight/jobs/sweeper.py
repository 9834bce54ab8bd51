"""What nobody is waiting for: videos nobody carries, holds nobody decided, files nobody owns."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from sqlalchemy import ColumnElement

from safelight.errors import DeadlineExceeded, SafelightError, Unavailable
from safelight.store import tables
from safelight.store.retention import Retention

from . import mappers, outcomes
from .attempts import video_deadline
from .context import PipelineContext
from .models import Video
from .queue import DurableQueue
from .repository import StaleRevision
from .states import AWAITING_REVIEW, TERMINAL, VideoState

_log = logging.getLogger(__name__)
_EVERY_S = 2.0
_AT_ONCE = 500
_NOTES_KEPT_S = 3600.0


class Sweeper:
    """One thread per process; several processes may sweep the same database."""

    def __init__(self, workshop: PipelineContext, engine: DurableQueue) -> None:
        self._workshop = workshop
        self._engine = engine
        self._thread = threading.Thread(target=self._run, name="sweeper", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def sweep(self) -> None:
        """One round of everything."""
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
        """Hand over again what is on its way and nobody carries; end what is past its deadline."""
        videos = tables.videos.c
        moving = [state.value for state in VideoState if state not in TERMINAL | AWAITING_REVIEW]
        late = time.time() - _EVERY_S
        still = self._videos(videos.state.in_(moving), videos.updated_at < late)
        carried = self._engine.active((video.id, run) for video, run in still)
        for video, run in still:
            if video.id in carried:
                continue
            if time.time() > video_deadline(self._workshop, video):
                self._fail_late(video)
                continue
            self.hand_over(video, run)

    def hand_over(self, video: Video, run: int) -> None:
        """Give a video to the engine under a new run, unless another process just did."""
        with self._workshop.database.transaction(tenant=video.tenant) as tx:
            changed = tx.update(
                tables.videos,
                tables.videos.c.id == video.id,
                tables.videos.c.enqueue_count == run,
                enqueue_count=run + 1,
            )
        if changed:
            self._engine.enqueue(video.tenant, video.id, run + 1)

    def prune_queue_history(self) -> None:
        """Clear away what the engine noted on runs that ended an hour ago; the record is ours."""
        self._engine.prune_history(time.time() - _NOTES_KEPT_S)

    def expire_reviews(self) -> None:
        """Refuse what was held and nobody decided in time."""
        videos = tables.videos.c
        due = (videos.state == VideoState.HELD.value, videos.review_due_at < time.time())
        for video, _run in self._videos(*due):
            try:
                with self._workshop.database.transaction(tenant=video.tenant) as tx:
                    outcomes.expire_review(self._workshop, tx, video)
            except StaleRevision:
                continue

    def delete_expired_files(self) -> None:
        """Drop the files of videos kept long enough; the record stays."""
        videos = tables.videos.c
        for video, _run in self._videos(videos.expires_at < time.time(), videos.deleted_at.is_(None)):
            with self._workshop.database.transaction(tenant=video.tenant) as tx:
                self._workshop.store.drop_files(tx, video.id)
                self._workshop.store.update(tx, video, deleted_at=time.time())
                tx.append_audit("video.expired", subject=video.id, actor="sweeper", content={})

    def move_to_vault(self) -> None:
        """Move the bytes of vaulted videos out of the reach of ordinary reads."""
        assets = tables.assets.c
        with self._workshop.database.across_tenants("the vault", readonly=True) as tx:
            marked = tx.select(
                tables.assets,
                assets.retention == Retention.VAULT.value,
                assets.deleted_at.is_(None),
                assets.vaulted_at.is_(None),
                limit=_AT_ONCE,
            )
        for asset in marked:
            self._workshop.blobs.move_to_vault(asset.tenant_id, asset.sha256)
            with self._workshop.database.transaction(tenant=asset.tenant_id) as tx:
                tx.update(tables.assets, assets.id == asset.id, vaulted_at=time.time())
                tx.append_audit("vaulted", subject=asset.video_id or asset.id, actor="sweeper", content={})

    def delete_orphaned_blobs(self) -> None:
        """Remove bytes that no file refers to any more.

        The rows of a hash are locked meanwhile, and `add_file` locks them too: bytes are never removed from
        under a file that is just being noted.
        """
        assets = tables.assets.c
        with self._workshop.database.across_tenants("orphaned files", readonly=True) as tx:
            dropped = tx.select(tables.assets, assets.deleted_at.is_not(None), limit=_AT_ONCE)
        for tenant, sha256 in {(row.tenant_id, row.sha256) for row in dropped}:
            with self._workshop.database.transaction(tenant=tenant) as tx:
                same = tx.select(tables.assets, assets.sha256 == sha256, lock=True)
                if all(row.deleted_at is not None for row in same):
                    self._workshop.blobs.delete(tenant, sha256)
                tx.delete(tables.assets, assets.sha256 == sha256, assets.deleted_at.is_not(None))

    def _videos(self, *where: ColumnElement[bool]) -> list[tuple[Video, int]]:
        with self._workshop.database.across_tenants("the sweeper", readonly=True) as tx:
            found = tx.select(
                tables.videos,
                *where,
                order_by=(tables.videos.c.created_at,),
                limit=_AT_ONCE,
            )
        return [(mappers.video(row), row.enqueue_count) for row in found]

    def _fail_late(self, video: Video) -> None:
        error = DeadlineExceeded(
            f"The video was not finished within {self._workshop.terms.deadline_s:.0f} s."
        )
        try:
            with self._workshop.database.transaction(tenant=video.tenant) as tx:
                outcomes.fail(self._workshop, tx, video, error)
        except StaleRevision:
            return

    def _quietly(self, part: Callable[[], None]) -> None:
        try:
            part()
        except Unavailable as error:
            _log.warning("Sweeping waits: %s", error)
        except (SafelightError, OSError):
            _log.exception("A part of the sweep failed; it is tried again.")

    def _run(self) -> None:
        while not self._workshop.shutdown_event.wait(_EVERY_S):
            self.sweep()
