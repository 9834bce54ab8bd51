"""Strikes, bans, the terms of accounts and end users, and access requests."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Index, PrimaryKeyConstraint, Table, UniqueConstraint
from sqlalchemy import text as sql

from .types import integer, metadata, tenant_table, text, time

strikes = tenant_table(
    "strikes",
    #: `end_user:IDENTIFIER`, or `account:ID` if the request named no end user.
    text("subject"),
    text("video_id"),
    text("category"),
    #: Whether one classifier alone reported the category.
    Column("learned", Boolean, nullable=False),
    integer("severity"),
    integer("weight"),
    text("given_by"),
    text("decision_id", null=True),
    time("given_at"),
    time("expires_at"),
    time("removed_at", null=True),
    text("removed_reason", null=True),
    UniqueConstraint("tenant_id", "video_id"),
    Index(None, "tenant_id", "subject", "expires_at"),
)

bans = tenant_table(
    "bans",
    text("subject"),
    text("reason"),
    Column("threat_to_life", Boolean, nullable=False),
    text("proposed_by"),
    time("proposed_at"),
    text("confirmed_by", null=True),
    time("confirmed_at", null=True),
    time("effective_at", null=True),
    text("lifted_by", null=True),
    time("lifted_at", null=True),
    text("lifted_reason", null=True),
    #: A subject has at most one ban that was not lifted.
    Index(
        None,
        "tenant_id",
        "subject",
        unique=True,
        sqlite_where=sql("lifted_at IS NULL"),
        postgresql_where=sql("lifted_at IS NULL"),
    ),
)

account_terms = Table(
    "account_terms",
    metadata,
    text("tenant_id"),
    #: `tenant`, `account:ID` or `end_user:IDENTIFIER`.
    text("subject"),
    #: Null in a column: the setting applies.
    text("audience", null=True),
    integer("review_first", null=True),
    integer("videos_per_day", null=True),
    integer("seconds_per_day", null=True),
    integer("cost_per_day_micros", null=True),
    #: What videos are made for, if a request does not state it.
    text("use_kind", null=True),
    Column("commercial", Boolean, nullable=True),
    text("territory", null=True),
    #: Facts of the tenant for `unless: context` in policies, separated by spaces.
    text("context", null=True),
    #: How many outputs were held because of `review_first`.
    integer("held_first", default=0),
    #: Grows with each change of the terms.
    integer("revision", default=0),
    PrimaryKeyConstraint("tenant_id", "subject"),
)

access_requests = tenant_table(
    "access_requests",
    text("name"),
    text("contact"),
    text("purpose"),
    #: The digest of the token with which the applicant reads the decision and collects the key.
    text("digest"),
    text("state"),
    time("created_at"),
    text("decided_by", null=True),
    time("decided_at", null=True),
    text("reason", null=True),
    #: Of the key that is made when the applicant collects it; set by the approval.
    text("key_id", null=True),
    UniqueConstraint("digest"),
    Index(None, "tenant_id", "state", "created_at"),
)
