"""The registry of seals: one row per delivered file, with its manifest."""

from __future__ import annotations

from sqlalchemy import Index, UniqueConstraint

from .types import blob, integer, tenant_table, text, time

seals = tenant_table(
    "seals",
    text("video_id"),
    text("sha256"),
    text("source_sha256"),
    blob("manifest"),
    text("manifest_id"),
    #: JSON; decoded by the registry, so that one damaged row does not end a query of others.
    text("facts"),
    text("mark_state"),
    text("mark_id", null=True),
    integer("mark_epoch", null=True),
    text("mark_algorithm"),
    text("binding"),
    time("created_at"),
    UniqueConstraint("sha256"),
    Index(None, "tenant_id", "video_id"),
    Index(None, "mark_id"),
    Index(None, "manifest_id"),
)
