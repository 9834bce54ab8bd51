"""What the wire remembers: keys of creates, what a video was made from, and characters."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Index, PrimaryKeyConstraint, Table

from .types import integer, metadata, text, time

idempotency_keys = Table(
    "idempotency_keys",
    metadata,
    text("tenant_id"),
    #: The client's Idempotency-Key.
    text("key"),
    #: Of everything the request says, its files too.
    text("request_sha256"),
    #: The id the video has, or will have once `completed_at` is set.
    text("video_id"),
    #: The field a refusal named.
    text("rejected_field", null=True),
    time("created_at"),
    #: Until then whoever claimed the key is taken to be at work.
    time("lease_expires_at"),
    time("completed_at", null=True),
    time("expires_at"),
    PrimaryKeyConstraint("tenant_id", "key"),
    Index(None, "tenant_id", "expires_at"),
)

video_lineage = Table(
    "video_lineage",
    metadata,
    text("tenant_id"),
    text("video_id"),
    #: A video's id, or a character's.
    text("parent_id"),
    #: remix, edit, extend or character.
    text("derivation"),
    time("created_at"),
    PrimaryKeyConstraint("tenant_id", "video_id", "parent_id"),
    Index(None, "tenant_id", "parent_id"),
)

characters = Table(
    "characters",
    metadata,
    text("id", primary_key=True),
    text("tenant_id"),
    text("name"),
    #: ready, held or refused.
    text("state"),
    text("principal_id"),
    text("end_user", null=True),
    text("sha256"),
    text("media_type"),
    integer("bytes"),
    Column("vaulted", Boolean, nullable=False, default=False),
    time("created_at"),
    Index(None, "tenant_id", "created_at"),
)
