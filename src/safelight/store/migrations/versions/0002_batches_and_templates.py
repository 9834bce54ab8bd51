"""Second migration: batches, prompt templates, the library of prompts, episodes of drift, and canaries.

Until the first release, changes of these tables are made in this file.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from safelight.store.migrations.columns import boolean, double, integer, partial_index, text

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "batches",
        *text("id", "tenant_id", "state"),
        *double("created_at", "updated_at"),
        *double("ended_at", null=True),
        *text("principal_id", "principal_kind", "principal_name"),
        *text("idempotency_key", null=True),
        *text("request_sha256", "options", "limits"),
        *integer("row_count"),
        *text("plan", null=True),
        *text("stop_reason", "wait_reason"),
        *boolean("cancelled"),
        *text("leased_by", null=True),
        *double("leased_until", "due_at"),
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
        "deleted_batches",
        *text("id", "tenant_id", "key_sha256"),
        *double("deleted_at"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("tenant_id", "key_sha256"),
        sa.Index(None, "deleted_at"),
    )
    op.create_table(
        "batch_rows",
        *text("tenant_id", "batch_id"),
        *integer("number", "line"),
        *text("name", "fields", "problems", "state"),
        *text("found", "plan", null=True),
        *text("message"),
        *boolean("by_policy"),
        *integer("held_amount", "held_creates"),
        *double("due_at"),
        *integer("ended", null=True),
        sa.PrimaryKeyConstraint("tenant_id", "batch_id", "number"),
        sa.ForeignKeyConstraint(["tenant_id", "batch_id"], ["batches.tenant_id", "batches.id"]),
        sa.Index(None, "tenant_id", "batch_id", "state", "number"),
    )
    op.create_table(
        "batch_submissions",
        *text("video_id", "tenant_id", "batch_id"),
        *integer("number"),
        *text("phase", "model"),
        *double("sent_at"),
        *integer("worst", null=True),
        *text("state", "outcome", "charged"),
        *integer("cost", null=True),
        sa.PrimaryKeyConstraint("video_id"),
        sa.ForeignKeyConstraint(["tenant_id", "batch_id"], ["batches.tenant_id", "batches.id"]),
        sa.Index(None, "tenant_id", "batch_id", "number"),
    )
    op.create_table(
        "library_entries",
        *text("id", "tenant_id"),
        *text("video_id", null=True),
        *text("prompt", "prompt_sha256", "category", "notes"),
        *text("variation_of", null=True),
        *double("created_at"),
        *text("created_by"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("tenant_id", "prompt_sha256"),
        sa.Index(None, "tenant_id", "video_id"),
    )
    op.create_table(
        "library_terms",
        *text("tenant_id", "term", "entry_id"),
        sa.PrimaryKeyConstraint("tenant_id", "term", "entry_id"),
        sa.Index(None, "tenant_id", "entry_id"),
    )
    op.create_table(
        "library_uses",
        *text("tenant_id", "entry_id", "video_id"),
        sa.PrimaryKeyConstraint("tenant_id", "entry_id", "video_id"),
    )
    op.create_table(
        "prompt_templates",
        *text("id", "tenant_id", "name"),
        *integer("version"),
        *text("state", "source", "author", "author_name"),
        *double("created_at"),
        *double("submitted_at", null=True),
        *text("approver", "approver_name", null=True),
        *double("approved_at", "retired_at", null=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("tenant_id", "name", "version"),
    )
    op.create_table(
        "template_videos",
        *text("tenant_id", "video_id", "template_id", "slot_values"),
        sa.PrimaryKeyConstraint("tenant_id", "video_id"),
        sa.Index(None, "tenant_id", "template_id"),
    )
    op.create_table(
        "drift_episodes",
        *text("id", "tenant_id", "provider", "model", "outcomes", "kind"),
        *double("since", "earliest", "found_at", "begun_at"),
        *double("ended_at", null=True),
        sa.PrimaryKeyConstraint("id"),
        sa.Index(
            None,
            "tenant_id",
            "provider",
            "model",
            "outcomes",
            unique=True,
            sqlite_where=sa.text("ended_at IS NULL"),
            postgresql_where=sa.text("ended_at IS NULL"),
        ),
    )
    op.create_table(
        "canaries",
        *text("id", "tenant_id", "entry_id"),
        *text("prompt", null=True),
        *text("generator", "model"),
        *integer("per_day", "ceiling_micros", "price_micros"),
        *text("price_source"),
        *integer("passes"),
        *double("passed_since"),
        *text("state"),
        *text("reason", null=True),
        *double("created_at"),
        *text("created_by"),
        *double("switched_at"),
        *double("run_requested_at", "skipped_slot", "removed_at", null=True),
        sa.PrimaryKeyConstraint("id"),
        sa.Index(
            None,
            "tenant_id",
            "entry_id",
            "generator",
            "model",
            unique=True,
            sqlite_where=sa.text("removed_at IS NULL"),
            postgresql_where=sa.text("removed_at IS NULL"),
        ),
    )
    op.create_table(
        "canary_calls",
        *text("id", "tenant_id", "canary_id", "generator", "model"),
        *integer("seconds", "width", "height"),
        *double("slot", "created_at"),
        *integer("cost_micros"),
        *text("upstream_id", null=True),
        *double("ended_at", null=True),
        *text("outcome", null=True),
        *text("stage", "error", "charge_status"),
        *double("amount", null=True),
        *text("currency", "charge_source"),
        *text("upstream_copy_status", null=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("tenant_id", "canary_id", "slot"),
        sa.Index(None, "tenant_id", "created_at", "id"),
        sa.Index(None, "generator", "ended_at"),
        sa.Index(None, "ended_at"),
        partial_index("created_at", where="upstream_id IS NOT NULL AND upstream_copy_status IS NULL"),
    )


def downgrade() -> None:
    # Tables with a foreign key to another one come first.
    for table in (
        "batch_submissions",
        "batch_rows",
        "batches",
        "deleted_batches",
        "library_uses",
        "library_terms",
        "library_entries",
        "template_videos",
        "prompt_templates",
        "drift_episodes",
        "canary_calls",
        "canaries",
    ):
        op.drop_table(table)
