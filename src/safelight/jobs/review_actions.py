"""Applies review decisions to videos, in the transaction of the decision."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from typing import Any

from safelight import canonical_json
from safelight.errors import Conflict, NotFound, Withdrawn
from safelight.moderation.evaluation import requires_label
from safelight.policy.categories import Category
from safelight.policy.findings import Modality, Stage
from safelight.policy.verdicts import Action
from safelight.store import tables
from safelight.store.transaction import Transaction
from safelight.trust.appeals import BY_REPORTER, AppealSubject, statement_of_case
from safelight.trust.reports import ReportedVideo
from safelight.trust.reports.reported_hashes import drop_hashes_of_video, settle_matches
from safelight.trust.reviews import Case, Decision
from safelight.trust.statements import StatementKind

from . import mappers, outcomes
from .context import PipelineContext
from .models import StageRecord, Video
from .offences import strike_for_withdrawal
from .reinstatement import appealable, reinstate
from .stage_records import stage_records
from .states import VideoState
from .transitions import transition
from .video_statements import cause_of_report, state_appeal_outcome, state_report_outcome
from .withdrawal import withdraw_within

_log = logging.getLogger(__name__)
_NUDITY = frozenset({Category.SEXUAL.value, Category.SEXUAL_MINORS.value, Category.NCII.value})


class ReviewActions:
    """Implements `trust.reviews.DecisionActions`."""

    def __init__(self, context: PipelineContext, enqueue: Callable[[str, str, int], None]) -> None:
        self._context = context
        self._enqueue = enqueue

    def approve(self, tx: Transaction, case: Case, decision: Decision) -> Callable[[], None]:
        """Let a held video continue: with the generation, or with sealing if its output was held."""
        video, row = self._held(tx, case)
        changes: dict[str, Any] = {
            # The time that a video waits for a reviewer does not count towards its deadline.
            "deadline_at": tx.now() + self._context.limits.deadline_s,
            "enqueue_count": row.enqueue_count + 1,
            "explanation": outcomes.support_of(video) or None,
        }
        settle_matches(tx, case.video_id, _holding_record(tx, case).verdict.findings, confirmed=False)
        early = case.stage in outcomes.EARLY_STAGES
        if case.stage is Stage.REFERENCE:
            # The reviewer approved the references too, so they are not screened again.
            changes["request"] = canonical_json.encode({**mappers.from_json(row.request), "pending": False})
        if not early:
            held = _holding_record(tx, case)
            policy = self._context.policies.load_within(tx, video.tenant)
            label = requires_label(policy, Stage.OUTPUT, held.findings)
            changes |= {
                "stage": Stage.DELIVERY.value,
                "progress": 90,
                "badge_text": self._context.delivery.label.text if label else None,
                "waived": video.waived or bool(held.verdict.waivers),
            }
        transition(
            tx,
            video,
            VideoState.QUEUED if early else VideoState.SEALING,
            actor=decision.decided_by,
            why=outcomes.decision_facts(case, decision),
            **changes,
        )
        return partial(self._resume, video.tenant, video.id, row.enqueue_count + 1)

    def refuse(self, tx: Transaction, case: Case, decision: Decision) -> None:
        """End a held video that a reviewer rejected. Its quota is returned."""
        video, _ = self._held(tx, case)
        verdict = _holding_record(tx, case).verdict
        settle_matches(tx, case.video_id, verdict.findings, confirmed=True)
        outcomes.reject_by_reviewer(self._context, tx, video, verdict, case, decision)

    def withdraw(self, tx: Transaction, case: Case, decision: Decision) -> None:
        """Withdraw a reported video and its descendants."""
        self._withdraw(tx, case, decision)
        state_report_outcome(self._context, tx, case, decision, StatementKind.REPORT_UPHELD)

    def _withdraw(self, tx: Transaction, case: Case, decision: Decision) -> None:
        withdraw_within(
            self._context,
            tx,
            case.video_id,
            actor=decision.decided_by,
            why=f"decision {decision.id}",
            cause=cause_of_report(self._context, tx, case, decision),
        )
        strike_for_withdrawal(self._context, tx, case, decision)

    def keep(self, tx: Transaction, case: Case, decision: Decision) -> None:
        """Tell the people who reported a video that it stays."""
        state_report_outcome(self._context, tx, case, decision, StatementKind.REPORT_REJECTED)

    def uphold(self, tx: Transaction, case: Case, decision: Decision) -> None:
        """Tell the person who appealed that the decision stays."""
        state_appeal_outcome(tx, decision, StatementKind.APPEAL_REJECTED)

    def overturn(self, tx: Transaction, case: Case, decision: Decision) -> Callable[[], None] | None:
        """Reinstate a blocked or withdrawn video under a new id; withdraw one whose report was rejected."""
        if statement_of_case(tx, case.id).content.kind in BY_REPORTER:
            self._withdraw(tx, case, decision)
            state_appeal_outcome(tx, decision, StatementKind.REPORT_UPHELD)
            return None
        new_video_id = reinstate(self._context, tx, case.video_id, decision)
        drop_hashes_of_video(tx, case.video_id)
        return partial(self._resume, case.tenant, new_video_id, 1)

    def appeal_subject(self, tx: Transaction, video_id: str) -> AppealSubject:
        """The blocked video of an appeal. Raises `NotFound`, or `Conflict` if it cannot be appealed."""
        return appealable(tx, video_id)

    def report_subject(self, tx: Transaction, video_id: str) -> ReportedVideo:
        """The video of a report. Raises `NotFound`, `Withdrawn`, or `Conflict` if it was not delivered."""
        row = tx.one(tables.videos, tables.videos.c.id == video_id)
        if row is None or (row.deleted_at is not None and row.state != VideoState.WITHDRAWN.value):
            raise NotFound(f"There is no video {video_id[:80]!r}.", param="video_id")
        if row.state == VideoState.WITHDRAWN.value:
            raise Withdrawn(f"{video_id} was withdrawn already.", param="video_id")
        if row.state != VideoState.DELIVERED.value:
            raise Conflict(
                f"{video_id} has not been delivered, so it cannot be reported.",
                param="video_id",
            )
        return ReportedVideo(
            id=row.id, quarantined=row.quarantined, may_show_nudity=_may_show_nudity(tx, video_id)
        )

    def _held(self, tx: Transaction, case: Case) -> tuple[Video, Any]:
        row = tx.one(tables.videos, tables.videos.c.id == case.video_id, lock=True)
        if row is None or row.state != VideoState.HELD.value:
            state = row.state if row is not None else "gone"
            raise Conflict(
                f"{case.video_id} is not held any more: its state is {state}.",
                param="case_id",
                remedy="Send the request again.",
            )
        return mappers.video(row), row

    def _resume(self, tenant: str, video_id: str, run: int) -> None:
        try:
            self._enqueue(tenant, video_id, run)
        except Exception:
            _log.exception("%s was not enqueued after a decision. The sweeper will enqueue it.", video_id)


def _holding_record(tx: Transaction, case: Case) -> StageRecord:
    """The stage record with the verdict that holds the video; the last one if `review_first` holds it."""
    records = [one for one in stage_records(tx, case.video_id) if one.stage is case.stage]
    return next((one for one in reversed(records) if one.verdict.action is Action.HOLD), records[-1])


def _may_show_nudity(tx: Transaction, video_id: str) -> bool:
    """Whether a detector reported nudity in the pictures of a video, or none checked all of them."""
    output = [one for one in stage_records(tx, video_id) if one.stage is Stage.OUTPUT]
    if not output:
        return True
    record = output[-1]
    seen = any(
        finding.category in _NUDITY and finding.modality is Modality.FRAMES for finding in record.findings
    )
    looked = any(
        cell.category == Category.SEXUAL.value and cell.modality is Modality.FRAMES and cell.complete
        for cell in record.coverage.cells
    )
    return seen or not looked
