"""Holds by reported hashes that a person found harmless in another file: they are evaluated again."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row

from safelight.moderation.evaluation import StageInput, StageResult, evaluate
from safelight.policy.findings import Modality, Stage
from safelight.policy.verdicts import Action
from safelight.store import tables
from safelight.store.transaction import Transaction
from safelight.trust.accounts.terms import claim_first_review
from safelight.trust.reports.reported_hashes import CATEGORY, are_over
from safelight.trust.reviews import CaseKind, CaseState, case_from_row, close_cases, lock_pending_hold
from safelight.trust.reviews.reported_holds import matched_entries

from . import mappers, outcomes
from .context import PipelineContext
from .models import StageRecord, Video
from .review_actions import holding_record, resume_held
from .stage_records import approved_findings, overturned_findings, record_stage
from .states import VideoState
from .transitions import update


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
