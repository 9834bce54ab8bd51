"""Tenants, API keys, one-time login links, sessions, people and their invitations."""

from __future__ import annotations

from sqlalchemy import Index, Table, UniqueConstraint

from .types import COMMON, blob, integer, json, metadata, tenant_table, text, time

tenants = Table(
    "tenants",
    metadata,
    text("id", primary_key=True),
    text("name"),
    time("created_at"),
    #: In this table the column `id` is the id of the tenant.
    info={"tenant_column": "id"},
)

api_keys = tenant_table(
    "api_keys",
    text("name"),
    text("digest"),
    json("scopes"),
    time("created_at"),
    text("created_by"),
    time("revoked_at", null=True),
    time("last_used_at", null=True),
    UniqueConstraint("digest"),
    Index(None, "tenant_id"),
)

login_links = Table(
    "login_links",
    metadata,
    text("digest", primary_key=True),
    text("tenant_id"),
    json("principal"),
    time("expires_at"),
    time("used_at", null=True),
)

sessions = Table(
    "sessions",
    metadata,
    text("digest", primary_key=True),
    text("id"),
    text("tenant_id"),
    text("principal_id"),
    json("principal"),
    time("created_at"),
    time("expires_at"),
    time("last_used_at"),
    text("browser"),
    time("ended_at", null=True),
    Index(None, "tenant_id", "principal_id"),
)

people = tenant_table(
    "people",
    text("name"),
    #: In lower case. Unique in the installation, because a person signs in without naming a tenant.
    text("email"),
    text("role"),
    text("language"),
    text("state"),
    time("created_at"),
    text("created_by"),
    #: The hash with its parameters; null until the person has accepted an invitation.
    text("password_hash", null=True),
    #: Encrypted with a key outside the database.
    blob("totp_secret", null=True),
    #: The time step of the last accepted code. A code is accepted once.
    integer("totp_step", null=True),
    #: Digests of the recovery codes that are not used yet.
    json("recovery_codes"),
    UniqueConstraint("email"),
    Index(None, "tenant_id", "created_at"),
)

#: Open invitations. One that was accepted is deleted.
invitations = Table(
    "invitations",
    metadata,
    text("digest", primary_key=True),
    text("tenant_id"),
    text("person_id"),
    time("expires_at"),
    Index(None, "tenant_id", "person_id"),
)

#: Failed sign-ins of the last minutes, by a digest of the e-mail address, which may be unknown.
sign_in_failures = Table(
    "sign_in_failures",
    metadata,
    text("id", primary_key=True),
    text("subject"),
    time("at"),
    Index(None, "subject", "at"),
    info=COMMON,
)
