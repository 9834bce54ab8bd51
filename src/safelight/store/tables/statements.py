"""Statements of reasons: what was decided, as the person concerned reads it; and the appeals against it."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Index, UniqueConstraint

from .types import json, tenant_table, text, time

#: A trigger of the database rejects a change of any column but `reason`, `facts` and `erased_at`.
statements = tenant_table(
    "statements",
    #: The person or API key, and the end user, whom the statement addresses. One of them may be null.
    text("account", null=True),
    text("end_user", null=True),
    #: The source of a `Reporter`, for a statement to a person who reported the video; null for the others.
    text("reporter_source", null=True),
    #: Null: the decision is about the account.
    text("video_id", null=True),
    text("kind"),
    #: The stage of the decision; null for a decision about an account.
    text("stage", null=True),
    text("source"),
    Column("automated_detection", Boolean, nullable=False),
    Column("automated_decision", Boolean, nullable=False),
    #: Why: `basis` says which of the following columns are filled.
    text("basis"),
    text("group_name"),
    text("category"),
    text("policy"),
    text("rule"),
    text("reason"),
    #: What a person wrote for the person concerned.
    text("facts"),
    #: The texts of a saved reply as `ReplyTexts`; null without one.
    json("reply", null=True),
    text("case_id", null=True),
    text("decision_id", null=True),
    #: The video under which a reversed decision released the content.
    text("released_as", null=True),
    time("at"),
    #: The end of the restriction; null if it has no end.
    time("until", null=True),
    text("objection"),
    time("objection_until", null=True),
    #: When `reason` and `facts` were emptied, because the video was deleted.
    time("erased_at", null=True),
    Index(None, "tenant_id", "video_id", "at"),
    Index(None, "tenant_id", "end_user", "at"),
    Index(None, "tenant_id", "account", "at"),
)

#: The text of an appeal is in `reports`, under the same id.
appeals = tenant_table(
    "appeals",
    #: Each decision, of which a statement was made, is appealed at most once.
    text("statement_id"),
    text("video_id"),
    text("case_id"),
    #: The person or API key that sent it, and the end user on whose behalf.
    text("account"),
    text("end_user", null=True),
    #: Why the account appealed in the place of the person concerned; null if that person appealed.
    text("on_behalf_reason", null=True),
    text("idempotency_key", null=True),
    text("request_sha256"),
    time("created_at"),
    UniqueConstraint("statement_id"),
    UniqueConstraint("case_id"),
    UniqueConstraint("tenant_id", "idempotency_key"),
    Index(None, "tenant_id", "video_id"),
)
