"""Findings and verdicts of each stage, policies, waivers, and halts.

Findings are stored separately from verdicts, so that a policy can be replayed on them.
"""

from __future__ import annotations

from sqlalchemy import Index, Table, UniqueConstraint

from .types import SHARED, blob, flag, integer, json, metadata, tenant_table, text, time

findings = tenant_table(
    "findings",
    text("video_id"),
    text("stage"),
    blob("findings"),
    blob("coverage"),
    blob("details"),
    time("created_at"),
    Index(None, "tenant_id", "video_id"),
    Index(None, "tenant_id", "created_at"),
)

verdicts = tenant_table(
    "verdicts",
    text("video_id"),
    text("stage"),
    text("action"),
    text("category"),
    text("rule"),
    text("subject_sha256"),
    text("policy"),
    text("policy_sha256"),
    blob("body"),
    time("created_at"),
    Index(None, "tenant_id", "video_id"),
    Index(None, "tenant_id", "created_at"),
)

waivers = Table(
    "waivers",
    metadata,
    text("id", primary_key=True),
    text("tenant_id", null=True),
    text("name"),
    text("decided_by"),
    text("reason"),
    json("categories"),
    flag("loopback_only"),
    time("created_at"),
    time("expires_at", null=True),
    time("revoked_at", null=True),
    text("revoked_by", null=True),
    Index(None, "tenant_id"),
    info=SHARED,
)

halts = Table(
    "halts",
    metadata,
    text("id", primary_key=True),
    text("tenant_id", null=True),
    text("kind"),
    text("target"),
    text("reason"),
    text("created_by"),
    time("created_at"),
    time("ends_at", null=True),
    #: Who set it for what, so that the same halt is there once; null after its end.
    text("active_key", null=True, unique=True),
    info=SHARED,
)

policies = Table(
    "policies",
    metadata,
    text("id", primary_key=True),
    text("tenant_id", null=True),
    text("name"),
    integer("version"),
    text("document"),
    text("sha256"),
    time("published_at"),
    text("published_by"),
    flag("active"),
    UniqueConstraint("tenant_id", "name", "version"),
    info=SHARED,
)
