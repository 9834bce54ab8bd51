"""Consents, the gallery of protected people, and the encrypted templates of both."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Index, PrimaryKeyConstraint, Table

from .types import blob, integer, json, metadata, text, time

consents = Table(
    "consents",
    metadata,
    text("id", primary_key=True),
    text("tenant_id"),
    text("subject"),
    json("scope"),
    #: Who recorded it, and what the subject gave it by: a signed form, a case, a link.
    text("recorded_by"),
    text("evidence"),
    time("created_at"),
    time("expires_at", null=True),
    time("revoked_at", null=True),
    text("revoked_by", null=True),
    Index(None, "tenant_id", "subject"),
)

protected_people = Table(
    "protected_people",
    metadata,
    text("id", primary_key=True),
    text("tenant_id"),
    text("name"),
    Column("public_figure", Boolean, nullable=False, default=False),
    text("recorded_by"),
    time("created_at"),
    Index(None, "tenant_id", "name"),
)

biometric_templates = Table(
    "biometric_templates",
    metadata,
    text("tenant_id"),
    #: The consent or the protected person it belongs to, and goes with.
    text("owner_id"),
    integer("number"),
    #: What made it: templates of another model cannot be compared.
    text("model"),
    #: Nonce and AES-256-GCM over the numbers, bound to tenant, owner, number and model.
    blob("ciphertext"),
    PrimaryKeyConstraint("tenant_id", "owner_id", "number"),
)
