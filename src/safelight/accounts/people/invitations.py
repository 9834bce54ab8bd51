"""Makes and withdraws invitations. An invitation works once and replaces all earlier ones of the person."""

from __future__ import annotations

from safelight.accounts.models import INVITATION_PREFIX, hash_token, new_token
from safelight.store.database import Row, Transaction
from safelight.store.tables import invitations

from . import store
from .models import Invitation

#: Long enough for a holiday weekend. A new invitation can be made at any time.
INVITATION_TTL_S = 7 * 86_400.0


def invite(tx: Transaction, row: Row, ttl_s: float = INVITATION_TTL_S) -> Invitation:
    """A new invitation for the person of this row."""
    withdraw_invitations(tx, row.id)
    token, expires = new_token(INVITATION_PREFIX), tx.now() + ttl_s
    tx.insert(
        invitations,
        digest=hash_token(token),
        person_id=row.id,
        expires_at=expires,
    )
    return Invitation(person=store.person_from_row(row), token=token, expires_at=expires)


def withdraw_invitations(tx: Transaction, person: str) -> None:
    tx.delete(invitations, invitations.c.person_id == person)


def totp_record(person: str) -> str:
    """The associated data of a person's encrypted TOTP secret."""
    return f"people:{person}:totp"
