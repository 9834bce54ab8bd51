"""Follows up on reports: acts when no person decided in time, answers reporters, removes copies, and lists
the hashes of removed videos.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import Row

from safelight.accounts.terms import claim_first_review
from safelight.core.background.part import BackgroundPart
from safelight.detectors.image.hash_lists import HashLists
from safelight.policy.findings import Modality, Stage
from safelight.policy.verdicts import Action
from safelight.provenance.recovery.copies import CopySearch
from safelight.screening.evaluation import StageInput, StageResult, evaluate
from safelight.store import tables
from safelight.store.database import Transaction
from safelight.videos import mappers, outcomes
from safelight.videos.case_rows import CaseKind, CaseState, case_from_row, close_cases, lock_pending_hold
from safelight.videos.context import PipelineContext
from safelight.videos.models import StageRecord, Video, VideoState
from safelight.videos.stage_records import approved_findings, overturned_findings, record_stage
from safelight.videos.transitions import update

from .removal_follow_up import ACTOR, REMOVED, RemovalFollowUp, withdraw_reported
from .reports import LANES, NoticeOutcome, ReportLane, UnattendedAction
from .reports.decision_mails import DecisionMails
from .reports.harmless_pictures import harmless_hashes
from .reports.hash_screen import DeliveredMatches, HashScreen
from .reports.hidings import end_hiding, hide
from .reports.list_writer import ListWriter
from .reports.notice_store import ClosedNotice, answer, list_closed
from .reports.reported_hashes import CATEGORY, are_over
from .review_actions import holding_record, resume_held
from .reviews.reported_holds import matched_entries

# Holds by reported hashes that a person found harmless in another file: they are evaluated again.


def list_reported_holds(whole: Transaction) -> list[Row[Any]]:
    """The open holds that a reported hash may have caused, of all tenants."""
    of = tables.cases.c
    return whole.select(
        tables.cases,
        of.state == CaseState.OPEN.value,
        of.kind == CaseKind.HOLD.value,
        of.category == CATEGORY,
        order_by=(of.opened_at, of.id),
    )


def settle_hold(context: PipelineContext, whole: Transaction, row: Row[Any], *, actor: str) -> None:
    """Evaluate a held video without the reported hashes, if none of those that it matches is used any more.

    It goes on if nothing else holds it. Otherwise it gets a case with the reason that is left.
    """
    tx = whole.of_tenant(row.tenant_id)
    # The case is locked before the video, as in `Reviews.decide`, to avoid a deadlock.
    if lock_pending_hold(tx, row.video_id):
        return
    current = tx.one(tables.cases, tables.cases.c.id == row.id, tables.cases.c.state == CaseState.OPEN.value)
    video_row = tx.one(tables.videos, tables.videos.c.id == row.video_id, lock=True)
    if current is None or video_row is None or video_row.state != VideoState.HELD.value:
        return
    case, video = case_from_row(current), mappers.video(video_row)
    record = holding_record(tx, case)
    entries = matched_entries(record.findings)
    if not entries or not are_over(whole, entries):
        return
    result = _evaluate_without_reports(context, tx, video, record)
    if result.verdict.action is Action.BLOCK:
        # The policy became stricter. The person who has the case decides.
        return
    record_stage(tx, video.id, result)
    close_cases(tx, video.id, actor=actor, kind=CaseKind.HOLD)
    limits = context.limits
    if result.verdict.action is Action.HOLD:
        outcomes.open_hold_case(tx, video.id, result, due_at=case.due_at)
        update(tx, video, explanation=outcomes.explain_hold(context, result.verdict, None, video.id))
    elif result.stage is Stage.OUTPUT and claim_first_review(
        tx,
        video.principal_id,
        video.end_user,
        per_tenant=limits.first_outputs,
        per_end_user=limits.first_outputs_of_end_user,
    ):
        outcomes.open_first_case(tx, video.id, result.stage, due_at=case.due_at)
        update(tx, video, explanation=outcomes.explain_first_output(result.stage))
    else:
        why = {"reason": "reported_hashes_ended", "case": case.id}
        resume_held(context, tx, video, result, actor=actor, why=why)


def _evaluate_without_reports(
    context: PipelineContext, tx: Transaction, video: Video, record: StageRecord
) -> StageResult:
    return evaluate(
        context.policies.load_within(tx, video.tenant),
        StageInput(
            stage=record.stage,
            subject_sha256=record.verdict.subject_sha256,
            findings=tuple(one for one in record.findings if not one.is_reported_hash),
            coverage=record.coverage.cells,
            modalities=frozenset(cell.modality for cell in record.coverage.cells)
            | ({Modality.FRAMES} if record.stage is Stage.OUTPUT else frozenset()),
            audience=record.verdict.audience,
            consents=record.verdict.consents,
            approved=approved_findings(tx, video.id),
            overturned=overturned_findings(tx, video.id),
            details=record.details,
        ),
    )


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
        if row.case_id is None:
            gone = NoticeOutcome.GONE
            self._answer(whole, ClosedNotice(id=row.id, tenant=row.tenant_id, video_id="", outcome=gone))
            return
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
