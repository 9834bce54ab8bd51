"""What follows when the standing of a subject changes: audit entry, webhook event and statement."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from safelight.store.transaction import Transaction
from safelight.trust.accounts.subjects import split_subject
from safelight.trust.statements import (
    NO_GROUND,
    NewStatement,
    Objection,
    StatementKind,
    StatementSource,
    record_statement,
)

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
    is_banned = after.ban_at is not None and before.ban_at is None
    if not (is_banned or _is_stricter(before, after) or _is_restored(before, after)):
        return
    if is_banned:
        kind = StatementKind.BANNED
    elif _is_restored(before, after):
        kind = StatementKind.ACCOUNT_RESTORED
    else:
        kind = _STATEMENTS[after.level]
    # The request that was struck has a statement with its reason. That reason is not repeated here.
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
            until=None if is_banned or kind is StatementKind.ACCOUNT_RESTORED else after.until,
            objection=Objection.NONE if kind is StatementKind.ACCOUNT_RESTORED else Objection.OPERATOR,
        ),
    )


def _is_stricter(before: Standing, after: Standing) -> bool:
    """Whether the level is higher, or the same stop of requests ends later."""
    order = tuple(Level)
    if before.level is not after.level:
        return order.index(after.level) > order.index(before.level)
    return after.level.stops_requests and (after.until or 0.0) > (before.until or 0.0)


def _is_restored(before: Standing, after: Standing) -> bool:
    """Whether requests are possible again."""
    return before.level.stops_requests and not after.level.stops_requests
