"""Videos with their state, their files, and the attempts to generate them."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Double, ForeignKeyConstraint, Index, Table, UniqueConstraint

from .types import blob, flag, integer, metadata, partial_index, tenant_table, text, time

videos = tenant_table(
    "videos",
    text("state"),
    text("stage"),
    time("created_at"),
    time("updated_at"),
    time("accepted_at", null=True),
    time("ended_at", null=True),
    time("expires_at", null=True),
    time("deadline_at", null=True),
    #: When the generator had finished. From then on the video has no deadline.
    time("generated_at", null=True),
    #: How often the download of the finished clip failed, and why it fails, while it is tried again.
    integer("reserved_micros", default=0),
    integer("failed_downloads", default=0),
    text("download_problem", null=True),
    #: Until when the paid clip of an ended video is kept for a decision; see `Retention.PAID_CLIP`.
    time("clip_kept_until", null=True),
    time("deleted_at", null=True),
    text("principal_id"),
    text("end_user", null=True),
    text("model"),
    text("generator"),
    text("prompt"),
    integer("seconds"),
    integer("width"),
    integer("height"),
    #: The generation request as it was screened, in canonical JSON.
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
    #: The entry `batch` of the metadata, by which the page of videos is filtered.
    text("batch", null=True),
    #: Coverage and charge as the API returns them, in canonical JSON; set when the video is held or has
    #: ended.
    blob("outcome_summary", null=True),
    #: The sha256 of the generated file before sealing; the output verdict is about this file.
    text("generated_sha256", null=True),
    text("sealed_sha256", null=True),
    text("mark", null=True),
    flag("vaulted"),
    #: Set with the first quarantined verdict (`videos.stage_records`), and lifted only by the vault officer
    #: (`cases.vault`), not by a release.
    flag("quarantined"),
    flag("waived"),
    flag("reviewed"),
    flag("gaps_approved"),
    integer("enqueue_count", default=0),
    #: Revision of the row for compare-and-set: each change requires the revision that it read, and adds one.
    integer("revision", default=0),
    UniqueConstraint("tenant_id", "id"),
    Index(None, "tenant_id", "created_at", "id"),
    Index(None, "state", "updated_at"),
    partial_index("clip_kept_until", where="clip_kept_until IS NOT NULL"),
    partial_index("expires_at", where="deleted_at IS NULL"),
    partial_index("state", "review_due_at", where="review_due_at IS NOT NULL"),
    partial_index("tenant_id", "batch", "created_at", where="batch IS NOT NULL AND deleted_at IS NULL"),
    #: Index to find the videos that were made from a given video.
    Index(None, "tenant_id", "remixed_from"),
)

assets = tenant_table(
    "assets",
    text("video_id", null=True),
    text("kind"),
    text("sha256"),
    text("media_type"),
    integer("bytes"),
    text("retention"),
    time("created_at"),
    time("deleted_at", null=True),
    #: When the file, if it has the class `vault`, was moved into the vault.
    time("vaulted_at", null=True),
    UniqueConstraint("tenant_id", "video_id", "kind", "sha256"),
    Index(None, "tenant_id", "sha256"),
    #: The files whose bytes are to be moved to the vault, and those to be deleted.
    partial_index("retention", where="deleted_at IS NULL AND vaulted_at IS NULL"),
    partial_index("deleted_at", where="deleted_at IS NOT NULL"),
)

#: The spoken words of videos for reviewers; see `videos.transcripts`.
transcripts = Table(
    "transcripts",
    metadata,
    text("video_id", primary_key=True),
    text("tenant_id"),
    blob("body"),
    time("created_at"),
)

attempts = tenant_table(
    "attempts",
    text("video_id"),
    integer("number"),
    text("generator"),
    text("billing"),
    #: True for a canary (`providers.attempts.models.is_canary`); otherwise null.
    Column("is_canary", Boolean, nullable=True),
    #: Safelight creates this key and stores it before it calls the generator.
    text("idempotency_key"),
    time("created_at"),
    text("upstream_id", null=True),
    time("submitted_at", null=True),
    time("ended_at", null=True),
    #: When the upstream that did not take it says that it takes requests again.
    time("retry_at", null=True),
    #: How often the upstream was asked about a submission of which the answer was lost.
    integer("searches", default=0),
    text("outcome", null=True),
    text("charge_status", default="unknown"),
    Column("amount", Double, nullable=True),
    text("currency", default="USD"),
    text("charge_source", default=""),
    text("upstream_copy_status", null=True),
    #: What a local generator says it did not draw: words of the prompt, in canonical JSON.
    blob("not_drawn", null=True),
    #: What was asked of a generator that steers, and what it says it did, in canonical JSON.
    blob("steering", null=True),
    blob("generation", null=True),
    #: The upstream's own body when it refused or failed, with secrets masked.
    text("answer", null=True),
    UniqueConstraint("idempotency_key"),
    UniqueConstraint("video_id", "number"),
    ForeignKeyConstraint(["tenant_id", "video_id"], ["videos.tenant_id", "videos.id"]),
    Index(None, "tenant_id", "video_id"),
    Index(None, "tenant_id", "created_at", "id"),
    partial_index("tenant_id", "created_at", "id", "is_canary", where="is_canary IS NOT NULL"),
    #: The refusals of a day, and the unfinished attempts, of a generator.
    partial_index("generator", "ended_at", where="outcome = 'moderation_blocked'"),
    partial_index("generator", where="ended_at IS NULL"),
    partial_index("generator", "retry_at", where="retry_at IS NOT NULL"),
    #: The submissions of a minute to a generator.
    Index(None, "generator", "created_at"),
    #: The requests whose copy at the upstream is to be deleted.
    partial_index("ended_at", where="upstream_id IS NOT NULL AND upstream_copy_status IS NULL"),
)

reported_attempts = tenant_table(
    "reported_attempts",
    #: `imported` or `reported`.
    text("origin"),
    time("at"),
    time("recorded_at"),
    text("provider"),
    text("model", default=""),
    #: Null if it is withheld.
    text("prompt", null=True),
    text("error", default=""),
    text("outcome"),
    #: What the filter refused: `input`, `output` or `unknown`.
    text("stage"),
    Column("seconds", Double, nullable=True),
    integer("width", null=True),
    integer("height", null=True),
    Column("file_came", Boolean, nullable=True),
    text("charge_status"),
    Column("amount", Double, nullable=True),
    text("currency", default=""),
    text("charge_source", default=""),
    #: The provider's id of the request.
    text("request_id", default=""),
    #: For a refund, the id of the attempt that it refunds, here or in `attempts`.
    text("refund_of", null=True),
    #: The sha256 of what was entered, so that the same file can be imported again.
    text("digest"),
    UniqueConstraint("tenant_id", "digest"),
    Index(None, "tenant_id", "at", "id"),
    Index(None, "tenant_id", "refund_of"),
    Index(None, "recorded_at"),
)
