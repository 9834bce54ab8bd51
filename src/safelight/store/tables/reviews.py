"""Who may not decide a case, what a reviewer skipped and declined, and how long pictures were shown."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Double, Index, PrimaryKeyConstraint, Table

from .types import integer, json, metadata, tenant_table, text, time

#: A trigger of the database rejects a lease and a decision of a person who is listed for the case.
case_conflicts = Table(
    "case_conflicts",
    metadata,
    text("tenant_id"),
    text("case_id"),
    text("person"),
    PrimaryKeyConstraint("case_id", "person"),
)

case_skips = Table(
    "case_skips",
    metadata,
    text("tenant_id"),
    text("case_id"),
    text("person"),
    text("reason"),
    time("at"),
    PrimaryKeyConstraint("case_id", "person"),
    Index(None, "at"),
)

saved_replies = Table(
    "saved_replies",
    metadata,
    text("tenant_id"),
    text("name"),
    #: Empty if there is no text in this language.
    text("en"),
    text("zh_hans"),
    text("zh_hant"),
    time("updated_at"),
    PrimaryKeyConstraint("tenant_id", "name"),
)

reviewer_preferences = Table(
    "reviewer_preferences",
    metadata,
    text("tenant_id"),
    text("person"),
    #: The names of the categories whose cases this person is not offered.
    json("declined_categories"),
    #: Whether this person gets mails about cases.
    Column("mails", Boolean, nullable=False, default=True),
    #: What this person switched off of the protection of pictures and sound, and until when.
    json("switched_off", default=list),
    time("switched_until", null=True),
    time("updated_at"),
    PrimaryKeyConstraint("tenant_id", "person"),
)

exposures = tenant_table(
    "exposures",
    text("person"),
    #: The case, or outside a case what was opened: the kind and the video.
    text("case_id"),
    time("at"),
    #: For how long a picture was shown.
    Column("seconds", Double, nullable=False),
    #: The severity of the case, 1 to 16.
    integer("severity"),
    Index(None, "tenant_id", "person", "at"),
    Index(None, "at"),
)
