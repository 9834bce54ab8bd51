"""Consents, protected people, and the encrypted biometric templates that belong to them."""

from __future__ import annotations

from sqlalchemy import Index, PrimaryKeyConstraint, Table

from .types import blob, flag, integer, json, metadata, partial_index, tenant_table, text, time

consents = tenant_table(
    "consents",
    text("subject"),
    json("scope"),
    text("recorded_by"),
    #: How the subject gave the consent: a signed form, a case, a link.
    text("evidence"),
    #: 0: recorded by the operator; 1: answered from a verified address; 2: given before the camera.
    integer("level", default=0),
    time("created_at"),
    time("expires_at", null=True),
    time("revoked_at", null=True),
    text("revoked_by", null=True),
    Index(None, "tenant_id", "subject"),
    partial_index("revoked_at", where="revoked_at IS NOT NULL"),
)

protected_people = tenant_table(
    "protected_people",
    text("name"),
    flag("public_figure"),
    text("recorded_by"),
    time("created_at"),
    Index(None, "tenant_id", "name"),
)

biometric_templates = Table(
    "biometric_templates",
    metadata,
    text("tenant_id"),
    #: The consent or protected person to which the template belongs. The template is deleted with it.
    text("owner_id"),
    integer("number"),
    #: The model that computed the template; templates of different models cannot be compared.
    text("model"),
    #: Nonce and AES-256-GCM ciphertext. The associated data are the tenant, the owner, the number and the
    #: model.
    blob("ciphertext"),
    PrimaryKeyConstraint("tenant_id", "owner_id", "number"),
)
