"""What follows when the standing of a subject changes: audit entry, webhook event and statement."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from safelight.accounts.models import split_subject
from safelight.accounts.statements import (
    NO_GROUND,
    NewStatement,
    Objection,
    StatementKind,
    StatementSource,
    record_statement,
)
from safelight.store.database import Transaction

from .models import Level, Standing

#: The topic of the outbox, and the name of the webhook event.
TOPIC = "standing.changed"
_STATEMENTS: Mapping[Level, StatementKind] = {
    Level.WARNING: StatementKind.WARNED,
    Level.COOL_DOWN: StatementKind.COOLED_DOWN,
    Level.SUSPENSION: StatementKind.SUSPENDED,
    Level.BAN: StatementKind.BANNED,
}


def announce_change(
    tx: Transaction, before: Standing, after: Standing, *, actor: str, by_person: bool
) -> None:
    """Record a change of level or of a coming ban. Nothing, if both are as before.

    A statement is made only of a new restriction or warning, and when requests are possible again.
    """
    if (before.level, before.until, before.ban_at) == (after.level, after.until, after.ban_at):
        return
    account, end_user = split_subject(after.subject)
    data: dict[str, Any] = {
        "account": account,
        "safety_identifier": end_user,
        "level": after.level.value,
        "before": before.level.value,
        "points": after.points,
        "until": None if after.until is None else int(after.until),
        "ban_at": None if after.ban_at is None else int(after.ban_at),
    }
    tx.append_audit(TOPIC, subject=after.subject, actor=actor, content=data)
    tx.publish(TOPIC, subject=after.subject, body=data)
    for kind in _statement_kinds(before, after):
        # The request that was struck has a statement with its reason. That reason is not repeated here.
        in_favour = kind in (StatementKind.ACCOUNT_RESTORED, StatementKind.BAN_CANCELLED)
        ends = after.ban_at if kind is StatementKind.BAN_ANNOUNCED else after.until
        record_statement(
            tx,
            NewStatement(
                kind=kind,
                source=StatementSource.STRIKES,
                ground=NO_GROUND,
                automated_detection=not by_person,
                automated_decision=not by_person,
                account=account,
                end_user=end_user,
                until=None if in_favour else ends,
                objection=Objection.NONE if in_favour else Objection.OPERATOR,
            ),
        )


def _statement_kinds(before: Standing, after: Standing) -> Iterator[StatementKind]:
    if before.ban_at is None and after.ban_at is not None:
        yield StatementKind.BANNED if after.level is Level.BAN else StatementKind.BAN_ANNOUNCED
        return
    if before.ban_at is not None and after.ban_at is None and before.level is not Level.BAN:
        yield StatementKind.BAN_CANCELLED
    if before.level.stops_requests and not after.level.stops_requests:
        yield StatementKind.ACCOUNT_RESTORED
    elif _is_stricter(before, after):
        yield _STATEMENTS[after.level]


def _is_stricter(before: Standing, after: Standing) -> bool:
    """Whether the level is higher, or the same stop of requests ends later."""
    order = tuple(Level)
    if before.level is not after.level:
        return order.index(after.level) > order.index(before.level)
    return after.level.stops_requests and (after.until or 0.0) > (before.until or 0.0)
