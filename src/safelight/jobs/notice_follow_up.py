"""Follows up on reports: acts when no person decided in time, answers reporters, removes copies, and lists
the hashes of removed videos.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import Row

from safelight.background.part import BackgroundPart
from safelight.detectors.image.hash_lists import HashLists
from safelight.provenance.recovery.copies import CopySearch
from safelight.store import tables
from safelight.store.transaction import Transaction
from safelight.trust.reports import LANES, NoticeOutcome, ReportLane, UnattendedAction
from safelight.trust.reports.decision_mails import DecisionMails
from safelight.trust.reports.harmless_pictures import harmless_hashes
from safelight.trust.reports.hash_screen import DeliveredMatches, HashScreen
from safelight.trust.reports.hidings import end_hiding, hide
from safelight.trust.reports.list_writer import ListWriter
from safelight.trust.reports.notice_store import ClosedNotice, answer, list_closed
from safelight.trust.reviews import CaseState

from .context import PipelineContext
from .removal_follow_up import ACTOR, REMOVED, RemovalFollowUp, withdraw_reported
from .settled_holds import list_reported_holds, settle_hold

_INTERVAL_S = 2.0
_MAX_ROWS_PER_ROUND = 200
_SETTLING_INTERVAL_S = 60.0


def make_hash_screen(copies: CopySearch) -> HashScreen:
    """The screen for reported hashes, with the delivered videos and the harmless pictures."""

    def find(hashes: Sequence[bytes]) -> list[DeliveredMatches]:
        return [
            DeliveredMatches(video_ids=near.video_ids, unrelated=near.unrelated)
            for near in copies.find_near(hashes)
        ]

    return HashScreen(find=find, harmless=harmless_hashes())


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
        #: When the holds by reported hashes are evaluated again, even if no list changed.
        self._next_settling_at = -math.inf
        self._list_writer = ListWriter(context.database, lists)
        self.removals = RemovalFollowUp(context, screen=screen, copies=copies, monotonic=monotonic)
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

    def follow_removals(self) -> None:
        """Remove the copies of videos that were removed as intimate pictures, and list their hashes."""
        self.removals.follow_due(self.part.rows)

    def write_lists(self) -> None:
        """Write the lists that the detectors read, and evaluate the holds again whose hashes ended."""
        now = self._monotonic()
        # Also from time to time: a file can be held by a list that was just read before.
        if not self._list_writer.write() and now < self._next_settling_at:
            return
        self._next_settling_at = now + _SETTLING_INTERVAL_S
        with self._context.database.across_tenants("holds by reported hashes", readonly=True) as tx:
            held = list_reported_holds(tx)
        for row in held:
            with (
                self.part.rows.attempt(row.id),
                self._context.database.across_tenants("a hold by reported hashes") as tx,
            ):
                settle_hold(self._context, tx, row, actor=ACTOR)

    def _act(self, whole: Transaction, row: Row[Any]) -> None:
        tx = whole.of_tenant(row.tenant_id)
        case = tx.one(tables.cases, tables.cases.c.id == row.case_id, lock=True)
        if case is None or case.state != CaseState.OPEN.value:
            # A pending decision was made in time, and a closed case is answered by `answer_reporters`.
            return
        now = tx.one(tables.notices, tables.notices.c.id == row.id)
        if now is None or now.outcome is not None or now.unattended_at is None:
            # Another process acted before this one had the lock.
            return
        action = LANES[ReportLane(row.lane)].unattended
        if action is UnattendedAction.HIDE:
            hide(tx, row.video_id, notice_id=row.id, reporter=row.reporter)
            tx.update(tables.notices, tables.notices.c.id == row.id, unattended_at=None)
        elif action is UnattendedAction.REMOVE:
            why = "no person decided about a notice in time"
            withdraw_reported(self._context, tx, row.video_id, why=why, is_copy=False)
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

    def _answer(self, whole: Transaction, one: ClosedNotice) -> None:
        tx = whole.of_tenant(one.tenant)
        if not answer(tx, one.id, one.outcome):
            return
        self._mails.queue(whole, one.id)
        if one.outcome is not NoticeOutcome.GONE:
            end_hiding(tx, one.video_id, notice_id=one.id, upheld=one.outcome in REMOVED)
