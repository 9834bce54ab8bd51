"""Videos with their state, their files, and their generation attempts."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Double, ForeignKeyConstraint, Index, Table, UniqueConstraint

from .types import blob, integer, metadata, text, time


def _flag(name: str) -> Column[bool]:
    return Column(name, Boolean, nullable=False, default=False)


videos = Table(
    "videos",
    metadata,
    text("id", primary_key=True),
    text("tenant_id"),
    text("state"),
    text("stage"),
    time("created_at"),
    time("updated_at"),
    time("accepted_at", null=True),
    time("ended_at", null=True),
    time("expires_at", null=True),
    time("deadline_at", null=True),
    time("deleted_at", null=True),
    text("principal_id"),
    text("end_user", null=True),
    text("model"),
    text("generator"),
    text("prompt"),
    integer("seconds"),
    integer("width"),
    integer("height"),
    #: The request as it was screened, canonical JSON.
    blob("request"),
    text("request_sha256"),
    integer("progress", default=0),
    text("error_code", null=True),
    text("error_message", null=True),
    blob("explanation", null=True),
    text("remixed_from", null=True),
    text("reinstated_as", null=True),
    text("reinstated_from", null=True),
    time("review_due_at", null=True),
    text("hold_stage", null=True),
    text("verdict_action", null=True),
    text("badge_text", null=True),
    blob("metadata", null=True),
    #: Coverage and charge as the API returns them, once the video is held or ended; canonical JSON.
    blob("outcome_summary", null=True),
    #: Of the generated file before sealing; the subject of the output verdict.
    text("generated_sha256", null=True),
    text("sealed_sha256", null=True),
    _flag("vaulted"),
    _flag("quarantined"),
    _flag("waived"),
    integer("enqueue_count", default=0),
    #: For compare-and-set: each change requires the value it read and adds one.
    integer("revision", default=0),
    UniqueConstraint("tenant_id", "id"),
    Index(None, "tenant_id", "created_at", "id"),
    Index(None, "state", "updated_at"),
    #: For the videos that were made from a video.
    Index(None, "tenant_id", "remixed_from"),
)

assets = Table(
    "assets",
    metadata,
    text("id", primary_key=True),
    text("tenant_id"),
    text("video_id", null=True),
    text("kind"),
    text("sha256"),
    text("media_type"),
    integer("bytes"),
    text("retention"),
    time("created_at"),
    time("deleted_at", null=True),
    #: When the bytes of a file of the class `vault` were moved into the vault.
    time("vaulted_at", null=True),
    UniqueConstraint("tenant_id", "video_id", "kind", "sha256"),
    Index(None, "tenant_id", "sha256"),
)

attempts = Table(
    "attempts",
    metadata,
    text("id", primary_key=True),
    text("tenant_id"),
    text("video_id"),
    integer("number"),
    text("generator"),
    text("billing"),
    #: Created by us and stored before the call to the generator.
    text("idempotency_key"),
    time("created_at"),
    text("upstream_id", null=True),
    time("submitted_at", null=True),
    time("ended_at", null=True),
    text("outcome", null=True),
    text("charge_status", default="unknown"),
    Column("amount", Double, nullable=True),
    text("currency", default="USD"),
    text("charge_source", default=""),
    text("upstream_copy_status", null=True),
    UniqueConstraint("idempotency_key"),
    UniqueConstraint("video_id", "number"),
    ForeignKeyConstraint(["tenant_id", "video_id"], ["videos.tenant_id", "videos.id"]),
    Index(None, "tenant_id", "video_id"),
)
