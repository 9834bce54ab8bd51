"""Follows up on the removal of intimate pictures: removes the copies, and lists the hashes of the frames."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import or_

from safelight.accounts.statements import StatementSource, ground_of_category
from safelight.core.background.rows import RowFailures
from safelight.core.errors import Conflict, NotFound
from safelight.policy.findings import Category, Stage
from safelight.provenance.recovery.copies import CopySearch
from safelight.store import tables
from safelight.store.database import Filter, Row, Transaction
from safelight.videos.case_rows import CaseKind, NewCase, open_case
from safelight.videos.context import PipelineContext
from safelight.videos.files import awaits_follow_up, drop_files
from safelight.videos.models import VideoState
from safelight.videos.video_statements import WithdrawalCause
from safelight.videos.withdrawal import find_family, withdraw_within

from .reports import LANES, NoticeOutcome, ReportLane
from .reports.stay_down import add_hashes

ACTOR = "notices"
#: Facts of statements and cases.
_COPY_REASON = "A video with the same picture was removed as intimate pictures."
_GONE_REASON = "It is a copy or a version of a video that was reported as intimate pictures and is gone."
_UNATTENDED_REASON = "It was reported as intimate pictures, and no person decided about the report in time."
_MAX_ROWS_PER_ROUND = 200
#: A comparison with `_MAX_COMPARED` files takes 20 s. The other tasks, which have clocks, must not wait.
_ROUND_S = 30.0
_MAX_COMPARED = 20
#: Longer than one comparison may take. The claim of a process that ended abruptly is over then.
_CLAIM_S = 600.0


class RemovalFollowUp:
    """Each step is stored, so that a later round, also of another process, goes on from there."""

    def __init__(
        self,
        context: PipelineContext,
        *,
        copies: CopySearch,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._context, self._copies = context, copies
        self._monotonic = monotonic

    def follow_due(self, faults: RowFailures) -> None:
        """Follow up on removals until the round is over or the server stops."""
        end = self._monotonic() + _ROUND_S

        def is_over() -> bool:
            return self._context.shutdown_event.is_set() or self._monotonic() > end

        with self._context.database.across_tenants("removed videos", readonly=True) as tx:
            rows = tx.select(
                tables.notices,
                *_is_due(tx),
                tables.notices.c.id.not_in(faults.parked()),
                order_by=(tables.notices.c.answered_at, tables.notices.c.id),
                limit=_MAX_ROWS_PER_ROUND,
            )
        for row in rows:
            if is_over():
                return
            with faults.attempt(row.id), self._claimed(row) as mine:
                if mine is not None:
                    self._follow(mine, is_over)

    @contextmanager
    def _claimed(self, row: Row) -> Iterator[Row | None]:
        """The row as it is now, while no other process follows up on it; None if one does or did."""
        notices = tables.notices.c
        with self._context.database.transaction(tenant=row.tenant_id) as tx:
            until = tx.now() + _CLAIM_S
            claimed = tx.update(tables.notices, row.id, *_is_due(tx), claimed_until=until)
            mine = tx.one(tables.notices, row.id) if claimed else None
        try:
            yield mine
        finally:
            if mine is not None:
                with self._context.database.transaction(tenant=row.tenant_id) as tx:
                    # Not the claim of a process that took over, because this one was suspended.
                    own = notices.claimed_until == mine.claimed_until
                    tx.update(tables.notices, row.id, own, claimed_until=None)

    def _follow(self, row: Row, is_over: Callable[[], bool]) -> None:
        """The file is read outside of a transaction; what each step found is stored at once."""
        hashes: tuple[str, ...] = ()
        is_intimate = row.lane == ReportLane.INTIMATE_IMAGERY.value and row.video_id is not None
        if is_intimate and row.outcome != NoticeOutcome.KEPT.value:
            with self._removed_file(row) as path:
                if path is not None:
                    if not self._remove_copies(row, path, is_over):
                        return
                    # A removal without a person lists nothing.
                    if row.outcome == NoticeOutcome.REMOVED.value:
                        hashes = self._copies.distinctive_hashes(path)
        with self._context.database.transaction(tenant=row.tenant_id) as tx:
            if tx.update(
                tables.notices,
                row.id,
                tables.notices.c.followed_up_at.is_(None),
                followed_up_at=tx.now(),
            ):
                add_hashes(tx, row.video_id, hashes)
                if is_intimate and row.outcome == NoticeOutcome.GONE.value:
                    for each in find_family(tx, row.video_id):
                        _open_case_of_copy(tx, each, reason=_GONE_REASON)
                if row.video_id is not None:
                    _drop_deleted(tx, row.video_id)

    @contextmanager
    def _removed_file(self, row: Row) -> Iterator[Path | None]:
        """The file of a removed or deleted video, which is kept until then; None if there is none."""
        video, files = self._context.videos.with_files(row.tenant_id, row.video_id, kind="sealed")
        if not files or video.sealed_sha256 is None or video.vaulted:
            yield None
            return
        with self._context.work_dir(video.id) as place:
            path: Path = place / "removed.mp4"
            self._context.blobs.copy_to(row.tenant_id, video.sealed_sha256, path)
            yield path

    def _remove_copies(self, row: Row, path: Path, is_over: Callable[[], bool]) -> bool:
        """Compare the near files with the removed one, and remove the copies. Returns whether all were
        compared.
        """
        left = row.left_to_compare
        if left is None:
            left = list(self._copies.find_near_files(path))
            self._store_left(row, left)
        while left:
            if is_over():
                return False
            part, left = left[:_MAX_COMPARED], left[_MAX_COMPARED:]
            for tenant, video_id in self._owners(self._copies.compare(path, part)):
                with self._context.database.transaction(tenant=tenant) as tx:
                    if row.outcome == NoticeOutcome.GONE.value:
                        _open_case_of_copy(tx, video_id, reason=_GONE_REASON)
                    elif tenant == row.tenant_id:
                        why = f"copy of {row.video_id}"
                        withdraw_reported(
                            self._context, tx, video_id, why=why, case_id=row.case_id, is_copy=True
                        )
                    else:
                        _open_case_of_copy(tx, video_id, reason=_COPY_REASON)
            self._store_left(row, left)
        return True

    def _store_left(self, row: Row, left: list[str]) -> None:
        with self._context.database.transaction(tenant=row.tenant_id) as tx:
            tx.update(tables.notices, row.id, left_to_compare=left)

    def _owners(self, video_ids: tuple[str, ...]) -> list[tuple[str, str]]:
        with self._context.database.across_tenants("copies of a removed video", readonly=True) as tx:
            rows = tx.select(
                tables.videos,
                tables.videos.c.id.in_(video_ids),
                tables.videos.c.state == VideoState.DELIVERED.value,
                columns=[tables.videos.c.id, tables.videos.c.tenant_id],
                order_by=(tables.videos.c.id,),
            )
        return [(row.tenant_id, row.id) for row in rows]


def withdraw_reported(
    context: PipelineContext, tx: Transaction, video_id: str, *, why: str, case_id: str | None, is_copy: bool
) -> None:
    """Withdraw a video because of a report, without a person. Does nothing if it is not delivered now.

    `case_id`: the case of the report; who decided it does not decide the appeal.
    """
    cause = WithdrawalCause(
        source=StatementSource.COPY_REPORTED if is_copy else StatementSource.REPORT,
        ground=ground_of_category(
            Category.NCII.value,
            context.policies.taxonomy,
            reason=_COPY_REASON if is_copy else _UNATTENDED_REASON,
        ),
        automated_detection=is_copy,
        automated_decision=True,
        case_id=case_id,
    )
    try:
        with tx.savepoint():
            withdraw_within(context, tx, video_id, actor=ACTOR, why=why, cause=cause)
    except (Conflict, NotFound):
        # It was withdrawn or deleted meanwhile, for example as a remix of another copy.
        return


def _is_due(tx: Transaction) -> tuple[Filter, ...]:
    """Decided, not followed up completely, and claimed by no process."""
    notices = tables.notices.c
    return (
        notices.outcome.is_not(None),
        notices.followed_up_at.is_(None),
        or_(notices.claimed_until.is_(None), notices.claimed_until <= tx.now()),
    )


def _drop_deleted(tx: Transaction, video_id: str) -> None:
    """Delete the file of a video that its owner deleted, after the last report about it."""
    video = tx.one(tables.videos, video_id, lock=True)
    is_deleted = video is not None and video.deleted_at is not None and not video.vaulted
    if is_deleted and not awaits_follow_up(tx, video_id):
        drop_files(tx, video_id, kind="sealed")


def _open_case_of_copy(tx: Transaction, video_id: str, *, reason: str) -> None:
    """Open a case about a copy or a version of a video, because no person of its tenant decided."""
    video = tx.one(tables.videos, video_id)
    if video is None or video.state != VideoState.DELIVERED.value or video.deleted_at is not None:
        return
    new = NewCase(
        video_id=video_id,
        kind=CaseKind.REPORT,
        stage=Stage.DELIVERY,
        due_at=tx.now() + LANES[ReportLane.INTIMATE_IMAGERY].due_s,
        category=Category.NCII.value,
        reason=reason,
        comes_first=True,
    )
    open_case(tx, new, actor=ACTOR)
