"""Applies review decisions to videos, in the transaction of the decision."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from safelight.accounts.halts import require_no_halt
from safelight.accounts.statements import NO_GROUND, DecisionGround, StatementKind, statement_of_case
from safelight.core import canonical_json
from safelight.core.errors import Conflict, InvalidField, NotFound, Withdrawn
from safelight.policy.findings import Category, Modality, Stage
from safelight.policy.verdicts import Action
from safelight.screening.evaluation import StageResult, requires_label
from safelight.store import tables
from safelight.store.database import Transaction
from safelight.videos import mappers, outcomes
from safelight.videos.case_rows import Case, CaseKind, Decision, DecisionAction
from safelight.videos.context import PipelineContext
from safelight.videos.models import StageRecord, Video, VideoState
from safelight.videos.offences import find_confirmed_category, strike_for_withdrawal
from safelight.videos.reinstatement import reinstate, release_kept_clip
from safelight.videos.stage_records import stage_records
from safelight.videos.transitions import transition
from safelight.videos.video_statements import (
    cause_of_report,
    ground_of_refusal,
    ground_of_rule,
    ground_of_upheld_decision,
    state_appeal_outcome,
    state_report_outcome,
)
from safelight.videos.withdrawal import withdraw_within

from .appeals import BY_REPORTER
from .reports import ReportedVideo
from .reports.notice_store import reverse_keep
from .reports.stay_down import delete_hashes

_log = logging.getLogger(__name__)
_NUDITY = frozenset({Category.SEXUAL.value, Category.SEXUAL_MINORS.value, Category.NCII.value})


def find_reported_video(tx: Transaction, video_id: str) -> ReportedVideo:
    """The video of a report. Raises `NotFound`, `Withdrawn`, or `Conflict` if it was not delivered."""
    row = tx.one(tables.videos, video_id)
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


class ReviewActions:
    """Each action may return a callable, which runs after the commit.

    An action raises `Conflict` if the state of the video no longer allows it.
    """

    def __init__(self, context: PipelineContext, enqueue: Callable[[str, str, int], None]) -> None:
        self._context = context
        self._enqueue = enqueue

    def require_ground(self, tx: Transaction, case: Case, decision: Decision) -> None:
        """Raise `InvalidField` if the statement about the decision would have no rule, group or facts."""
        ground = self._ground_against(tx, case, decision)
        if ground is None:
            return
        named = ground_of_rule(self._context, tx, case.category, decision)
        if ground.explains_decision and (named.group or not decision.clause):
            return
        if not decision.clause:
            raise InvalidField(
                "This decision needs a rule: the person concerned is told which rule was broken.",
                param="clause",
                remedy="Name the id of a rule of the policy.",
            )
        if not named.group:
            raise InvalidField(
                f"{decision.clause!r} is no rule of the policy in force that names a category.",
                param="clause",
                remedy="Name the id of a rule of the policy: safelight policy show.",
            )
        raise InvalidField(
            "This decision needs facts: the person concerned is told what in the content breaks the rule.",
            param="facts",
            remedy="Write one sentence for that person.",
        )

    def _ground_against(self, tx: Transaction, case: Case, decision: Decision) -> DecisionGround | None:
        """The ground of a decision against a person; None for other decisions."""
        is_report = case.kind is CaseKind.REPORT or (
            case.kind is CaseKind.APPEAL and statement_of_case(tx, case.id).content.kind in BY_REPORTER
        )
        if decision.action is DecisionAction.REFUSE:
            row = tx.one(tables.videos, case.video_id)
            if row is None:
                return None
            verdict = holding_record(tx, case).verdict
            return ground_of_refusal(self._context, tx, mappers.video(row), verdict, decision)
        if decision.action is DecisionAction.UPHOLD and not is_report:
            return ground_of_upheld_decision(self._context, tx, case, decision)
        if is_report and decision.action in (DecisionAction.WITHDRAW, DecisionAction.OVERTURN):
            return ground_of_rule(self._context, tx, case.category, decision) if decision.facts else NO_GROUND
        return None

    def approve(self, tx: Transaction, case: Case, decision: Decision) -> Callable[[], None]:
        """Let a held video continue: with the generation, or with sealing if its output was held.

        If the review has expired, its kept clip is released under a new id.
        """
        if self._expired_with_clip(tx, case) is not None:
            released_id = release_kept_clip(self._context, tx, case.video_id, decision)
            return partial(self._resume, case.tenant, released_id, 1)
        video, row = self._held(tx, case)
        # A prompt that is approved would end as soon as it is to be generated.
        require_no_halt(tx, video.model if case.stage in outcomes.EARLY_STAGES else "")
        changes: dict[str, Any] = {"enqueue_count": row.enqueue_count + 1}
        if case.stage is Stage.REFERENCE:
            # The reviewer approved the references too, so they are not screened again.
            changes["request"] = canonical_json.encode({**mappers.from_json(row.request), "pending": False})
        resume_held(
            self._context,
            tx,
            video,
            holding_record(tx, case),
            actor=decision.decided_by,
            why=outcomes.decision_facts(case, decision),
            **changes,
        )
        return partial(self._resume, video.tenant, video.id, row.enqueue_count + 1)

    def refuse(self, tx: Transaction, case: Case, decision: Decision) -> None:
        """End a held video that a reviewer rejected. Its quota is returned."""
        verdict = holding_record(tx, case).verdict
        if (expired := self._expired_with_clip(tx, case)) is not None:
            outcomes.refuse_expired(self._context, tx, expired, verdict, decision)
            return
        video, _ = self._held(tx, case)
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
        if (gates := self._context.gates) is not None:
            # A reviewer who names no rule confirms the reported category.
            category = find_confirmed_category(self._context, tx, case, decision) or case.category
            gates.record_incident(
                tx, category, video_id=case.video_id, case_id=case.id, actor=decision.decided_by
            )

    def keep(self, tx: Transaction, case: Case, decision: Decision) -> None:
        """Tell the people who reported a video that it stays."""
        state_report_outcome(self._context, tx, case, decision, StatementKind.REPORT_REJECTED)

    def uphold(self, tx: Transaction, case: Case, decision: Decision) -> None:
        """Tell the person who appealed that the decision stays."""
        state_appeal_outcome(self._context, tx, case, decision, StatementKind.APPEAL_REJECTED)

    def overturn(self, tx: Transaction, case: Case, decision: Decision) -> Callable[[], None] | None:
        """Reinstate a blocked or withdrawn video under a new id; withdraw one whose report was rejected."""
        appealed = statement_of_case(tx, case.id).content
        if appealed.kind in BY_REPORTER:
            self._withdraw(tx, case, decision)
            reverse_keep(tx, appealed.case_id)
            state_appeal_outcome(self._context, tx, case, decision, StatementKind.REPORT_UPHELD)
            return None
        new_video_id = reinstate(self._context, tx, case.video_id, decision)
        delete_hashes(tx, case.video_id, actor=decision.decided_by)
        return partial(self._resume, case.tenant, new_video_id, 1)

    def _expired_with_clip(self, tx: Transaction, case: Case) -> Video | None:
        """The video of which the review has expired and the paid clip is kept; None if it is not so."""
        row = tx.one(tables.videos, case.video_id, lock=True)
        is_kept = row is not None and row.state == VideoState.BLOCKED.value and row.clip_kept_until
        return mappers.video(row) if row is not None and is_kept else None

    def _held(self, tx: Transaction, case: Case) -> tuple[Video, Any]:
        row = tx.one(tables.videos, case.video_id, lock=True)
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


def resume_held(
    context: PipelineContext,
    tx: Transaction,
    video: Video,
    held: StageRecord | StageResult,
    *,
    actor: str,
    why: Mapping[str, Any],
    **changes: Any,
) -> None:
    """Let a held video continue: with the generation, or with sealing if its clip was made and scanned."""
    changes |= {"reviewed": True, "gaps_approved": video.gaps_approved or bool(held.verdict.gaps)}
    early = held.stage in outcomes.EARLY_STAGES
    if held.stage is Stage.GENERATION:
        scans = [one for one in stage_records(tx, video.id) if one.stage is Stage.OUTPUT]
        early = not scans
        held = scans[-1] if scans else held
    if not early:
        policy = context.policies.load_within(tx, video.tenant)
        label = requires_label(policy, Stage.OUTPUT, held.findings)
        changes |= {
            "stage": Stage.DELIVERY.value,
            "progress": 90,
            "badge_text": context.delivery.label.text if label else None,
            "waived": video.waived or bool(held.verdict.waivers),
        }
    transition(
        tx,
        video,
        VideoState.QUEUED if early else VideoState.SEALING,
        actor=actor,
        why=why,
        # The time that a video waits for a reviewer does not count towards its deadline.
        deadline_at=tx.now() + context.limits.deadline_s,
        explanation=outcomes.support_of(video) or None,
        **changes,
    )


def holding_record(tx: Transaction, case: Case) -> StageRecord:
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
