"""Gives the strikes that follow from blocks and decisions, in their transactions."""

from __future__ import annotations

from safelight.accounts.standing import (
    Cause,
    Offence,
    find_machine_cause,
    find_refusal_cause,
    find_withdrawal_cause,
)
from safelight.policy.compiled import categories_of
from safelight.policy.findings import INDICATOR_SCORE, Stage
from safelight.policy.verdicts import Verdict
from safelight.screening.evaluation import StageResult
from safelight.store import tables
from safelight.store.database import Transaction

from .case_rows import Case, Decision
from .context import PipelineContext
from .models import Video
from .stage_records import stage_records


def strike_for_block(
    context: PipelineContext,
    tx: Transaction,
    video: Video,
    result: StageResult,
    *,
    is_paraphrase: bool = False,
) -> None:
    """After a block by the policy."""
    cause = find_machine_cause(result.verdict, result.findings, is_paraphrase=is_paraphrase)
    _give(context, tx, video, cause, None)


def strike_for_refusal(
    context: PipelineContext, tx: Transaction, video: Video, verdict: Verdict, decision: Decision
) -> None:
    """After a reviewer refused a held video. `verdict` held it."""
    requested = (
        finding
        for record in stage_records(tx, video.id)
        if record.stage is not verdict.stage
        for finding in record.findings
    )
    _give(context, tx, video, find_refusal_cause(verdict, requested), decision)


def strike_for_withdrawal(context: PipelineContext, tx: Transaction, case: Case, decision: Decision) -> None:
    """After a reviewer withdrew a reported video. Those made from it give no strike."""
    requested = (
        finding
        for record in stage_records(tx, case.video_id)
        if record.stage in (Stage.PROMPT, Stage.REFERENCE)
        for finding in record.findings
    )
    category = find_confirmed_category(context, tx, case, decision)
    row = tx.one(tables.videos, case.video_id)
    if row is not None:
        offence = Offence(
            video_id=row.id,
            account=row.principal_id,
            end_user=row.end_user,
            cause=find_withdrawal_cause(category, requested, context.policies.taxonomy),
            decision_id=decision.id,
            actor=decision.decided_by,
        )
        context.standings.give(tx, offence)


def find_confirmed_category(context: PipelineContext, tx: Transaction, case: Case, decision: Decision) -> str:
    """The category of the rule that the reviewer of a report named; else the reported one, if a finding of
    the video has it; else empty. A person who reports does not choose what is held against another.
    """
    rules = context.policies.load_within(tx, case.tenant).policy.rules
    named = next((categories_of(rule) for rule in rules if rule.id == decision.clause), frozenset())
    if named:
        # A rule about several categories confirms the reported one, if it is among them.
        return next(iter(named)) if len(named) == 1 else next(iter(named & {case.category}), "")
    is_found = any(
        one.category == case.category and one.score >= INDICATOR_SCORE and not one.test_card
        for record in stage_records(tx, case.video_id)
        for one in record.findings
    )
    return case.category if is_found else ""


def _give(
    context: PipelineContext, tx: Transaction, video: Video, cause: Cause | None, decision: Decision | None
) -> None:
    offence = Offence(
        video_id=video.id,
        account=video.principal_id,
        end_user=video.end_user,
        cause=cause,
        decision_id=decision.id if decision else None,
        case_id=decision.case_id if decision else None,
        actor=decision.decided_by if decision else "policy",
    )
    context.standings.give(tx, offence)
