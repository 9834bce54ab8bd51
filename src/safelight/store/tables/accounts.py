"""Tenants, API keys, one-time login links and sessions."""

from __future__ import annotations

from sqlalchemy import Index, Table, UniqueConstraint

from .types import json, metadata, text, time

tenants = Table(
    "tenants",
    metadata,
    text("id", primary_key=True),
    text("name"),
    time("created_at"),
    #: In this table the column `id` is the id of the tenant.
    info={"tenant_column": "id"},
)

api_keys = Table(
    "api_keys",
    metadata,
    text("id", primary_key=True),
    text("tenant_id"),
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
    text("tenant_id"),
    json("principal"),
    time("created_at"),
    time("expires_at"),
    time("ended_at", null=True),
)
