"""Reads and writes appeals, and finds the statement that an appeal is against."""

from __future__ import annotations

import hashlib
from typing import Any

from sqlalchemy import Row

from safelight.errors import Conflict, Forbidden, IdempotencyKeyReused, InvalidField, NotFound
from safelight.ids import is_id
from safelight.store.tables import appeals, statements
from safelight.store.transaction import Transaction
from safelight.trust.accounts import KeyScope, Principal
from safelight.trust.accounts.identity import own_accounts
from safelight.trust.statements import Objection, Statement, of_own_reporters, statement_from_row

from .models import BY_REPORTER, BY_REQUESTER, NewAppeal

MAX_REASON_CHARACTERS = 1000


def find_statement(tx: Transaction, principal: Principal, new: NewAppeal, *, lock: bool = True) -> Statement:
    """The statement of an appeal that this principal sends. Raises `NotFound`, and `Conflict` if no
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
    rows = tx.select(statements, *where, order_by=(of.at.desc(), of.id.desc()), limit=1, lock=lock)
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


def is_concerned(tx: Transaction, principal: Principal, against: Statement) -> bool:
    """Whether this decision concerns the principal: it was told to this person or key, to a key that this
    person created, or, if it answers a report, to an end user of it.
    """
    if against.content.reporter_source is not None:
        # `find_statement` finds only those of reports through this principal.
        return True
    account = against.content.account
    return account is not None and bool(own_accounts(tx, principal, (account,)))


def needs_reason(tx: Transaction, principal: Principal, against: Statement) -> bool:
    """Whether the principal can appeal a decision only in the place of the person concerned. Raises
    `Forbidden` if it cannot do that either.
    """
    if is_concerned(tx, principal, against):
        return False
    if not principal.has_scope(KeyScope.ADMIN):
        raise Forbidden(
            "Only the person whom this decision concerns can appeal it.",
            remedy="Appeal with the key or the account that requested the video. A key or person with the "
            "scope admin can appeal for them, with `on_behalf_reason`.",
        )
    return True


def require_concerned(
    tx: Transaction, principal: Principal, against: Statement, on_behalf_reason: str | None
) -> str | None:
    """Who may appeal a decision: whom it concerns, and with a reason, which is returned, the account for
    them. Raises `Forbidden`, and `InvalidField` without the reason.
    """
    if not needs_reason(tx, principal, against):
        return None
    reason = (on_behalf_reason or "").strip()
    if not reason or len(reason) > MAX_REASON_CHARACTERS or "\0" in reason:
        raise InvalidField(
            "This decision concerns somebody else. An appeal in their place needs a reason of 1 to "
            f"{MAX_REASON_CHARACTERS} characters.",
            param="on_behalf_reason",
        )
    return reason


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
    parts = [new.statement_id or "", new.video_id or "", new.end_user or "", new.text]
    parts += [new.on_behalf_reason] if new.on_behalf_reason else []
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def statement_of_case(tx: Transaction, case_id: str) -> Statement:
    """The statement that the appeal of this case is against. Raises `Conflict` if there is none."""
    row = tx.one(appeals, appeals.c.case_id == case_id)
    found = tx.one(statements, statements.c.id == row.statement_id) if row is not None else None
    if found is None:
        raise Conflict(f"{case_id} has no appeal.", param="case_id")
    return statement_from_row(found)
