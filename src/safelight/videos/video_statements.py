"""Statements to the people whose videos were decided on, recorded with the decision."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from safelight.accounts.reply_texts import ReplyTexts
from safelight.accounts.reporter import Reporter, ReporterKind
from safelight.accounts.statements import (
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
    statement_of_case,
)
from safelight.policy.compiled import categories_of
from safelight.policy.findings import Stage
from safelight.policy.verdicts import Action, Verdict
from safelight.store import tables
from safelight.store.database import Transaction

from .case_rows import Case, CaseKind, Decision, DecisionAction
from .context import PipelineContext
from .models import Video, VideoState
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
    reply: ReplyTexts | None = None
    objection: Objection = Objection.APPEAL

    @property
    def of_descendant(self) -> WithdrawalCause:
        """The cause for a video that is made from the withdrawn one: it was not reported itself."""
        if self.source not in (StatementSource.REPORT, StatementSource.COPY_REPORTED):
            return self
        # Reason, facts and reply are about the reported video.
        ground = replace(self.ground, reason="", facts="")
        return replace(self, source=StatementSource.SOURCE_REPORTED, ground=ground, reply=None)


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
    _state(
        tx,
        video,
        kind=StatementKind.BLOCKED,
        source=StatementSource.POLICY,
        ground=ground,
        automated_detection=True,
        automated_decision=True,
        stage=verdict.stage,
        objection=objection,
    )


def state_refusal(
    context: PipelineContext,
    tx: Transaction,
    video: Video,
    verdict: Verdict,
    decision: Decision,
) -> None:
    """A reviewer rejected the video that `verdict` held."""
    ground = ground_of_refusal(context, tx, video, verdict, decision)
    # The check found something else, or nothing, as in a first output.
    found_by_person = (
        decision.clause != verdict.rule
        and ground.group != ground_of_verdict(verdict, context.policies.taxonomy).group
    )
    _state(
        tx,
        video,
        kind=StatementKind.REFUSED,
        source=StatementSource.OPERATOR if found_by_person else StatementSource.POLICY,
        ground=ground,
        automated_detection=not found_by_person,
        automated_decision=False,
        stage=verdict.stage,
        case_id=decision.case_id,
        decision_id=decision.id,
        reply=decision.reply,
        objection=Objection.OPERATOR if verdict.vault else Objection.APPEAL,
    )


def verdict_of_hold(tx: Transaction, video: Video) -> Verdict | None:
    """The verdict that holds the video; None if it is one of the first outputs, which a person checks."""
    holds = [one.verdict for one in stage_records(tx, video.id) if one.verdict.action is Action.HOLD]
    return holds[-1] if holds and not video.is_held_first else None


def state_expiry(context: PipelineContext, tx: Transaction, video: Video, verdict: Verdict | None) -> None:
    """No reviewer decided in time about the video that `verdict` held."""
    first = DecisionGround(basis=GroundBasis.FIRST_REVIEW)
    ground = ground_of_verdict(verdict, context.policies.taxonomy) if verdict is not None else first
    _state(
        tx,
        video,
        kind=StatementKind.EXPIRED,
        source=StatementSource.OPERATOR if verdict is None else StatementSource.POLICY,
        ground=ground,
        automated_detection=verdict is not None,
        automated_decision=True,
        stage=video.stage,
        objection=Objection.REQUEST_AGAIN,
    )


def state_withdrawal(tx: Transaction, video: Video, cause: WithdrawalCause) -> None:
    """The video was withdrawn after its delivery, or stopped before, because it, or one that it is made from,
    was withdrawn. `video` as it was before.
    """
    delivered = video.state is VideoState.DELIVERED
    _state(
        tx,
        video,
        kind=StatementKind.WITHDRAWN if delivered else StatementKind.STOPPED,
        source=cause.source,
        ground=cause.ground,
        automated_detection=cause.automated_detection,
        automated_decision=cause.automated_decision,
        stage=Stage.DELIVERY if delivered else video.stage,
        case_id=cause.case_id,
        decision_id=cause.decision_id,
        reply=cause.reply,
        # Of a stopped video, there is no file that an appeal could release.
        objection=cause.objection if delivered else Objection.OPERATOR,
    )


def _state(tx: Transaction, video: Video, **fields: Any) -> None:
    """Record a statement to the person who requested the video."""
    new = NewStatement(account=video.principal_id, end_user=video.end_user, video_id=video.id, **fields)
    record_statement(tx, new)


def state_reinstatement(tx: Transaction, video: Video, released_as: str, decision: Decision) -> None:
    """An appeal was successful, and the video was released under a new id."""
    _state(
        tx,
        video,
        kind=StatementKind.REINSTATED,
        source=StatementSource.APPEAL,
        ground=DecisionGround(basis=GroundBasis.NOT_BROKEN, facts=decision.facts or ""),
        automated_detection=False,
        automated_decision=False,
        stage=video.stage,
        case_id=decision.case_id,
        decision_id=decision.id,
        released_as=released_as,
        reply=decision.reply,
        objection=Objection.NONE,
    )


def cause_of_report(
    context: PipelineContext, tx: Transaction, case: Case, decision: Decision
) -> WithdrawalCause:
    """A reviewer withdrew a video because it was reported."""
    # The case of a copy of a video that another tenant removed has no report, and nothing is stated about
    # that video.
    is_copy = case.kind is CaseKind.REPORT and not tx.count(
        tables.reports, tables.reports.c.case_id == case.id
    )
    return WithdrawalCause(
        source=StatementSource.POLICY if is_copy else StatementSource.REPORT,
        ground=ground_of_rule(context, tx, case.category, decision),
        automated_detection=is_copy,
        case_id=case.id,
        decision_id=decision.id,
        # The reply to an appeal is for the reporter.
        reply=decision.reply if decision.action is DecisionAction.WITHDRAW else None,
    )


def ground_of_rule(
    context: PipelineContext, tx: Transaction, category: str, decision: Decision
) -> DecisionGround:
    """The ground that a reviewer gave: the rule of the policy, the group of its category, and the facts.

    `category` is that of the case, for a rule with several categories or none. `NO_GROUND` if the rule is not
    in the policy in force, or if there is no category.
    """
    category, rule = _named_rule(context, tx, category, decision)
    if not rule:
        return NO_GROUND
    return ground_of_category(category, context.policies.taxonomy, clause=rule, facts=decision.facts or "")


def _named_rule(
    context: PipelineContext, tx: Transaction, category: str, decision: Decision
) -> tuple[str, str]:
    """The category and the id of the rule that a reviewer named; empty if the policy in force has no such
    rule. `category` is that of the case.
    """
    policy = context.policies.load_within(tx, tx.tenant or "").policy
    rule = next((rule for rule in policy.rules if rule.id == decision.clause), None)
    if rule is None:
        return "", ""
    named = categories_of(rule)
    return category if category in named or not named else min(named), rule.id


def ground_of_refusal(
    context: PipelineContext,
    tx: Transaction,
    video: Video,
    verdict: Verdict,
    decision: Decision,
) -> DecisionGround:
    """Why a held video was rejected: by default the verdict that held it, with the facts of its findings."""
    taxonomy = context.policies.taxonomy
    if verdict.vault:
        return ground_of_verdict(verdict, taxonomy)
    named = ground_of_rule(context, tx, verdict.category, decision)
    if named.facts and named.explains_decision:
        return named
    if video.is_held_first:
        return NO_GROUND
    found = ground_of_verdict(verdict, taxonomy, clause=decision.clause)
    return replace(found, facts=decision.facts or "")


def ground_of_upheld_decision(
    context: PipelineContext, tx: Transaction, case: Case, decision: Decision
) -> DecisionGround:
    """Why an appeal was rejected: the ground of the decision, with what the reviewer named instead."""
    ground = statement_of_case(tx, case.id).content.ground
    named = ground_of_rule(context, tx, case.category, decision)
    if ground.basis is GroundBasis.WITHHELD:
        return ground
    # If the appeal of a reporter is rejected, the video breaks no rule.
    is_kept = ground.basis is GroundBasis.NOT_BROKEN and decision.action is DecisionAction.UPHOLD
    if named.facts and named.explains_decision and not is_kept:
        return named
    rule = decision.clause if decision.clause and ground.rule else ground.rule
    return replace(ground, rule=rule, facts=decision.facts or ground.facts)


def state_report_outcome(
    context: PipelineContext, tx: Transaction, case: Case, decision: Decision, kind: StatementKind
) -> None:
    """State the decision about a reported video to each account and end user that reported it."""
    rows = tx.select(tables.reports, tables.reports.c.case_id == case.id)
    ground = ground_of_rule(context, tx, case.category, decision)
    if kind is StatementKind.REPORT_REJECTED:
        # A reviewer may name a rule to say which one is not broken.
        ground = DecisionGround(basis=GroundBasis.NOT_BROKEN, facts=decision.facts or "")
    new = NewStatement(
        kind=kind,
        source=StatementSource.REPORT,
        ground=ground,
        automated_detection=False,
        automated_decision=False,
        video_id=case.video_id,
        stage=Stage.DELIVERY,
        case_id=case.id,
        decision_id=decision.id,
        reply=decision.reply if decision.action is DecisionAction.KEEP else None,
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


def state_appeal_outcome(
    context: PipelineContext, tx: Transaction, case: Case, decision: Decision, kind: StatementKind
) -> None:
    """A reviewer decided about an appeal. The answer gives the rule and the facts that the reviewer named."""
    new = replace(
        statement_of_case(tx, case.id).content,
        kind=kind,
        source=StatementSource.APPEAL,
        ground=ground_of_upheld_decision(context, tx, case, decision),
        automated_detection=False,
        automated_decision=False,
        case_id=decision.case_id,
        decision_id=decision.id,
        reply=decision.reply,
        objection=Objection.NONE,
    )
    record_statement(tx, new)
