"""Reads and writes strikes and bans."""

from __future__ import annotations

from safelight.store.database import Row, Transaction
from safelight.store.rows import read_record
from safelight.store.tables import bans, strikes, vault_entries

from .models import Ban, Strike


def strikes_of(tx: Transaction, subject: str) -> tuple[Strike, ...]:
    """The strikes of a subject that have not expired, also those that were removed; newest first."""
    rows = tx.select(
        strikes,
        strikes.c.subject == subject,
        strikes.c.expires_at > tx.now(),
        order_by=(strikes.c.given_at.desc(), strikes.c.id.desc()),
    )
    return tuple(read_record(Strike, row) for row in rows)


def ban_of(tx: Transaction, subject: str) -> Ban | None:
    """The ban of a subject that was not lifted, also if it is not confirmed yet."""
    row = tx.one(bans, bans.c.subject == subject, bans.c.lifted_at.is_(None))
    return None if row is None else ban_from_row(row)


def lift_ban(tx: Transaction, ban: Ban, *, actor: str, reason: str) -> None:
    tx.update(bans, ban.id, lifted_by=actor, lifted_at=tx.now(), lifted_reason=reason)
    tx.append_audit("ban.lifted", subject=ban.id, actor=actor, content={"reason": reason})


def is_stopped_by_vault(tx: Transaction, *subjects: str) -> bool:
    """Whether content that was vaulted stops one of these: until the vault officer dismisses it."""
    return bool(tx.count(vault_entries, vault_entries.c.stops.in_(subjects)))


def ban_from_row(row: Row) -> Ban:
    return read_record(Ban, row)
