"""Idempotency keys, the lineage of videos with copied sources, and characters."""

from __future__ import annotations

from sqlalchemy import Index, PrimaryKeyConstraint, Table

from .types import flag, integer, metadata, tenant_table, text, time

idempotency_keys = Table(
    "idempotency_keys",
    metadata,
    text("tenant_id"),
    #: The value of the client's `Idempotency-Key` header.
    text("key"),
    #: The sha256 over all fields and files of the request.
    text("request_sha256"),
    #: The id of the video; only reserved until `completed_at` is set.
    text("video_id"),
    #: The request field that the rejection named; null if it named none.
    text("rejected_field", null=True),
    #: When it was claimed, or taken over from a dead request.
    time("created_at"),
    #: Until this time, the request that claimed the idempotency key is considered to be running.
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
    #: The id of a parent video or character.
    text("parent_id"),
    #: `remix`, `edit`, `extend` or `character`.
    text("derivation"),
    time("created_at"),
    PrimaryKeyConstraint("tenant_id", "video_id", "parent_id"),
    Index(None, "tenant_id", "parent_id"),
)

copied_sources = Table(
    "copied_sources",
    metadata,
    text("tenant_id"),
    #: A video or character with an uploaded file that is a copy of a delivered video.
    text("video_id"),
    #: The delivered video, of any tenant.
    text("source_id"),
    time("created_at"),
    #: When it was ended because the source was withdrawn or vaulted.
    time("ended_at", null=True),
    PrimaryKeyConstraint("tenant_id", "video_id", "source_id"),
    Index(None, "tenant_id", "source_id"),
    #: Index for the search across tenants. One of `ended_at` alone selects nearly the whole table.
    Index(None, "source_id", "ended_at"),
)

characters = tenant_table(
    "characters",
    text("name"),
    #: `ready`, `held` or `refused`.
    text("state"),
    text("principal_id"),
    text("end_user", null=True),
    text("sha256"),
    text("media_type"),
    integer("bytes"),
    flag("vaulted"),
    time("created_at"),
    Index(None, "tenant_id", "created_at"),
)
