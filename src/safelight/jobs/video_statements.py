"""Statements to the people whose videos were decided on, recorded with the decision."""

from __future__ import annotations

from dataclasses import dataclass, replace

from safelight.policy.findings import Stage
from safelight.policy.verdicts import Action, Verdict
from safelight.store import tables
from safelight.store.transaction import Transaction
from safelight.trust.accounts.reporter import Reporter
from safelight.trust.appeals import statement_of_case
from safelight.trust.reports import ReporterKind
from safelight.trust.reviews import Case, Decision
from safelight.trust.statements import (
    NO_GROUND,
    DecisionGround,
    GroundBasis,
    NewStatement,
    Objection,
    StatementKind,
    StatementSource,
    ground_of_category,
    ground_of_verdict,
    record_statement,
)

from .context import PipelineContext
from .models import Video
from .offences import find_confirmed_category
from .stage_records import stage_records


@dataclass(frozen=True, kw_only=True)
class WithdrawalCause:
    """Why a video is withdrawn, for the statement to the person who requested it."""

    source: StatementSource
    ground: DecisionGround = NO_GROUND
    automated_detection: bool = False
    automated_decision: bool = False
    case_id: str | None = None
    decision_id: str | None = None
    objection: Objection = Objection.APPEAL


#: The operator withdraws a video without a report or a match.
BY_OPERATOR = WithdrawalCause(source=StatementSource.OPERATOR)


def state_block(
    context: PipelineContext, tx: Transaction, video: Video, verdict: Verdict, *, appeal: bool
) -> None:
    """The policy blocked the video. `appeal`: whether the block can be appealed."""
    ground = ground_of_verdict(verdict, context.policies.taxonomy)
    if appeal:
        objection = Objection.APPEAL
    elif ground.basis is GroundBasis.WITHHELD:
        objection = Objection.OPERATOR
    else:
        objection = Objection.REQUEST_AGAIN
    new = NewStatement(
        kind=StatementKind.BLOCKED,
        source=StatementSource.POLICY,
        ground=ground,
        automated_detection=True,
        automated_decision=True,
        account=video.principal_id,
        end_user=video.end_user,
        video_id=video.id,
        stage=verdict.stage,
        objection=objection,
    )
    record_statement(tx, new)


def state_refusal(
    context: PipelineContext, tx: Transaction, video: Video, verdict: Verdict, decision: Decision
) -> None:
    """A reviewer rejected the video that `verdict` held."""
    first = video.is_held_first
    new = NewStatement(
        kind=StatementKind.REFUSED,
        source=StatementSource.OPERATOR if first else StatementSource.POLICY,
        ground=NO_GROUND
        if first
        else ground_of_verdict(verdict, context.policies.taxonomy, clause=decision.clause),
        automated_detection=not first,
        automated_decision=False,
        account=video.principal_id,
        end_user=video.end_user,
        video_id=video.id,
        stage=verdict.stage,
        case_id=decision.case_id,
        decision_id=decision.id,
        objection=Objection.OPERATOR if verdict.vault else Objection.APPEAL,
    )
    record_statement(tx, new)


def state_expiry(context: PipelineContext, tx: Transaction, video: Video) -> None:
    """No reviewer decided about the held video in time."""
    holds = [one.verdict for one in stage_records(tx, video.id) if one.verdict.action is Action.HOLD]
    first = video.is_held_first
    new = NewStatement(
        kind=StatementKind.EXPIRED,
        source=StatementSource.OPERATOR if first else StatementSource.POLICY,
        ground=ground_of_verdict(holds[-1], context.policies.taxonomy) if holds and not first else NO_GROUND,
        automated_detection=not first,
        automated_decision=True,
        account=video.principal_id,
        end_user=video.end_user,
        video_id=video.id,
        stage=video.stage,
        objection=Objection.REQUEST_AGAIN,
    )
    record_statement(tx, new)


def state_withdrawal(tx: Transaction, video: Video, cause: WithdrawalCause) -> None:
    """The delivered video was withdrawn."""
    record_statement(tx, _withdrawal(video, cause))


def state_stop(tx: Transaction, video: Video, cause: WithdrawalCause) -> None:
    """The video was not finished when it, or one that it is made from, was withdrawn.

    There is no file that an appeal could release.
    """
    withdrawn = _withdrawal(video, cause)
    record_statement(
        tx, replace(withdrawn, kind=StatementKind.STOPPED, stage=video.stage, objection=Objection.OPERATOR)
    )


def _withdrawal(video: Video, cause: WithdrawalCause) -> NewStatement:
    return NewStatement(
        kind=StatementKind.WITHDRAWN,
        source=cause.source,
        ground=cause.ground,
        automated_detection=cause.automated_detection,
        automated_decision=cause.automated_decision,
        account=video.principal_id,
        end_user=video.end_user,
        video_id=video.id,
        stage=Stage.DELIVERY,
        case_id=cause.case_id,
        decision_id=cause.decision_id,
        objection=cause.objection,
    )


def state_reinstatement(tx: Transaction, video: Video, released_as: str, decision: Decision) -> None:
    """An appeal was successful, and the video was released under a new id."""
    new = NewStatement(
        kind=StatementKind.REINSTATED,
        source=StatementSource.APPEAL,
        ground=NO_GROUND,
        automated_detection=False,
        automated_decision=False,
        account=video.principal_id,
        end_user=video.end_user,
        video_id=video.id,
        stage=video.stage,
        case_id=decision.case_id,
        decision_id=decision.id,
        released_as=released_as,
        objection=Objection.NONE,
    )
    record_statement(tx, new)


def cause_of_report(
    context: PipelineContext, tx: Transaction, case: Case, decision: Decision
) -> WithdrawalCause:
    """A reviewer withdrew a video because it was reported."""
    return WithdrawalCause(
        source=StatementSource.REPORT,
        ground=_ground_of_report(context, tx, case, decision),
        case_id=case.id,
        decision_id=decision.id,
    )


def _ground_of_report(
    context: PipelineContext, tx: Transaction, case: Case, decision: Decision
) -> DecisionGround:
    category = find_confirmed_category(context, tx, case, decision)
    return ground_of_category(category, context.policies.taxonomy, clause=decision.clause or case.rule)


def state_report_outcome(
    context: PipelineContext, tx: Transaction, case: Case, decision: Decision, kind: StatementKind
) -> None:
    """State the decision about a reported video to each account and end user that reported it."""
    rows = tx.select(tables.reports, tables.reports.c.case_id == case.id)
    new = NewStatement(
        kind=kind,
        source=StatementSource.REPORT,
        ground=_ground_of_report(context, tx, case, decision),
        automated_detection=False,
        automated_decision=False,
        video_id=case.video_id,
        stage=Stage.DELIVERY,
        case_id=case.id,
        decision_id=decision.id,
        objection=Objection.APPEAL if kind is StatementKind.REPORT_REJECTED else Objection.NONE,
    )
    # An end user of two API keys is two reporters: each key reads the answers to its own.
    for reporter in sorted({row.reporter for row in rows if row.reporter_kind != ReporterKind.VISITOR.value}):
        sender = Reporter.parse(reporter)
        record_statement(
            tx,
            replace(
                new,
                account=sender.identity if sender.end_user is None else None,
                end_user=sender.end_user,
                reporter_source=sender.source,
            ),
        )


def state_appeal_outcome(tx: Transaction, decision: Decision, kind: StatementKind) -> None:
    """A reviewer decided about an appeal. The answer gives the rule that the reviewer named."""
    against = statement_of_case(tx, decision.case_id).content
    ground = against.ground
    if decision.clause and ground.rule:
        ground = replace(ground, rule=decision.clause)
    new = replace(
        against,
        kind=kind,
        source=StatementSource.APPEAL,
        ground=ground,
        automated_detection=False,
        automated_decision=False,
        case_id=decision.case_id,
        decision_id=decision.id,
        objection=Objection.NONE,
    )
    record_statement(tx, new)
