"""Quality reviews: cases whose answer changes nothing, and what is known about them."""

from __future__ import annotations

from sqlalchemy import Index, PrimaryKeyConstraint, Table, UniqueConstraint

from .types import json, metadata, tenant_table, text, time

#: Why a case of the kind `quality` was opened. Reviewers never read this.
quality_cases = Table(
    "quality_cases",
    metadata,
    text("case_id"),
    text("tenant_id"),
    #: A `QualityPurpose`.
    text("purpose"),
    #: Unique, so that a case is opened once: the purpose with the case, the golden case or the draw.
    text("opened_for"),
    #: The golden case, the first case, or the draw.
    text("source"),
    #: The only person who may answer; null for all who may decide cases.
    text("assigned_to", null=True),
    #: The right answer, or the first decision as an answer; null for a sample.
    text("expected", null=True),
    #: Who made the first decision; null for the other purposes.
    text("first_person", null=True),
    #: The verdicts of the policy as an answer; null if they were about missing checks.
    text("machine", null=True),
    #: The stratum of a sample.
    text("stratum", null=True),
    time("opened_at"),
    PrimaryKeyConstraint("case_id"),
    UniqueConstraint("tenant_id", "opened_for"),
    Index(None, "tenant_id", "purpose", "source"),
    Index(None, "opened_at"),
)

quality_answers = Table(
    "quality_answers",
    metadata,
    text("case_id"),
    text("tenant_id"),
    #: Null in a sample after the time for which figures about people are kept.
    text("person", null=True),
    #: `in_policy` or `against_policy`.
    text("answer"),
    text("clause", null=True),
    time("at"),
    PrimaryKeyConstraint("case_id"),
    Index(None, "tenant_id", "person"),
    Index(None, "at"),
)

golden_cases = tenant_table(
    "golden_cases",
    text("video_id"),
    #: The right answer, and why it is right.
    text("answer"),
    text("clause", null=True),
    text("note"),
    text("author"),
    time("created_at"),
    time("retired_at", null=True),
    Index(None, "tenant_id", "video_id"),
)

#: Random samples of delivered videos.
quality_draws = tenant_table(
    "quality_draws",
    #: The time in which the videos were delivered.
    time("since"),
    time("until"),
    #: By stratum: the number of videos that were delivered, and of those that were drawn.
    json("delivered"),
    json("drawn"),
    #: Video, stratum and category of each drawn video; null when a review was opened for all of them.
    json("waiting", null=True),
    text("drawn_by"),
    time("drawn_at"),
    Index(None, "tenant_id", "drawn_at"),
)
