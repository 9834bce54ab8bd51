"""First migration: all tables, as of the first release.

Until then, changes of the tables are made in this file.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


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
    )
    op.create_table(
        "audit_log",
        *_integer("seq"),
        *_double("at"),
        *_text("tenant_id", null=True),
        *_text("event", "subject", "actor", "commitment", "previous", "hash"),
        sa.PrimaryKeyConstraint("seq"),
        sa.Index(None, "tenant_id", "subject"),
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
        "batches",
        *_text("id", "tenant_id", "state"),
        *_double("created_at", "updated_at"),
        *_double("ended_at", null=True),
        *_text("principal_id", "principal_kind", "principal_name"),
        *_text("idempotency_key", null=True),
        *_text("request_sha256", "options", "limits"),
        *_integer("row_count"),
        *_text("plan", null=True),
        *_text("stop_reason", "wait_reason"),
        *_boolean("cancelled"),
        *_text("leased_by", null=True),
        *_double("leased_until", "due_at"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("tenant_id", "idempotency_key"),
        sa.UniqueConstraint("tenant_id", "id"),
        sa.Index(None, "tenant_id", "created_at", "id"),
        sa.Index(
            None,
            "state",
            sqlite_where=sa.text("ended_at IS NULL"),
            postgresql_where=sa.text("ended_at IS NULL"),
        ),
    )
    op.create_table(
        "batch_rows",
        *_text("tenant_id", "batch_id"),
        *_integer("number", "line"),
        *_text("name", "fields", "problems", "state"),
        *_text("found", "plan", null=True),
        *_text("message"),
        *_boolean("by_policy"),
        *_integer("held_amount", "held_creates"),
        *_double("due_at"),
        *_integer("ended", null=True),
        sa.PrimaryKeyConstraint("tenant_id", "batch_id", "number"),
        sa.ForeignKeyConstraint(["tenant_id", "batch_id"], ["batches.tenant_id", "batches.id"]),
        sa.Index(None, "tenant_id", "batch_id", "state", "number"),
    )
    op.create_table(
        "batch_submissions",
        *_text("video_id", "tenant_id", "batch_id"),
        *_integer("number"),
        *_text("phase", "model"),
        *_double("sent_at"),
        *_integer("worst", null=True),
        *_text("state", "outcome", "charged"),
        *_integer("cost", null=True),
        sa.PrimaryKeyConstraint("video_id"),
        sa.ForeignKeyConstraint(["tenant_id", "batch_id"], ["batches.tenant_id", "batches.id"]),
        sa.Index(None, "tenant_id", "batch_id", "number"),
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
        "cases",
        *_text("id", "tenant_id", "video_id", "kind", "stage", "category", "rule", "reason", "state"),
        *_text("dedup_key", null=True),
        *_boolean("quarantined"),
        *_double("opened_at", "due_at"),
        *_double("closed_at", null=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("tenant_id", "dedup_key"),
        sa.Index(None, "tenant_id", "state", "due_at"),
        sa.Index(None, "tenant_id", "video_id"),
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
        *_double("created_at"),
        *_double("expires_at", "revoked_at", null=True),
        *_text("revoked_by", null=True),
        sa.PrimaryKeyConstraint("id"),
        sa.Index(None, "tenant_id", "subject"),
    )
    op.create_table(
        "decisions",
        *_text("id", "tenant_id", "case_id", "video_id", "action", "reason"),
        *_text("clause", null=True),
        *_text("decided_by"),
        *_double("at"),
        *_text("verdict_ids"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("case_id"),
        sa.Index(None, "tenant_id", "video_id"),
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
        "library_entries",
        *_text("id", "tenant_id"),
        *_text("video_id", null=True),
        *_text("prompt", "prompt_sha256", "category", "notes"),
        *_text("variation_of", null=True),
        *_double("created_at"),
        *_text("created_by"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("tenant_id", "prompt_sha256"),
        sa.Index(None, "tenant_id", "video_id"),
    )
    op.create_table(
        "library_terms",
        *_text("tenant_id", "term", "entry_id"),
        sa.PrimaryKeyConstraint("tenant_id", "term", "entry_id"),
        sa.Index(None, "tenant_id", "entry_id"),
    )
    op.create_table(
        "library_uses",
        *_text("tenant_id", "entry_id", "video_id"),
        sa.PrimaryKeyConstraint("tenant_id", "entry_id", "video_id"),
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
        sa.Index(None, "topic", "due_at"),
    )
    op.create_table(
        "pending_decisions",
        *_text("id", "tenant_id", "case_id", "video_id", "action", "reason"),
        *_text("clause", null=True),
        *_text("decided_by"),
        *_double("at"),
        *_text("verdict_ids"),
        *_double("due_at"),
        *_text("conflict", null=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("case_id"),
        sa.Index(None, "due_at"),
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
        "prompt_templates",
        *_text("id", "tenant_id", "name"),
        *_integer("version"),
        *_text("state", "source", "author", "author_name"),
        *_double("created_at"),
        *_double("submitted_at", null=True),
        *_text("approver", "approver_name", null=True),
        *_double("approved_at", "retired_at", null=True),
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
        *_text("tenant_id", "principal_id", "day"),
        *_integer("videos"),
        *_double("seconds"),
        sa.PrimaryKeyConstraint("tenant_id", "principal_id", "day"),
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
    )
    op.create_table(
        "reports",
        *_text("id", "tenant_id", "video_id", "case_id"),
        *_text("category", null=True),
        *_text("reason", "note", "reporter_kind", "reporter"),
        *_text("contact", null=True),
        *_double("created_at"),
        sa.PrimaryKeyConstraint("id"),
        sa.Index(None, "tenant_id", "case_id"),
        sa.Index(None, "tenant_id", "reporter", "created_at"),
    )
    op.create_table(
        "seals",
        *_text("id", "tenant_id", "video_id", "sha256", "source_sha256"),
        *_bytes("manifest"),
        *_text("facts"),
        *_double("created_at"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("sha256"),
        sa.Index(None, "tenant_id", "video_id"),
    )
    op.create_table(
        "sessions",
        *_text("digest", "tenant_id", "principal"),
        *_double("created_at", "expires_at"),
        *_double("ended_at", null=True),
        sa.PrimaryKeyConstraint("digest"),
    )
    op.create_table(
        "template_videos",
        *_text("tenant_id", "video_id", "template_id", "slot_values"),
        sa.PrimaryKeyConstraint("tenant_id", "video_id"),
        sa.Index(None, "tenant_id", "template_id"),
    )
    op.create_table(
        "tenants",
        *_text("id", "name"),
        *_double("created_at"),
        sa.PrimaryKeyConstraint("id"),
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
        "videos",
        *_text("id", "tenant_id", "state", "stage"),
        *_double("created_at", "updated_at"),
        *_double("accepted_at", "ended_at", "expires_at", "deadline_at", "deleted_at", null=True),
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
        *_text("generated_sha256", "sealed_sha256", null=True),
        *_boolean("vaulted", "quarantined", "waived"),
        *_integer("enqueue_count", "revision"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("tenant_id", "id"),
        sa.Index(None, "state", "updated_at"),
        sa.Index(None, "tenant_id", "created_at", "id"),
        sa.Index(None, "tenant_id", "remixed_from"),
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
        *_text("outcome", null=True),
        *_text("charge_status"),
        *_double("amount", null=True),
        *_text("currency", "charge_source"),
        *_text("upstream_copy_status", null=True),
        *_bytes("not_drawn", null=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("idempotency_key"),
        sa.UniqueConstraint("video_id", "number"),
        sa.ForeignKeyConstraint(["tenant_id", "video_id"], ["videos.tenant_id", "videos.id"]),
        sa.Index(None, "tenant_id", "video_id"),
        sa.Index(None, "tenant_id", "created_at", "id"),
        _partial_index("generator", "ended_at", where="outcome = 'moderation_blocked'"),
        _partial_index("generator", where="ended_at IS NULL"),
    )


def downgrade() -> None:
    # Dropped first, because they have foreign keys to other tables.
    for table in ("attempts", "batch_submissions", "batch_rows"):
        op.drop_table(table)
    for table in (
        "api_keys",
        "assets",
        "audit_log",
        "audit_log_contents",
        "audit_log_head",
        "batches",
        "biometric_templates",
        "blocked_prompt_sketches",
        "cases",
        "characters",
        "check_usage",
        "consents",
        "decisions",
        "findings",
        "idempotency_keys",
        "installation",
        "library_entries",
        "library_terms",
        "library_uses",
        "login_links",
        "outbox",
        "pending_decisions",
        "policies",
        "prompt_templates",
        "protected_people",
        "quota_usage",
        "reported_attempts",
        "reports",
        "seals",
        "sessions",
        "template_videos",
        "tenants",
        "verdicts",
        "video_lineage",
        "videos",
        "waivers",
        "webhook_endpoints",
    ):
        op.drop_table(table)


# The names of constraints and indexes follow the convention of `safelight.store.tables.types.metadata`.


def _partial_index(*columns: str, where: str) -> sa.Index:
    return sa.Index(None, *columns, sqlite_where=sa.text(where), postgresql_where=sa.text(where))


def _text(*names: str, null: bool = False) -> list[sa.Column[str]]:
    return _columns(sa.Text(), names, null=null)


def _double(*names: str, null: bool = False) -> list[sa.Column[float]]:
    return _columns(sa.Double(), names, null=null)


def _integer(*names: str, null: bool = False) -> list[sa.Column[int]]:
    # Never an autoincrement column, because our code sets ids and sequence numbers.
    return _columns(sa.BigInteger(), names, null=null)


def _bytes(*names: str, null: bool = False) -> list[sa.Column[bytes]]:
    return _columns(sa.LargeBinary(), names, null=null)


def _boolean(*names: str) -> list[sa.Column[bool]]:
    return _columns(sa.Boolean(), names, null=False)


def _columns(kind: Any, names: tuple[str, ...], *, null: bool) -> list[sa.Column[Any]]:
    return [sa.Column(name, kind, nullable=null, autoincrement=False) for name in names]
