"""Records statements, and reads them from their rows."""

from __future__ import annotations

from safelight.core.errors import Conflict
from safelight.core.ids import new_id
from safelight.store.database import Row, Transaction
from safelight.store.rows import read_record, stored_columns
from safelight.store.tables import appeals, statements

from .models import (
    DecisionGround,
    NewStatement,
    Objection,
    Statement,
    StatementKind,
)

#: How long an objection is possible: six months, the time of Article 20 of the EU Digital Services Act.
#: No six months of the calendar have more days.
OBJECTION_S = 184 * 86_400.0
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
    tx.insert(
        statements,
        id=made.id,
        objection_until=made.objection_until,
        at=now,
        group_name=new.ground.group,
        **stored_columns(new.ground, statements),
        **stored_columns(new, statements),
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


def statement_from_row(row: Row) -> Statement:
    ground = read_record(DecisionGround, row, group=row.group_name)
    content = read_record(NewStatement, row, ground=ground)
    return read_record(Statement, row, content=content, is_appealed=False)


def statement_of_case(tx: Transaction, case_id: str) -> Statement:
    """The statement that the appeal of this case is against. Raises `Conflict` if there is none."""
    row = tx.one(appeals, appeals.c.case_id == case_id)
    found = tx.one(statements, row.statement_id) if row is not None else None
    if found is None:
        raise Conflict(f"{case_id} has no appeal.", param="case_id")
    return statement_from_row(found)
