"""Fingerprints of delivered files, and the answers that checks of near-duplicates of one file got."""

from __future__ import annotations

from sqlalchemy import Index, PrimaryKeyConstraint, Table

from .types import COMMON, blob, integer, json, metadata, text, time

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

#: Answers for one registered file on one day (UTC). Has nothing of the files that were checked.
provenance_answers = Table(
    "provenance_answers",
    metadata,
    text("sha256"),
    text("day"),
    integer("checks"),
    json("answer"),
    PrimaryKeyConstraint("sha256", "day"),
    info=COMMON,
)
