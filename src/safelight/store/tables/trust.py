"""Cases, decisions, reports, probe budgets, blocked words and webhook endpoints."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Index, PrimaryKeyConstraint, Table, UniqueConstraint

from .types import blob, integer, json, metadata, text, time

cases = Table(
    "cases",
    metadata,
    text("id", primary_key=True),
    text("tenant_id"),
    text("video_id"),
    text("kind"),
    text("stage"),
    #: Why it was opened, as far as it is known: of a hold the verdict's, of a report what was reported.
    text("category"),
    text("rule"),
    text("reason"),
    text("state"),
    #: What makes two open cases the same one; null once closed.
    text("dedup_key", null=True),
    Column("quarantined", Boolean, nullable=False, default=False),
    time("opened_at"),
    time("due_at"),
    time("closed_at", null=True),
    UniqueConstraint("tenant_id", "dedup_key"),
    Index(None, "tenant_id", "state", "due_at"),
    Index(None, "tenant_id", "video_id"),
)

decisions = Table(
    "decisions",
    metadata,
    text("id", primary_key=True),
    text("tenant_id"),
    text("case_id"),
    text("video_id"),
    text("action"),
    text("reason"),
    text("clause", null=True),
    text("decided_by"),
    time("at"),
    #: The verdicts that were on record: their findings have been looked at.
    json("verdict_ids"),
    UniqueConstraint("case_id"),
    Index(None, "tenant_id", "video_id"),
)

reports = Table(
    "reports",
    metadata,
    text("id", primary_key=True),
    text("tenant_id"),
    text("video_id"),
    text("case_id"),
    text("category", null=True),
    text("reason"),
    text("note"),
    text("reporter_kind"),
    text("reporter"),
    text("contact", null=True),
    time("created_at"),
    Index(None, "tenant_id", "case_id"),
    Index(None, "tenant_id", "reporter", "created_at"),
)

check_usage = Table(
    "check_usage",
    metadata,
    text("tenant_id"),
    #: Whose budget: `key:ID`, `person:ID` or `end_user:IDENTIFIER`.
    text("subject"),
    #: The minute, unix seconds; 0 is the subject's own row, which who spends holds meanwhile.
    integer("window_start"),
    integer("used", default=0),
    PrimaryKeyConstraint("tenant_id", "subject", "window_start"),
)

blocked_prompt_sketches = Table(
    "blocked_prompt_sketches",
    metadata,
    text("id", primary_key=True),
    text("tenant_id"),
    #: Whose words they were: `end_user:IDENTIFIER`, or `key:ID` and `person:ID` where none was named.
    text("subject"),
    text("lineage"),
    blob("sketch"),
    #: Category and score of what they were blocked for.
    json("matched_categories"),
    time("at"),
    Index(None, "tenant_id", "subject", "at"),
)

webhook_endpoints = Table(
    "webhook_endpoints",
    metadata,
    text("id", primary_key=True),
    text("tenant_id"),
    text("name"),
    text("url"),
    json("events"),
    #: Newest first: the secret, and when it stops being used (null: never).
    json("secrets"),
    time("created_at"),
    time("updated_at"),
    time("disabled_at", null=True),
    #: Since when nothing arrived, and how it went last.
    time("failing_since", null=True),
    integer("failures", default=0),
    integer("last_status", null=True),
    text("last_error", null=True),
    time("last_success_at", null=True),
    Index(None, "tenant_id"),
)
