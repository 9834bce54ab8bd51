"""Reads and writes appeals, and finds the statement that an appeal is against."""

from __future__ import annotations

import hashlib
from typing import Any

from sqlalchemy import Row

from safelight.errors import Conflict, IdempotencyKeyReused, NotFound
from safelight.ids import is_id
from safelight.store.tables import appeals, statements
from safelight.store.transaction import Transaction
from safelight.trust.accounts import Principal
from safelight.trust.statements import Objection, Statement, of_own_reporters, statement_from_row

from .models import BY_REPORTER, BY_REQUESTER, NewAppeal


def find_statement(tx: Transaction, principal: Principal, new: NewAppeal) -> Statement:
    """The statement of an appeal that this principal sends, locked. Raises `NotFound`, and `Conflict` if no
    appeal is possible.
    """
    of = statements.c
    where = [of_own_reporters(tx, principal)]
    if new.end_user is not None:
        where.append(of.end_user == new.end_user)
    if new.statement_id is None:
        kinds = [kind.value for kind in BY_REQUESTER]
        where += [of.video_id == new.video_id, of.kind.in_(kinds)]
    else:
        where.append(of.id == (new.statement_id if is_id(new.statement_id, "statement") else ""))
    rows = tx.select(statements, *where, order_by=(of.at.desc(), of.id.desc()), limit=1, lock=True)
    if not rows:
        raise NotFound("This statement was not found.", param="statement_id")
    found = statement_from_row(rows[0])
    new_kind, subject = found.content.kind, new.video_id or found.content.video_id or found.id
    if found.content.objection is not Objection.APPEAL or new_kind not in BY_REQUESTER | BY_REPORTER:
        raise Conflict(f"The decision about {subject} cannot be appealed.", param="statement_id")
    if found.objection_until is not None and found.objection_until < tx.now():
        raise Conflict(
            f"The time to appeal the decision about {subject} is over.",
            param="statement_id",
            remedy="Write to the operator of this service.",
        )
    return found


def require_first(tx: Transaction, against: Statement) -> None:
    """Raise `Conflict` if the decision was appealed already. The caller has locked its statement."""
    if tx.count(appeals, appeals.c.statement_id == against.id):
        subject = against.content.video_id or against.id
        raise Conflict(
            f"{subject} was appealed already; each decision can be appealed once.", param="statement_id"
        )


def find_repeated(tx: Transaction, new: NewAppeal) -> Row[Any] | None:
    """The appeal that was sent with the same idempotency key. Raises `IdempotencyKeyReused`."""
    if new.idempotency_key is None:
        return None
    row = tx.one(appeals, appeals.c.idempotency_key == new.idempotency_key)
    if row is not None and row.request_sha256 != fingerprint(new):
        raise IdempotencyKeyReused(
            "This Idempotency-Key was sent earlier with a different appeal.",
            param="Idempotency-Key",
            remedy="Send the earlier appeal again without changes, or use a new key.",
        )
    return row


def fingerprint(new: NewAppeal) -> str:
    """The hash of an appeal as it was sent."""
    parts = (new.statement_id or "", new.video_id or "", new.end_user or "", new.text)
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def statement_of_case(tx: Transaction, case_id: str) -> Statement:
    """The statement that the appeal of this case is against. Raises `Conflict` if there is none."""
    row = tx.one(appeals, appeals.c.case_id == case_id)
    found = tx.one(statements, statements.c.id == row.statement_id) if row is not None else None
    if found is None:
        raise Conflict(f"{case_id} has no appeal.", param="case_id")
    return statement_from_row(found)
