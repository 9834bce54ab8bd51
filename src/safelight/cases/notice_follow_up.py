"""Follows up on reports: acts when no person decided in time, answers reporters, removes copies, and lists
the hashes of removed videos.
"""

from __future__ import annotations

from safelight.core.background.part import BackgroundPart
from safelight.detectors.image.hash_lists import HashLists
from safelight.provenance.recovery.copies import CopySearch
from safelight.store import tables
from safelight.store.database import Row, Transaction
from safelight.videos.case_rows import CaseState
from safelight.videos.context import PipelineContext

from .removal_follow_up import ACTOR, RemovalFollowUp, withdraw_reported
from .reports import LANES, NoticeOutcome, ReportLane, UnattendedAction
from .reports.decision_mails import DecisionMails
from .reports.hidings import end_hiding, hide
from .reports.models import REMOVED
from .reports.notice_store import ClosedNotice, answer, list_closed
from .reports.stay_down import StayDownLists

_INTERVAL_S = 2.0
_MAX_ROWS_PER_ROUND = 200


class NoticeFollowUp:
    """Two background parts. Each round starts from the database, so nothing is lost by a restart, and several
    processes may share a database.
    """

    def __init__(
        self,
        context: PipelineContext,
        *,
        lists: HashLists,
        copies: CopySearch,
        mails: DecisionMails,
    ) -> None:
        self._context = context
        self.removals = RemovalFollowUp(context, copies=copies)
        self._mails = mails
        self.part = BackgroundPart(
            "notices",
            {
                "act_unattended": self.act_unattended,
                "answer_reporters": self.answer_reporters,
                "follow_removals": self.follow_removals,
            },
            interval_s=_INTERVAL_S,
            stopping=context.shutdown_event,
            version=context.database.version,
        )
        #: A part of its own, because each process has its own files.
        self.lists = BackgroundPart(
            "stay-down-lists",
            {"write": StayDownLists(context.database, lists).write},
            interval_s=_INTERVAL_S,
            stopping=context.shutdown_event,
            version=context.database.version,
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
                self._context.database.across_tenants("a notice without a decision") as tx,
            ):
                self._act(tx, row)

    def answer_reporters(self) -> None:
        """Record the outcome of every report whose case is closed, and show what was hidden for nothing."""
        with self._context.database.across_tenants("decided reports", readonly=True) as tx:
            closed = list_closed(tx, limit=_MAX_ROWS_PER_ROUND, without=self.part.rows.parked())
        for one in closed:
            with (
                self.part.rows.attempt(one.id),
                self._context.database.across_tenants("the answer to a report") as tx,
            ):
                self._answer(tx, one)
        self._mail_reporters()

    def follow_removals(self) -> None:
        """Remove the copies of videos that were removed as intimate pictures, and list their hashes."""
        self.removals.follow_due(self.part.rows)

    def _act(self, whole: Transaction, row: Row) -> None:
        tx = whole.of_tenant(row.tenant_id)
        if row.case_id is None:
            gone = NoticeOutcome.GONE
            self._answer(whole, ClosedNotice(id=row.id, tenant=row.tenant_id, video_id="", outcome=gone))
            return
        case = tx.one(tables.cases, row.case_id, lock=True)
        if case is None or case.state != CaseState.OPEN.value:
            # A pending decision was made in time, and a closed case is answered by `answer_reporters`.
            return
        now = tx.one(tables.notices, row.id)
        if now is None or now.outcome is not None or now.unattended_at is None:
            # Another process acted before this one had the lock.
            return
        action = LANES[ReportLane(row.lane)].unattended
        if action is UnattendedAction.HIDE:
            hide(tx, row.video_id, notice_id=row.id, reporter=row.reporter)
            tx.update(tables.notices, row.id, unattended_at=None)
        elif action is UnattendedAction.REMOVE:
            why = "no person decided about a notice in time"
            withdraw_reported(self._context, tx, row.video_id, why=why, case_id=row.case_id, is_copy=False)
            self._answer(
                whole,
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
            actor=ACTOR,
            content={"report": row.id, "lane": row.lane, "action": action.value},
        )

    def _mail_reporters(self) -> None:
        """Queue one mail for each reporter about all that was answered."""
        parked = self.part.rows.parked()
        with self._context.database.across_tenants("reporters to be told", readonly=True) as tx:
            due = self._mails.list_due(tx, limit=_MAX_ROWS_PER_ROUND, without=parked)
        for ids in due:
            with (
                self.part.rows.attempt(ids[0]),
                self._context.database.across_tenants("the mail to a reporter") as tx,
            ):
                self._mails.queue(tx, ids)

    def _answer(self, whole: Transaction, one: ClosedNotice) -> None:
        tx = whole.of_tenant(one.tenant)
        if not answer(tx, one.id, one.outcome):
            return
        if one.outcome is not NoticeOutcome.GONE:
            end_hiding(tx, one.video_id, notice_id=one.id, upheld=one.outcome in REMOVED)
