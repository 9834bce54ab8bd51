"""Messages of the outbox, quota usage, and facts about the installation."""

from __future__ import annotations

from sqlalchemy import Column, Double, Index, PrimaryKeyConstraint, Table

from .types import COMMON, blob, integer, metadata, partial_index, text, time

outbox = Table(
    "outbox",
    metadata,
    text("id", primary_key=True),
    text("tenant_id", null=True),
    text("topic"),
    text("subject"),
    blob("body"),
    time("created_at"),
    time("due_at"),
    integer("attempts", default=0),
    time("delivered_at", null=True),
    time("dead_at", null=True),
    text("last_error", null=True),
    Index(None, "topic", "created_at"),
    #: The messages to send, and those to delete.
    partial_index("topic", "due_at", where="delivered_at IS NULL AND dead_at IS NULL"),
    partial_index("delivered_at", where="delivered_at IS NOT NULL"),
    partial_index("topic", "dead_at", where="dead_at IS NOT NULL"),
)

quota_usage = Table(
    "quota_usage",
    metadata,
    text("tenant_id"),
    #: `tenant`, `account:ID` or `end_user:IDENTIFIER`.
    text("subject"),
    #: A day in UTC, such as `2026-11-20`.
    text("day"),
    integer("videos", default=0),
    Column("seconds", Double, nullable=False, default=0.0),
    integer("cost_micros", default=0),
    PrimaryKeyConstraint("tenant_id", "subject", "day"),
)

installation = Table(
    "installation",
    metadata,
    text("key", primary_key=True),
    text("value"),
    info=COMMON,
)
