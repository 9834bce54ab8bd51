"""Fingerprints of delivered files, how often near-duplicates of one file were checked, and feedback."""

from __future__ import annotations

from sqlalchemy import Index, PrimaryKeyConstraint, Table

from .types import COMMON, blob, integer, metadata, text, time

#: One row for each seal. When the fingerprint is removed, the row keeps only the commitment and its salt.
seal_fingerprints = Table(
    "seal_fingerprints",
    metadata,
    #: The hash of the sealed file, as in `seals`.
    text("sha256", primary_key=True),
    text("tenant_id"),
    text("video_id"),
    blob("hashes", null=True),
    blob("thumbnails", null=True),
    blob("salt"),
    text("commitment"),
    time("removed_at", null=True),
    #: When the row was added, or its fingerprint removed: readers keep their index up to date with it.
    time("changed_at"),
    Index(None, "tenant_id", "video_id"),
    Index(None, "changed_at"),
)

#: How often near-duplicates of a registered file were checked on one day (UTC), and the ground of the first
#: answer. Nothing of those files.
provenance_check_counts = Table(
    "provenance_check_counts",
    metadata,
    text("sha256"),
    text("day"),
    integer("checks"),
    text("ground", null=True),
    PrimaryKeyConstraint("sha256", "day"),
    info=COMMON,
)

#: What people without an account wrote about answers on the origin of a file, and nothing of those files.
provenance_feedback = Table(
    "provenance_feedback",
    metadata,
    text("id", primary_key=True),
    #: Values of `conclusion.Answer` and `conclusion.Ground`.
    text("answer"),
    text("ground"),
    text("text"),
    text("contact", null=True),
    time("created_at"),
    Index(None, "created_at"),
    info=COMMON,
)
