"""Follows up on reports: acts when no person decided in time, answers reporters, removes copies, and lists
the hashes of removed videos.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Row

from safelight.background.part import BackgroundPart
from safelight.detectors.image.hash_lists import HashLists
from safelight.errors import Conflict, NotFound
from safelight.policy.categories import Category
from safelight.policy.findings import Stage
from safelight.provenance.recovery.copies import CopySearch
from safelight.store import tables
from safelight.store.transaction import Transaction
from safelight.trust.reports import LANES, NoticeOutcome, ReportLane, UnattendedAction
from safelight.trust.reports.decision_mails import DecisionMails
from safelight.trust.reports.harmless_pictures import harmless_hashes
from safelight.trust.reports.hash_screen import DeliveredMatches, HashScreen
from safelight.trust.reports.hidings import end_hiding, hide
from safelight.trust.reports.models import HashState, ReportedHash
from safelight.trust.reports.notice_store import ClosedNotice, answer, list_closed
from safelight.trust.reports.reported_hashes import add_hashes, write_lists
from safelight.trust.reviews import CaseKind, CaseState, NewCase, open_case
from safelight.trust.statements import StatementSource, ground_of_category

from .context import PipelineContext
from .states import VideoState
from .video_statements import WithdrawalCause
from .withdrawal import withdraw_within

_INTERVAL_S = 2.0
_MAX_ROWS_PER_ROUND = 200
#: A removed video takes 20 s if 20 others are near to it. The other tasks, which have clocks, must not wait.
_ROUND_S = 30.0
_ACTOR = "notices"
_REMOVED = (NoticeOutcome.REMOVED, NoticeOutcome.REMOVED_UNATTENDED)


def make_hash_screen(copies: CopySearch) -> HashScreen:
    """The screen for reported hashes, with the delivered videos and the harmless pictures."""

    def find(hashes: Sequence[bytes]) -> list[DeliveredMatches]:
        return [
            DeliveredMatches(video_ids=near.video_ids, unrelated=near.unrelated)
            for near in copies.find_near(hashes)
        ]

    return HashScreen(find=find, harmless=harmless_hashes())


@dataclass(frozen=True, kw_only=True)
class RemovedVideo:
    """What the file of a removed video shows."""

    #: Ids of delivered videos with the same picture.
    copies: tuple[str, ...]
    hashes: tuple[ReportedHash, ...]


class NoticeFollowUp:
    """A background part. Each round starts from the database, so nothing is lost by a restart, and several
    processes may share a database.
    """

    def __init__(
        self,
        context: PipelineContext,
        *,
        lists: HashLists,
        screen: HashScreen,
        copies: CopySearch,
        mails: DecisionMails,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._context = context
        self._monotonic = monotonic
        self._lists = lists
        self._screen = screen
        self._copies = copies
        self._mails = mails
        self.part = BackgroundPart(
            "notices",
            {
                "act_unattended": self.act_unattended,
                "answer_reporters": self.answer_reporters,
                "follow_removals": self.follow_removals,
                "write_lists": self.write_lists,
            },
            interval_s=_INTERVAL_S,
            stopping=context.shutdown_event,
        )

    def act_unattended(self) -> None:
        """Hide or remove the videos about which no person decided in time."""
        if self._context.clock_watch.held_for_s():
            return
        notices = tables.notices.c
        with self._context.database.across_tenants("notices without a decision", readonly=True) as tx:
            due = tx.select(
                tables.notices,
                notices.outcome.is_(None),
                notices.unattended_at <= tx.now(),
                notices.id.not_in(self.part.rows.parked()),
                order_by=(notices.unattended_at, notices.id),
                limit=_MAX_ROWS_PER_ROUND,
            )
        for row in due:
            with (
                self.part.rows.attempt(row.id),
                self._context.database.transaction(tenant=row.tenant_id) as tx,
            ):
                self._act(tx, row)

    def answer_reporters(self) -> None:
        """Record the outcome of every report whose case is closed, and show what was hidden for nothing."""
        with self._context.database.across_tenants("decided reports", readonly=True) as tx:
            closed = list_closed(tx, limit=_MAX_ROWS_PER_ROUND)
        for one in closed:
            if one.id in self.part.rows.parked():
                continue
            with (
                self.part.rows.attempt(one.id),
                self._context.database.transaction(tenant=one.tenant) as tx,
            ):
                self._answer(tx, one)

    def follow_removals(self) -> None:
        """Remove the copies of videos that were removed as intimate pictures, and list their hashes."""
        notices = tables.notices.c
        with self._context.database.across_tenants("removed videos", readonly=True) as tx:
            rows = tx.select(
                tables.notices,
                notices.outcome.is_not(None),
                notices.followed_up_at.is_(None),
                notices.id.not_in(self.part.rows.parked()),
                order_by=(notices.answered_at, notices.id),
                limit=_MAX_ROWS_PER_ROUND,
            )
        end = self._monotonic() + _ROUND_S
        for row in rows:
            if self._context.shutdown_event.is_set() or self._monotonic() > end:
                return
            with self.part.rows.attempt(row.id):
                self._follow(row)

    def write_lists(self) -> None:
        """Write the lists that the detectors read."""
        write_lists(self._context.database, self._lists)

    def _act(self, tx: Transaction, row: Row[Any]) -> None:
        case = tx.one(tables.cases, tables.cases.c.id == row.case_id, lock=True)
        if case is None or case.state != CaseState.OPEN.value:
            # A pending decision was made in time, and a closed case is answered by `answer_reporters`.
            return
        action = LANES[ReportLane(row.lane)].unattended
        if action is UnattendedAction.HIDE:
            hide(tx, row.video_id, notice_id=row.id, reporter=row.reporter)
            tx.update(tables.notices, tables.notices.c.id == row.id, unattended_at=None)
        elif action is UnattendedAction.REMOVE:
            self._withdraw(tx, row.video_id, why="no person decided about a notice in time", is_copy=False)
            self._answer(
                tx,
                ClosedNotice(
                    id=row.id,
                    tenant=row.tenant_id,
                    video_id=row.video_id,
                    outcome=NoticeOutcome.REMOVED_UNATTENDED,
                ),
            )
        tx.append_audit(
            "report.unattended",
            subject=row.video_id,
            actor=_ACTOR,
            content={"report": row.id, "lane": row.lane, "action": action.value},
        )

    def _answer(self, tx: Transaction, one: ClosedNotice) -> None:
        if not answer(tx, one.id, one.outcome):
            return
        self._mails.queue(tx, one.id)
        if one.outcome is not NoticeOutcome.GONE:
            end_hiding(tx, one.video_id, notice_id=one.id, upheld=one.outcome in _REMOVED)

    def _follow(self, row: Row[Any]) -> None:
        """The file is read outside of a transaction; the withdrawals and the hashes are recorded at once."""
        found = RemovedVideo(copies=(), hashes=())
        if row.lane == ReportLane.INTIMATE_IMAGERY.value and row.outcome in _REMOVED:
            found = self._read(row)
        by_person = row.outcome == NoticeOutcome.REMOVED.value
        used = self._screen.screen(found.hashes).used if by_person else ()
        for tenant, video_id in self._owners(found.copies):
            with self._context.database.transaction(tenant=tenant) as tx:
                if tenant == row.tenant_id:
                    self._withdraw(tx, video_id, why=f"copy of {row.video_id}", is_copy=True)
                else:
                    _open_case_of_copy(tx, video_id)
        with self._context.database.transaction(tenant=row.tenant_id) as tx:
            if tx.update(
                tables.notices,
                tables.notices.c.id == row.id,
                tables.notices.c.followed_up_at.is_(None),
                followed_up_at=tx.now(),
            ):
                hashes = [one.hash for one in used]
                # Other tenants decide themselves: there the frames only hold.
                add_hashes(tx, row.notice_id, hashes, state=HashState.BLOCKS, tenant_only=True)
                add_hashes(tx, row.notice_id, hashes, state=HashState.HOLDS, tenant_only=False)

    def _read(self, row: Row[Any]) -> RemovedVideo:
        """The copies and the hashes of a removed video, from the file that is kept as evidence."""
        video = self._context.videos.get(row.tenant_id, row.video_id)
        if video.sealed_sha256 is None or video.vaulted:
            return RemovedVideo(copies=(), hashes=())
        with self._context.work_dir(video.id) as place:
            path: Path = place / "removed.mp4"
            self._context.blobs.copy_to(row.tenant_id, video.sealed_sha256, path)
            copies = self._copies.find(path)
            hashes = self._copies.distinctive_hashes(path)
        return RemovedVideo(
            copies=copies,
            hashes=tuple(ReportedHash(hash=one.hash, quality=one.quality) for one in hashes),
        )

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

    def _withdraw(self, tx: Transaction, video_id: str, *, why: str, is_copy: bool) -> None:
        cause = WithdrawalCause(
            source=StatementSource.REPORT,
            ground=ground_of_category(Category.NCII.value, self._context.policies.taxonomy),
            automated_detection=is_copy,
            automated_decision=True,
        )
        try:
            with tx.savepoint():
                withdraw_within(self._context, tx, video_id, actor=_ACTOR, why=why, cause=cause)
        except (Conflict, NotFound):
            # It was withdrawn or deleted meanwhile, for example as a remix of another copy.
            return


def _open_case_of_copy(tx: Transaction, video_id: str) -> None:
    """A person of the tenant decides about a copy of a video that another tenant removed."""
    video = tx.one(tables.videos, tables.videos.c.id == video_id)
    if video is None or video.state != VideoState.DELIVERED.value:
        return
    new = NewCase(
        video_id=video_id,
        kind=CaseKind.REPORT,
        stage=Stage.DELIVERY,
        due_at=tx.now() + LANES[ReportLane.INTIMATE_IMAGERY].due_s,
        category=Category.NCII.value,
        reason="A video with the same picture was removed as intimate pictures.",
        quarantined=video.quarantined,
        comes_first=True,
    )
    open_case(tx, new, actor=_ACTOR)
