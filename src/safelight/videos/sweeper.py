"""Background cleanup: enqueues stalled videos, ends expired reviews, deletes expired and unused files."""

from __future__ import annotations

import logging
import time
from contextlib import suppress

from sqlalchemy import func, select, tuple_

from safelight.accounts.halts import halted, read_halts
from safelight.core.background.part import BackgroundPart
from safelight.core.errors import DeadlineExceeded
from safelight.policy.halts import Halt
from safelight.store import tables
from safelight.store.database import Filter, Row
from safelight.store.retention import Retention

from . import mappers, outcomes
from .attempt_store import last_attempt
from .attempts import asked_until, downloads_folder, seconds_left
from .case_rows import CaseKind, close_cases, lock_pending_hold
from .context import PipelineContext
from .copied_sources import FULL_SEARCH_S, withdraw_copies
from .failure_message import late_sentence
from .files import drop_files
from .ingredients import UPSTREAM_MANIFEST
from .models import AWAITING_REVIEW, TERMINAL, Video, VideoState
from .queue import DurableQueue
from .registry import CheckFeedback
from .runs import enqueue_next
from .timeouts import end_late, is_unconfirmed, may_have_finished
from .transitions import update
from .undone_strikes import UndoneStrikes

_log = logging.getLogger(__name__)
_INTERVAL_S = 2.0
_MAX_ROWS_PER_SWEEP = 500
_QUEUE_HISTORY_S = 3600.0
_DOWNLOAD_DELETION_INTERVAL_S = 600.0
#: A run that asks the upstream for a late video has this time.
_LAST_LOOK_S = 120.0
#: Feedback is kept for 180 days, so an hour more does not matter.
_FEEDBACK_DELETION_INTERVAL_S = 3600.0
_REPORT_INTERVAL_S = 60.0
_STRIKE_INTERVAL_S = 60.0
#: The order of videos, and what is before all of them.
_AGE = (tables.videos.c.created_at, tables.videos.c.id)
_FIRST = (0.0, "")


class Sweeper:
    """Two background parts. Several processes may clean up the same database."""

    def __init__(self, context: PipelineContext, queue: DurableQueue) -> None:
        self._context = context
        self._queue = queue
        self._now = context.database.clock
        #: When all copies of withdrawn videos are searched again.
        self._full_search_at = 0.0
        self._next_feedback_deletion_at = 0.0
        self._next_report_at = 0.0
        self._undone_strikes = UndoneStrikes(context)
        self._next_strikes_at = 0.0
        #: The last of the unfinished videos that were looked at, if a later sweep has to go on after it.
        self._last_swept = _FIRST
        #: When late videos that an upstream may have finished were first found, by id.
        self._last_looks: dict[str, float] = {}
        tasks = (
            self.withdraw_copies,
            self.requeue_abandoned,
            self.expire_reviews,
            self.delete_expired_files,
            self.delete_kept_clips,
            self.move_to_vault,
            self.delete_orphaned_blobs,
            self.prune_queue_history,
            self.delete_old_feedback,
            self.report_stuck_upstreams,
            self.take_back_strikes,
        )
        self.part = BackgroundPart(
            "sweeper",
            {task.__name__: task for task in tasks},
            interval_s=_INTERVAL_S,
            stopping=context.shutdown_event,
            version=context.database.version,
        )
        #: A part of its own, because each process has its own folder of downloads.
        self.downloads = BackgroundPart(
            "downloads",
            {"delete_downloads": self.delete_downloads},
            interval_s=_DOWNLOAD_DELETION_INTERVAL_S,
            stopping=context.shutdown_event,
        )

    def sweep(self) -> None:
        """Run every part of the cleanup once."""
        self.part.run_all()
        self.downloads.run_all()

    def requeue_abandoned(self) -> None:
        """Enqueue unfinished videos that are not in the queue, and end videos after their deadline, and those
        of a halted model or tenant.

        These come first, because a run can be in the queue without a process that executes it. Only
        a submission whose outcome is not known yet is left to its run, and a run that asks the upstream once
        more is given some time.
        """
        videos = tables.videos.c
        moving = [state.value for state in VideoState if state not in TERMINAL | AWAITING_REVIEW]
        late = self._now() - _INTERVAL_S
        unfinished = self._videos(
            videos.state.in_(moving), videos.updated_at < late, tuple_(*_AGE) > tuple_(*self._last_swept)
        )
        more = len(unfinished) == _MAX_ROWS_PER_SWEEP
        if self._last_swept == _FIRST and not more:
            here = {row.id for row in unfinished}
            self._last_looks = {each: at for each, at in self._last_looks.items() if each in here}
        self._last_swept = (unfinished[-1].created_at, unfinished[-1].id) if more else _FIRST
        active = self._queue.active((row.id, row.enqueue_count) for row in unfinished)
        with self._context.database.across_tenants("halts", readonly=True) as tx:
            halts = read_halts(tx)
        for row in unfinished:
            with self.part.rows.attempt(row.id):
                video = mappers.video(row)
                if any(self._end_halted(video, halt) for halt in halts):
                    continue
                if seconds_left(self._context, video) <= 0 and self._fail_late(
                    video, in_queue=row.id in active
                ):
                    continue
                if row.id not in active:
                    enqueue_next(
                        self._context.database, self._queue, video.tenant, video.id, row.enqueue_count
                    )

    def withdraw_copies(self) -> None:
        """End the videos made from an uploaded copy of a video that was withdrawn since."""
        now = self._now()
        is_full = now >= self._full_search_at
        closed = withdraw_copies(self._context, self.part.rows, only_recent=not is_full)
        if is_full and not closed:
            self._full_search_at = now + FULL_SEARCH_S

    def prune_queue_history(self) -> None:
        """Delete the queue's history of runs that ended more than an hour ago. The video rows are kept."""
        self._queue.prune_history(self._now() - _QUEUE_HISTORY_S)

    def delete_old_feedback(self) -> None:
        """Delete old feedback on answers about the origin of files."""
        now = self._now()
        if now < self._next_feedback_deletion_at or self._context.clock_watch.held_for_s():
            return
        CheckFeedback(self._context.database).delete_old()
        self._next_feedback_deletion_at = now + _FEEDBACK_DELETION_INTERVAL_S

    def report_stuck_upstreams(self) -> None:
        """Log which upstreams have a request that is unfinished after half of its time until the deadline."""
        now = self._now()
        if now < self._next_report_at:
            return
        self._next_report_at = now + _REPORT_INTERVAL_S
        attempts, videos = tables.attempts.c, tables.videos.c
        same = (attempts.tenant_id == videos.tenant_id) & (attempts.video_id == videos.id)
        unfinished = (
            select(
                attempts.generator,
                func.count().label("number"),
                func.min(attempts.submitted_at).label("since"),
            )
            .join(tables.videos, same)
            .where(
                attempts.ended_at.is_(None),
                attempts.submitted_at < now - self._context.limits.deadline_s / 2,
                videos.state == VideoState.GENERATING.value,
                videos.generated_at.is_(None),
            )
            .group_by(attempts.generator)
        )
        with self._context.database.across_tenants("stuck upstreams", readonly=True) as tx:
            for row in tx.execute(unfinished):
                _log.warning(
                    "The upstream %s does not finish: %d requests are late, the oldest is of %.0f s ago.",
                    row.generator,
                    row.number,
                    now - row.since,
                )

    def take_back_strikes(self) -> None:
        """Remove strikes whose prompts today's lists and policy do not block."""
        now = self._now()
        if now >= self._next_strikes_at:
            self._next_strikes_at = now + _STRIKE_INTERVAL_S
            self._undone_strikes.take_back()

    def expire_reviews(self) -> None:
        """Reject held videos that no reviewer decided in time."""
        if self._context.clock_watch.held_for_s():
            return
        videos = tables.videos.c
        due = (videos.state == VideoState.HELD.value, videos.review_due_at < self._now())
        for row in self._videos(*due):
            with (
                self.part.rows.attempt(row.id),
                self._context.database.transaction(tenant=row.tenant_id) as tx,
            ):
                outcomes.expire_review(self._context, tx, mappers.video(row))

    def delete_expired_files(self) -> None:
        """Delete the files of expired videos, without vaulted ones. Their records stay."""
        if self._context.clock_watch.held_for_s():
            return
        videos = tables.videos.c
        is_kept = videos.deleted_at.is_(None) & videos.vaulted.is_(False)
        for row in self._videos(videos.expires_at < self._now(), is_kept):
            with (
                self.part.rows.attempt(row.id),
                self._context.database.transaction(tenant=row.tenant_id) as tx,
            ):
                drop_files(tx, row.id)
                update(tx, mappers.video(row), deleted_at=tx.now())
                tx.append_audit("video.expired", subject=row.id, actor="sweeper", content={})

    def delete_kept_clips(self) -> None:
        """Delete the paid clips about which no person decided in time, and close their cases."""
        if self._context.clock_watch.held_for_s():
            return
        videos = tables.videos.c
        for row in self._videos(videos.clip_kept_until < self._now(), videos.vaulted.is_(False)):
            with (
                self.part.rows.attempt(row.id),
                self._context.database.transaction(tenant=row.tenant_id) as tx,
            ):
                if lock_pending_hold(tx, row.id):
                    continue
                close_cases(tx, row.id, actor="sweeper", kind=CaseKind.HOLD, overdue=True)
                update(tx, mappers.video(row), clip_kept_until=None)
                drop_files(tx, row.id, kind="generated")
                drop_files(tx, row.id, kind=UPSTREAM_MANIFEST)
                tx.append_audit("clip.deleted", subject=row.id, actor="sweeper", content={})

    def delete_downloads(self) -> None:
        """Delete downloads that no attempt continues: it has ended, for example because of a withdrawal."""
        folder = downloads_folder(self._context)
        if not folder.is_dir():
            return
        files = [(file, file.name.split(".")[0]) for file in folder.iterdir()]
        attempts = tables.attempts.c
        with self._context.database.across_tenants("downloads", readonly=True) as tx:
            of_files = attempts.id.in_({attempt_id for _, attempt_id in files})
            rows = tx.select(tables.attempts, of_files, attempts.ended_at.is_(None), columns=[attempts.id])
        unfinished = {row.id for row in rows}
        for file, attempt_id in files:
            with suppress(FileNotFoundError):
                # A younger one may be in use: a hidden file, which is renamed when it is complete.
                is_old = file.stat().st_mtime < time.time() - _DOWNLOAD_DELETION_INTERVAL_S
                if attempt_id not in unfinished and is_old:
                    file.unlink()

    def move_to_vault(self) -> None:
        """Move the files of vaulted videos to the vault."""
        assets = tables.assets.c
        with self._context.database.across_tenants("the vault", readonly=True) as tx:
            marked = tx.select(
                tables.assets,
                assets.retention == Retention.VAULT.value,
                assets.deleted_at.is_(None),
                assets.vaulted_at.is_(None),
                assets.id.not_in(self.part.rows.parked()),
                limit=_MAX_ROWS_PER_SWEEP,
            )
        for asset in marked:
            with self.part.rows.attempt(asset.id):
                self._context.blobs.move_to_vault(asset.tenant_id, asset.sha256)
                with self._context.database.transaction(tenant=asset.tenant_id) as tx:
                    tx.update(tables.assets, asset.id, vaulted_at=tx.now())
                    tx.append_audit(
                        "vaulted", subject=asset.video_id or asset.id, actor="sweeper", content={}
                    )

    def delete_orphaned_blobs(self) -> None:
        """Delete bytes that no file row refers to.

        Both this method and `add_file` lock the rows of a hash. Therefore the bytes of a file that is being
        recorded are never deleted.
        """
        assets = tables.assets.c
        with self._context.database.across_tenants("orphaned files", readonly=True) as tx:
            dropped = tx.select(
                tables.assets,
                assets.deleted_at.is_not(None),
                assets.sha256.not_in(self.part.rows.parked()),
                limit=_MAX_ROWS_PER_SWEEP,
            )
        for tenant, sha256 in {(row.tenant_id, row.sha256) for row in dropped}:
            with (
                self.part.rows.attempt(sha256),
                self._context.database.transaction(tenant=tenant) as tx,
            ):
                same = tx.select(tables.assets, assets.sha256 == sha256, lock=True)
                if all(row.deleted_at is not None for row in same):
                    self._context.blobs.delete(tenant, sha256)
                tx.delete(tables.assets, assets.sha256 == sha256, assets.deleted_at.is_not(None))

    def _videos(self, *where: Filter) -> list[Row]:
        with self._context.database.across_tenants("the sweeper", readonly=True) as tx:
            return tx.select(
                tables.videos,
                *where,
                tables.videos.c.id.not_in(self.part.rows.parked()),
                order_by=_AGE,
                limit=_MAX_ROWS_PER_SWEEP,
            )

    def _end_halted(self, video: Video, halt: Halt) -> bool:
        """End a video that this halt covers, if no generator has it."""
        names = (video.model, video.tenant)
        is_covered = halt.tenant in {None, video.tenant} and halt.covers(names, ())
        if not is_covered or video.state not in (VideoState.QUEUED, VideoState.GENERATING):
            return False
        with self._context.database.transaction(tenant=video.tenant) as tx:
            tx.one(tables.videos, video.id, lock=True)
            last = last_attempt(tx, video.id)
            if last is not None and last.ended_at is None:
                return False
            outcomes.fail(self._context, tx, video, halted(halt))
        return True

    def _fail_late(self, video: Video, *, in_queue: bool) -> bool:
        """End a late video. False: its run asks the upstream once more, and ends it."""
        error = DeadlineExceeded(late_sentence(self._context.limits.deadline_s))
        with self._context.database.transaction(tenant=video.tenant) as tx:
            last = last_attempt(tx, video.id)
            if in_queue and last is not None and is_unconfirmed(last):
                return False
            if last is not None and may_have_finished(self._context, video, last):
                now = self._now()
                first = self._last_looks.setdefault(video.id, now)
                if now < max(first + _LAST_LOOK_S, asked_until(self._context, video, last)):
                    return False
            end_late(self._context, tx, video, error)
        return True
