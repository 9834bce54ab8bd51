"""Sign-in through an OpenID provider: attempts, the identities of people, and their sessions there."""

from __future__ import annotations

from sqlalchemy import Index, Table, UniqueConstraint

from .types import COMMON, blob, metadata, text, time

#: Sign-ins that a browser has begun. One that is complete is deleted.
openid_attempts = Table(
    "openid_attempts",
    metadata,
    text("state_digest", primary_key=True),
    text("browser_digest"),
    text("back"),
    time("expires_at"),
    info=COMMON,
)

openid_identities = Table(
    "openid_identities",
    metadata,
    text("person_id", primary_key=True),
    text("tenant_id"),
    text("issuer"),
    text("subject"),
    time("linked_at"),
    UniqueConstraint("issuer", "subject"),
)

openid_sessions = Table(
    "openid_sessions",
    metadata,
    text("session_id", primary_key=True),
    text("tenant_id"),
    text("person_id"),
    text("issuer"),
    text("subject"),
    #: The session at the provider; empty if the provider does not name it.
    text("sid"),
    #: Encrypted. The provider asks for it when the person signs out.
    blob("id_token"),
    Index(None, "issuer", "subject"),
    Index(None, "issuer", "sid"),
)
