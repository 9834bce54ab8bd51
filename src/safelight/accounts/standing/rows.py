"""Reads and writes strikes and bans."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row

from safelight.store.database import Transaction
from safelight.store.tables import bans, strikes

from .models import Ban, GivenBy, Strike


def strikes_of(tx: Transaction, subject: str) -> tuple[Strike, ...]:
    """The strikes of a subject that have not expired, also those that were removed; newest first."""
    rows = tx.select(
        strikes,
        strikes.c.subject == subject,
        strikes.c.expires_at > tx.now(),
        order_by=(strikes.c.given_at.desc(), strikes.c.id.desc()),
    )
    return tuple(strike_from_row(row) for row in rows)


def ban_of(tx: Transaction, subject: str, *, lock: bool = False) -> Ban | None:
    """The ban of a subject that was not lifted, also if it is not confirmed yet."""
    row = tx.one(bans, bans.c.subject == subject, bans.c.lifted_at.is_(None), lock=lock)
    return None if row is None else ban_from_row(row)


def lift_ban(tx: Transaction, ban: Ban, *, actor: str, reason: str) -> None:
    tx.update(bans, bans.c.id == ban.id, lifted_by=actor, lifted_at=tx.now(), lifted_reason=reason)
    tx.append_audit("ban.lifted", subject=ban.id, actor=actor, content={"reason": reason})


def strike_from_row(row: Row[Any]) -> Strike:
    return Strike(
        id=row.id,
        subject=row.subject,
        video_id=row.video_id,
        category=row.category,
        severity=row.severity,
        weight=row.weight,
        given_by=GivenBy(row.given_by),
        given_at=row.given_at,
        expires_at=row.expires_at,
        removed_at=row.removed_at,
        removed_reason=row.removed_reason,
        learned=row.learned,
    )


def ban_from_row(row: Row[Any]) -> Ban:
    return Ban(
        id=row.id,
        subject=row.subject,
        reason=row.reason,
        threat_to_life=row.threat_to_life,
        proposed_by=row.proposed_by,
        proposed_at=row.proposed_at,
        confirmed_by=row.confirmed_by,
        confirmed_at=row.confirmed_at,
        effective_at=row.effective_at,
        lifted_at=row.lifted_at,
    )
