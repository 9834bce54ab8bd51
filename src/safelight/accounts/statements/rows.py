"""Records statements, and reads them from their rows."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from sqlalchemy import Row

from safelight.accounts.reply_texts import ReplyTexts
from safelight.core.errors import Conflict
from safelight.core.ids import new_id
from safelight.policy.findings import Stage
from safelight.store.database import Transaction
from safelight.store.tables import appeals, statements

from .models import (
    DecisionGround,
    GroundBasis,
    NewStatement,
    Objection,
    Statement,
    StatementKind,
    StatementSource,
)

#: How long an objection is possible: six months, the time of Article 20 of the EU Digital Services Act.
#: No six months of the calendar have more days.
OBJECTION_S = 184 * 86_400.0
#: The fields of `NewStatement` that are columns of the same name and need no conversion.
_PLAIN = (
    *("account", "end_user", "reporter_source", "video_id", "case_id", "decision_id", "released_as", "until"),
    *("automated_detection", "automated_decision"),
)
#: Decisions of a person that need a ground.
_AGAINST = frozenset(
    {
        StatementKind.REFUSED,
        StatementKind.WITHDRAWN,
        StatementKind.STOPPED,
        StatementKind.APPEAL_REJECTED,
    }
)


def record_statement(tx: Transaction, new: NewStatement) -> Statement:
    """Record a statement, in the transaction that carries out its decision."""
    if new.account is None and new.end_user is None:
        raise ValueError("a statement addresses an account or an end user")
    if new.decision_id is not None and new.kind in _AGAINST and not new.ground.explains_decision:
        raise Conflict(
            "The statement about this decision would have no rule, no group or no facts.",
            param="clause",
            remedy="Decide again: name a rule of the policy in force, and write the facts.",
        )
    now = tx.now()
    made = Statement(
        id=new_id("statement"),
        tenant=tx.tenant or "",
        content=new,
        at=now,
        objection_until=now + OBJECTION_S if new.objection is Objection.APPEAL else None,
    )
    ground = asdict(new.ground)
    tx.insert(
        statements,
        id=made.id,
        kind=new.kind.value,
        stage=new.stage.value if new.stage else None,
        source=new.source.value,
        objection=new.objection.value,
        objection_until=made.objection_until,
        at=now,
        group_name=ground.pop("group"),
        **ground,
        reply=asdict(new.reply) if new.reply is not None else None,
        **{name: getattr(new, name) for name in _PLAIN},
    )
    tx.append_audit(
        "statement.issued",
        subject=new.video_id or new.account or made.id,
        actor="statements",
        content={
            "statement": made.id,
            "kind": new.kind.value,
            "source": new.source.value,
            "decision": new.decision_id,
            "automated_decision": new.automated_decision,
        },
    )
    return made


def erase_reasons(tx: Transaction, video_id: str) -> int:
    """Empty the reasons of the statements about a deleted video, because they can quote its prompt.

    What was decided, and by which rule, stays. Returns the number of changed statements.
    """
    return tx.update(
        statements,
        statements.c.video_id == video_id,
        statements.c.erased_at.is_(None),
        reason="",
        facts="",
        erased_at=tx.now(),
    )


def statement_from_row(row: Row[Any]) -> Statement:
    return Statement(
        id=row.id,
        tenant=row.tenant_id,
        at=row.at,
        objection_until=row.objection_until,
        erased_at=row.erased_at,
        content=NewStatement(
            kind=StatementKind(row.kind),
            stage=Stage(row.stage) if row.stage else None,
            source=StatementSource(row.source),
            objection=Objection(row.objection),
            reply=ReplyTexts(**row.reply) if row.reply is not None else None,
            ground=DecisionGround(
                basis=GroundBasis(row.basis),
                group=row.group_name,
                category=row.category,
                policy=row.policy,
                rule=row.rule,
                reason=row.reason,
                facts=row.facts,
            ),
            **{name: getattr(row, name) for name in _PLAIN},
        ),
    )


def statement_of_case(tx: Transaction, case_id: str) -> Statement:
    """The statement that the appeal of this case is against. Raises `Conflict` if there is none."""
    row = tx.one(appeals, appeals.c.case_id == case_id)
    found = tx.one(statements, statements.c.id == row.statement_id) if row is not None else None
    if found is None:
        raise Conflict(f"{case_id} has no appeal.", param="case_id")
    return statement_from_row(found)
