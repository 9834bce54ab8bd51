"""Batches: many generation requests that run together, with the plan of each row and its submissions."""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    Column,
    Double,
    ForeignKeyConstraint,
    Index,
    PrimaryKeyConstraint,
    Table,
    UniqueConstraint,
)
from sqlalchemy import text as sql

from .types import integer, json, metadata, text, time

batches = Table(
    "batches",
    metadata,
    text("id", primary_key=True),
    text("tenant_id"),
    #: `planning`, `planned`, `running`, `completed`, `stopped` or `cancelled`.
    text("state"),
    time("created_at"),
    time("updated_at"),
    #: When nothing of it was under way any more; null before.
    time("ended_at", null=True),
    text("principal_id"),
    text("principal_kind"),
    text("principal_name"),
    #: The value of the client's `Idempotency-Key` header.
    text("idempotency_key", null=True),
    #: The sha256 of the request, by which a repeated request is recognized.
    text("request_sha256"),
    #: The options of the plan and the limits of the run, as documents.
    json("options"),
    json("limits"),
    integer("row_count"),
    #: Numbers of rows and the highest price, as of the plan; null before it is complete.
    json("plan", null=True),
    #: Why no further row is sent; empty if one may be. A cancelled batch has a reason too.
    text("stop_reason", default=""),
    #: Why nothing happens at the moment, such as a limit of checks; empty if nothing is waited for.
    text("wait_reason", default=""),
    Column("cancelled", Boolean, nullable=False, default=False),
    #: The name of the process that works on the batch, until this time.
    text("leased_by", null=True),
    time("leased_until"),
    #: Nothing is done before this time.
    time("due_at"),
    UniqueConstraint("tenant_id", "idempotency_key"),
    UniqueConstraint("tenant_id", "id"),
    Index(None, "tenant_id", "created_at", "id"),
    Index(
        None,
        "state",
        sqlite_where=sql("ended_at IS NULL"),
        postgresql_where=sql("ended_at IS NULL"),
    ),
)

#: Idempotency keys of deleted batches, so that a repeated request makes, and pays, no second batch.
deleted_batches = Table(
    "deleted_batches",
    metadata,
    text("id", primary_key=True),
    text("tenant_id"),
    #: The sha256 of the key, which may say something about the deleted prompts.
    text("key_sha256"),
    time("deleted_at"),
    UniqueConstraint("tenant_id", "key_sha256"),
    Index(None, "deleted_at"),
)

batch_rows = Table(
    "batch_rows",
    metadata,
    text("tenant_id"),
    text("batch_id"),
    integer("number"),
    #: The line of the file or the place in the list.
    integer("line"),
    text("name"),
    #: The fields of the request as they were given.
    json("fields"),
    #: Why the row cannot be read.
    json("problems"),
    #: `unchecked`, `pending`, `open`, `delivered`, `blocked`, `failed`, `submit_unknown` or `not_sent`.
    text("state"),
    #: What the check of the prompt found; null before it.
    json("found", null=True),
    #: What is sent, its highest price, and other rows that are like it; null before the plan is made.
    json("plan", null=True),
    text("message", default=""),
    #: Whether the policy blocked it, and not the filter of a provider.
    Column("by_policy", Boolean, nullable=False, default=False),
    #: Number and highest price, in millionths of a dollar, of creates that are reserved but not begun.
    integer("held_amount", default=0),
    integer("held_creates", default=0),
    #: The next submission is not sent before this time.
    time("due_at"),
    #: Its place in the order in which the rows of the batch ended; null before.
    integer("ended", null=True),
    PrimaryKeyConstraint("tenant_id", "batch_id", "number"),
    ForeignKeyConstraint(["tenant_id", "batch_id"], ["batches.tenant_id", "batches.id"]),
    Index(None, "tenant_id", "batch_id", "state", "number"),
)

batch_submissions = Table(
    "batch_submissions",
    metadata,
    #: The id that the video gets. It is stored before the video is created, so that none is created twice.
    text("video_id", primary_key=True),
    text("tenant_id"),
    text("batch_id"),
    integer("number"),
    #: `draft` or `video`.
    text("phase"),
    text("model"),
    Column("sent_at", Double, nullable=False),
    #: The highest price in millionths of a dollar; null if it is not known.
    integer("worst", null=True),
    #: `sending`, `accepted` or `ended`.
    text("state"),
    text("outcome", default=""),
    text("charged", default="unknown"),
    #: What it cost in millionths of a dollar; null if it is not known.
    integer("cost", null=True),
    ForeignKeyConstraint(["tenant_id", "batch_id"], ["batches.tenant_id", "batches.id"]),
    Index(None, "tenant_id", "batch_id", "number"),
)
