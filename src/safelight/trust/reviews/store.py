"""Cases and decisions in the database."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row

from safelight.ids import new_id
from safelight.policy.findings import Stage
from safelight.store.tables import cases, decisions, reports, verdicts, videos
from safelight.store.transaction import Transaction

from .models import Case, CaseKind, CaseState, Decision, DecisionAction


def open_case(
    tx: Transaction,
    *,
    video_id: str,
    kind: CaseKind,
    stage: Stage,
    due_at: float,
    category: str = "",
    rule: str = "",
    why: str = "",
    quarantined: bool = False,
    actor: str,
) -> Case:
    """The open case of this kind about this video: a new one, or the one that is open already."""
    key = f"{kind.value}:{video_id}"
    fresh = new_id("case")
    added = tx.insert_or_ignore(
        cases,
        id=fresh,
        video_id=video_id,
        kind=kind.value,
        stage=stage.value,
        category=category,
        rule=rule,
        reason=why,
        state=CaseState.OPEN.value,
        dedup_key=key,
        quarantined=quarantined,
        opened_at=tx.now(),
        due_at=due_at,
    )
    row = tx.one(cases, cases.c.dedup_key == key, lock=True)
    if row is None:
        # Decided between the two statements: what is said now is a matter of its own.
        return open_case(
            tx,
            video_id=video_id,
            kind=kind,
            stage=stage,
            due_at=due_at,
            category=category,
            rule=rule,
            why=why,
            quarantined=quarantined,
            actor=actor,
        )
    if added:
        tx.append_audit(
            "case.opened",
            subject=video_id,
            actor=actor,
            content={"case": row.id, "kind": kind.value, "stage": stage.value, "why": why},
        )
    return case(row)


def close_cases(tx: Transaction, video_id: str, *, actor: str, kind: CaseKind | None = None) -> int:
    """Close what is open about a video without a decision; says how many there were."""
    where = [cases.c.video_id == video_id, cases.c.state == CaseState.OPEN.value]
    if kind is not None:
        where.append(cases.c.kind == kind.value)
    closed = tx.update(cases, *where, state=CaseState.EXPIRED.value, dedup_key=None, closed_at=tx.now())
    if closed:
        tx.append_audit("case.expired", subject=video_id, actor=actor, content={"cases": closed})
    return closed


def close_case(tx: Transaction, case_id: str) -> bool:
    """Close one case as decided, if it is open: only one caller ever hears yes."""
    return (
        tx.update(
            cases,
            cases.c.id == case_id,
            cases.c.state == CaseState.OPEN.value,
            state=CaseState.DECIDED.value,
            dedup_key=None,
            closed_at=tx.now(),
        )
        == 1
    )


def add_decision(
    tx: Transaction, of: Case, *, action: DecisionAction, reason: str, clause: str | None, decided_by: str
) -> Decision:
    seen = tx.select(verdicts, verdicts.c.video_id == of.video_id, columns=[verdicts.c.id])
    made = Decision(
        id=new_id("decision"),
        case_id=of.id,
        video_id=of.video_id,
        action=action,
        reason=reason,
        clause=clause,
        decided_by=decided_by,
        at=tx.now(),
        verdict_ids=tuple(sorted(row.id for row in seen)),
    )
    tx.insert(
        decisions,
        id=made.id,
        case_id=of.id,
        video_id=of.video_id,
        action=action.value,
        reason=reason,
        clause=clause,
        decided_by=decided_by,
        at=made.at,
        verdict_ids=list(made.verdict_ids),
    )
    tx.append_audit(
        f"case.{action.value}",
        subject=of.video_id,
        actor=decided_by,
        content={"case": of.id, "decision": made.id, "reason": reason, "clause": clause},
    )
    return made


def decisions_on(tx: Transaction, video_id: str) -> tuple[Decision, ...]:
    """Everything people decided about a video, oldest first."""
    rows = tx.select(decisions, decisions.c.video_id == video_id, order_by=(decisions.c.at, decisions.c.id))
    return tuple(decision(row) for row in rows)


def approved_verdicts(tx: Transaction, video_id: str) -> frozenset[str]:
    """Ids of the verdicts on a video that a person looked at and let through; empty where nobody did."""
    return _covered(tx, video_id, DecisionAction.APPROVE)


def overturned_verdicts(tx: Transaction, video_id: str) -> frozenset[str]:
    """Ids of the verdicts on a video that an appeal was won against; empty where none was."""
    return _covered(tx, video_id, DecisionAction.OVERTURN)


def _covered(tx: Transaction, video_id: str, action: DecisionAction) -> frozenset[str]:
    return frozenset(
        verdict
        for made in decisions_on(tx, video_id)
        if made.action is action
        for verdict in made.verdict_ids
    )


def involved_people(tx: Transaction, of: Case) -> frozenset[str]:
    """Who may not decide an appeal: who decided about this video before, ordered it, or appeals."""
    ordered = tx.one(videos, videos.c.id == of.video_id)
    appealed = tx.select(reports, reports.c.case_id == of.id, columns=[reports.c.reporter])
    return frozenset(
        {
            *(made.decided_by for made in decisions_on(tx, of.video_id)),
            *((ordered.principal_id,) if ordered is not None else ()),
            *(row.reporter for row in appealed),
        }
    )


def case(row: Row[Any]) -> Case:
    return Case(
        id=row.id,
        tenant=row.tenant_id,
        video_id=row.video_id,
        kind=CaseKind(row.kind),
        stage=Stage(row.stage),
        category=row.category,
        rule=row.rule,
        reason=row.reason,
        state=CaseState(row.state),
        quarantined=row.quarantined,
        opened_at=row.opened_at,
        due_at=row.due_at,
        closed_at=row.closed_at,
    )


def decision(row: Row[Any]) -> Decision:
    return Decision(
        id=row.id,
        case_id=row.case_id,
        video_id=row.video_id,
        action=DecisionAction(row.action),
        reason=row.reason,
        clause=row.clause,
        decided_by=row.decided_by,
        at=row.at,
        verdict_ids=tuple(row.verdict_ids),
    )
