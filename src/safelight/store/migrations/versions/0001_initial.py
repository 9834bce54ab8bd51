"""First migration: the tables that every installation uses, as of the first release.

Until then, changes of the tables are made in this file.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from safelight.store.migrations.columns import boolean as _boolean
from safelight.store.migrations.columns import bytes_ as _bytes
from safelight.store.migrations.columns import double as _double
from safelight.store.migrations.columns import integer as _integer
from safelight.store.migrations.columns import partial_index as _partial_index
from safelight.store.migrations.columns import text as _text

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_IS_CASE_EVENT = (
    "event IN ('case.opened', 'case.escalated', 'case.decided', 'case.undone', 'case.not_carried_out', "
    "'case.expired', 'case.approve', 'case.refuse', 'case.keep', 'case.withdraw', 'case.overturn', "
    "'case.uphold', 'report.received', 'report.unattended', 'appeal.received', 'video.hidden', "
    "'video.restored')"
)


def upgrade() -> None:
    op.create_table(
        "api_keys",
        *_text("id", "tenant_id", "name", "digest", "scopes"),
        *_double("created_at"),
        *_text("created_by"),
        *_double("revoked_at", "last_used_at", null=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("digest"),
        sa.Index(None, "tenant_id"),
    )
    op.create_table(
        "assets",
        *_text("id", "tenant_id"),
        *_text("video_id", null=True),
        *_text("kind", "sha256", "media_type"),
        *_integer("bytes"),
        *_text("retention"),
        *_double("created_at"),
        *_double("deleted_at", "vaulted_at", null=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("tenant_id", "video_id", "kind", "sha256"),
        sa.Index(None, "tenant_id", "sha256"),
        _partial_index("retention", where="deleted_at IS NULL AND vaulted_at IS NULL"),
        _partial_index("deleted_at", where="deleted_at IS NOT NULL"),
    )
    op.create_table(
        "audit_log",
        *_integer("seq"),
        *_double("at"),
        *_text("tenant_id", null=True),
        *_text("event", "subject", "actor", "commitment", "previous", "hash"),
        sa.PrimaryKeyConstraint("seq"),
        sa.Index(None, "tenant_id", "subject"),
        _partial_index("tenant_id", "seq", where=_IS_CASE_EVENT),
    )
    op.create_table(
        "audit_log_contents",
        *_integer("seq"),
        *_text("tenant_id", null=True),
        *_bytes("salt"),
        *_bytes("content", null=True),
        sa.PrimaryKeyConstraint("seq"),
    )
    op.create_table(
        "audit_log_head",
        *_integer("id", "seq"),
        *_text("hash"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "biometric_templates",
        *_text("tenant_id", "owner_id"),
        *_integer("number"),
        *_text("model"),
        *_bytes("ciphertext"),
        sa.PrimaryKeyConstraint("tenant_id", "owner_id", "number"),
    )
    op.create_table(
        "blocked_prompt_sketches",
        *_text("id", "tenant_id", "subject", "account", "lineage"),
        *_text("video_id", null=True),
        *_bytes("sketch"),
        *_text("matched_categories"),
        *_boolean("blocked"),
        *_double("at"),
        sa.PrimaryKeyConstraint("id"),
        sa.Index(None, "tenant_id", "subject", "at"),
        sa.Index(None, "tenant_id", "account", "at"),
    )
    op.create_table(
        "characters",
        *_text("id", "tenant_id", "name", "state", "principal_id"),
        *_text("end_user", null=True),
        *_text("sha256", "media_type"),
        *_integer("bytes"),
        *_boolean("vaulted"),
        *_double("created_at"),
        sa.PrimaryKeyConstraint("id"),
        sa.Index(None, "tenant_id", "created_at"),
    )
    op.create_table(
        "check_usage",
        *_text("tenant_id", "subject"),
        *_integer("window_start", "used"),
        sa.PrimaryKeyConstraint("tenant_id", "subject", "window_start"),
    )
    op.create_table(
        "consents",
        *_text("id", "tenant_id", "subject", "scope", "recorded_by", "evidence"),
        *_integer("level"),
        *_double("created_at"),
        *_double("expires_at", "revoked_at", null=True),
        *_text("revoked_by", null=True),
        sa.PrimaryKeyConstraint("id"),
        sa.Index(None, "tenant_id", "subject"),
        _partial_index("revoked_at", where="revoked_at IS NOT NULL"),
    )
    op.create_table(
        "findings",
        *_text("id", "tenant_id", "video_id", "stage"),
        *_bytes("findings", "coverage", "details"),
        *_double("created_at"),
        sa.PrimaryKeyConstraint("id"),
        sa.Index(None, "tenant_id", "created_at"),
        sa.Index(None, "tenant_id", "video_id"),
    )
    op.create_table(
        "idempotency_keys",
        *_text("tenant_id", "key", "request_sha256", "video_id"),
        *_text("rejected_field", null=True),
        *_double("created_at", "lease_expires_at"),
        *_double("completed_at", null=True),
        *_double("expires_at"),
        sa.PrimaryKeyConstraint("tenant_id", "key"),
        sa.Index(None, "tenant_id", "expires_at"),
    )
    op.create_table(
        "installation",
        *_text("key", "value"),
        sa.PrimaryKeyConstraint("key"),
    )
    op.create_table(
        "login_links",
        *_text("digest", "tenant_id", "principal"),
        *_double("expires_at"),
        *_double("used_at", null=True),
        sa.PrimaryKeyConstraint("digest"),
    )
    op.create_table(
        "outbox",
        *_text("id"),
        *_text("tenant_id", null=True),
        *_text("topic", "subject"),
        *_bytes("body"),
        *_double("created_at", "due_at"),
        *_integer("attempts"),
        *_double("delivered_at", "dead_at", null=True),
        *_text("last_error", null=True),
        sa.PrimaryKeyConstraint("id"),
        sa.Index(None, "topic", "created_at"),
        _partial_index("topic", "due_at", where="delivered_at IS NULL AND dead_at IS NULL"),
        _partial_index("delivered_at", where="delivered_at IS NOT NULL"),
        _partial_index("topic", "dead_at", where="dead_at IS NOT NULL"),
    )
    op.create_table(
        "policies",
        *_text("id"),
        *_text("tenant_id", null=True),
        *_text("name"),
        *_integer("version"),
        *_text("document", "sha256"),
        *_double("published_at"),
        *_text("published_by"),
        *_boolean("active"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("tenant_id", "name", "version"),
    )
    op.create_table(
        "protected_people",
        *_text("id", "tenant_id", "name"),
        *_boolean("public_figure"),
        *_text("recorded_by"),
        *_double("created_at"),
        sa.PrimaryKeyConstraint("id"),
        sa.Index(None, "tenant_id", "name"),
    )
    op.create_table(
        "quota_usage",
        *_text("tenant_id", "subject", "day"),
        *_integer("videos"),
        *_double("seconds"),
        *_integer("cost_micros"),
        sa.PrimaryKeyConstraint("tenant_id", "subject", "day"),
    )
    op.create_table(
        "reported_attempts",
        *_text("id", "tenant_id", "origin"),
        *_double("at", "recorded_at"),
        *_text("provider", "model"),
        *_text("prompt", null=True),
        *_text("error", "outcome", "stage"),
        *_double("seconds", null=True),
        *_integer("width", "height", null=True),
        sa.Column("file_came", sa.Boolean(), nullable=True),
        *_text("charge_status"),
        *_double("amount", null=True),
        *_text("currency", "charge_source", "request_id"),
        *_text("refund_of", null=True),
        *_text("digest"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("tenant_id", "digest"),
        sa.Index(None, "tenant_id", "at", "id"),
        sa.Index(None, "tenant_id", "refund_of"),
        sa.Index(None, "recorded_at"),
    )
    op.create_table(
        "provenance_check_counts",
        *_text("sha256", "day"),
        *_integer("checks"),
        *_text("ground", null=True),
        sa.PrimaryKeyConstraint("sha256", "day"),
    )
    op.create_table(
        "provenance_feedback",
        *_text("id", "answer", "ground", "text"),
        *_text("contact", null=True),
        *_double("created_at"),
        sa.PrimaryKeyConstraint("id"),
        sa.Index(None, "created_at"),
    )
    op.create_table(
        "seal_fingerprints",
        *_text("sha256", "tenant_id", "video_id"),
        *_bytes("hashes", "thumbnails", null=True),
        *_bytes("salt"),
        *_text("commitment"),
        *_double("removed_at", null=True),
        *_double("changed_at"),
        sa.PrimaryKeyConstraint("sha256"),
        sa.Index(None, "tenant_id", "video_id"),
        sa.Index(None, "changed_at"),
    )
    op.create_table(
        "seals",
        *_text("id", "tenant_id", "video_id", "sha256", "source_sha256"),
        *_bytes("manifest"),
        *_text("manifest_id", "facts", "mark_state"),
        *_text("mark_id", null=True),
        *_integer("mark_epoch", null=True),
        *_text("mark_algorithm", "binding"),
        *_double("created_at"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("sha256"),
        sa.Index(None, "tenant_id", "video_id"),
        sa.Index(None, "mark_id"),
        sa.Index(None, "manifest_id"),
    )
    op.create_table(
        "sessions",
        *_text("digest", "id", "tenant_id", "principal_id", "principal"),
        *_double("created_at", "expires_at", "last_used_at"),
        *_text("browser"),
        *_double("ended_at", null=True),
        sa.PrimaryKeyConstraint("digest"),
        sa.Index(None, "tenant_id", "principal_id"),
    )
    op.create_table(
        "tenant_entries",
        *_text("tenant_id", "principal_id", "managed_tenant_id"),
        *_double("entered_at"),
        sa.PrimaryKeyConstraint("tenant_id", "principal_id", "managed_tenant_id"),
    )
    op.create_table(
        "tenants",
        *_text("id", "name"),
        *_double("created_at"),
        *_text("managed_by", "origin", null=True),
        *_double("closed_at", null=True),
        sa.PrimaryKeyConstraint("id"),
        sa.Index(None, "managed_by", "id"),
    )
    op.create_table(
        "transcripts",
        *_text("video_id", "tenant_id"),
        *_bytes("body"),
        *_double("created_at"),
        sa.PrimaryKeyConstraint("video_id"),
    )
    op.create_table(
        "verdicts",
        *_text(
            "id",
            "tenant_id",
            "video_id",
            "stage",
            "action",
            "category",
            "rule",
            "subject_sha256",
            "policy",
            "policy_sha256",
        ),
        *_bytes("body"),
        *_double("created_at"),
        sa.PrimaryKeyConstraint("id"),
        sa.Index(None, "tenant_id", "created_at"),
        sa.Index(None, "tenant_id", "video_id"),
    )
    op.create_table(
        "video_lineage",
        *_text("tenant_id", "video_id", "parent_id", "derivation"),
        *_double("created_at"),
        sa.PrimaryKeyConstraint("tenant_id", "video_id", "parent_id"),
        sa.Index(None, "tenant_id", "parent_id"),
    )
    op.create_table(
        "copied_sources",
        *_text("tenant_id", "video_id", "source_id"),
        *_double("created_at"),
        *_double("ended_at", null=True),
        sa.PrimaryKeyConstraint("tenant_id", "video_id", "source_id"),
        sa.Index(None, "tenant_id", "source_id"),
        sa.Index(None, "source_id", "ended_at"),
    )
    op.create_table(
        "videos",
        *_text("id", "tenant_id", "state", "stage"),
        *_double("created_at", "updated_at"),
        *_double("accepted_at", "ended_at", "expires_at", "deadline_at", null=True),
        *_double("generated_at", "clip_kept_until", "deleted_at", null=True),
        *_text("principal_id"),
        *_text("end_user", null=True),
        *_text("model", "generator", "prompt"),
        *_integer("seconds", "width", "height"),
        *_bytes("request"),
        *_text("request_sha256"),
        *_integer("progress"),
        *_text("error_code", "error_message", null=True),
        *_bytes("explanation", null=True),
        *_text("remixed_from", "reinstated_as", "reinstated_from", null=True),
        *_double("review_due_at", null=True),
        *_text("hold_stage", "verdict_action", "badge_text", null=True),
        *_bytes("metadata", "outcome_summary", null=True),
        *_text("generated_sha256", "sealed_sha256", "mark", null=True),
        *_boolean("vaulted", "quarantined", "waived"),
        *_integer("enqueue_count", "revision"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("tenant_id", "id"),
        sa.Index(None, "state", "updated_at"),
        sa.Index(None, "tenant_id", "created_at", "id"),
        sa.Index(None, "tenant_id", "remixed_from"),
        _partial_index("clip_kept_until", where="clip_kept_until IS NOT NULL"),
        _partial_index("expires_at", where="deleted_at IS NULL"),
        _partial_index("state", "review_due_at", where="review_due_at IS NOT NULL"),
    )
    op.create_table(
        "waivers",
        *_text("id"),
        *_text("tenant_id", null=True),
        *_text("name", "decided_by", "reason", "categories"),
        *_boolean("loopback_only"),
        *_double("created_at"),
        *_double("expires_at", "revoked_at", null=True),
        *_text("revoked_by", null=True),
        sa.PrimaryKeyConstraint("id"),
        sa.Index(None, "tenant_id"),
    )
    op.create_table(
        "webhook_endpoints",
        *_text("id", "tenant_id", "name", "url", "events", "secrets"),
        *_double("created_at", "updated_at"),
        *_double("disabled_at", "failing_since", null=True),
        *_integer("failures"),
        *_integer("last_status", null=True),
        *_text("last_error", null=True),
        *_double("last_success_at", null=True),
        sa.PrimaryKeyConstraint("id"),
        sa.Index(None, "tenant_id"),
    )
    op.create_table(
        "attempts",
        *_text("id", "tenant_id", "video_id"),
        *_integer("number"),
        *_text("generator", "billing", "idempotency_key"),
        *_double("created_at"),
        *_text("upstream_id", null=True),
        *_double("submitted_at", "ended_at", null=True),
        *_integer("searches"),
        *_text("outcome", null=True),
        *_text("charge_status"),
        *_double("amount", null=True),
        *_text("currency", "charge_source"),
        *_text("upstream_copy_status", null=True),
        *_bytes("not_drawn", null=True),
        *_text("problem", null=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("idempotency_key"),
        sa.UniqueConstraint("video_id", "number"),
        sa.ForeignKeyConstraint(["tenant_id", "video_id"], ["videos.tenant_id", "videos.id"]),
        sa.Index(None, "tenant_id", "video_id"),
        sa.Index(None, "tenant_id", "created_at", "id"),
        _partial_index("generator", "ended_at", where="outcome = 'moderation_blocked'"),
        _partial_index("generator", where="ended_at IS NULL"),
        _partial_index("ended_at", where="upstream_id IS NOT NULL AND upstream_copy_status IS NULL"),
        _partial_index("generator", "ended_at", "submitted_at", where="submitted_at IS NOT NULL"),
    )


def downgrade() -> None:
    # Dropped first, because `attempts` has a foreign key to `videos`.
    op.drop_table("attempts")
    for table in (
        "api_keys",
        "assets",
        "audit_log",
        "audit_log_contents",
        "audit_log_head",
        "biometric_templates",
        "blocked_prompt_sketches",
        "characters",
        "check_usage",
        "consents",
        "copied_sources",
        "findings",
        "idempotency_keys",
        "installation",
        "login_links",
        "outbox",
        "policies",
        "protected_people",
        "provenance_check_counts",
        "provenance_feedback",
        "quota_usage",
        "reported_attempts",
        "seal_fingerprints",
        "seals",
        "sessions",
        "tenant_entries",
        "tenants",
        "transcripts",
        "verdicts",
        "video_lineage",
        "videos",
        "waivers",
        "webhook_endpoints",
    ):
        op.drop_table(table)
