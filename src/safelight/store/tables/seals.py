"""The registry of seals: one row per delivered file, with its manifest and fingerprints."""

from __future__ import annotations

from sqlalchemy import Index, Table, UniqueConstraint

from .types import blob, json, metadata, text, time

seals = Table(
    "seals",
    metadata,
    text("id", primary_key=True),
    text("tenant_id"),
    text("video_id"),
    text("sha256"),
    text("source_sha256"),
    blob("manifest"),
    json("facts"),
    time("created_at"),
    UniqueConstraint("sha256"),
    Index(None, "tenant_id", "video_id"),
)
