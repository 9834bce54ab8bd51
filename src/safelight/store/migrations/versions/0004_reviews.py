"""Fourth migration: cases, their decisions and reports, and what is recorded about the reviewers.

Until the first release, changes of these tables are made in this file.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from safelight.store.migrations import conflict_triggers
from safelight.store.migrations.columns import boolean, double, integer, partial_index, text

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "cases",
        *text("id", "tenant_id", "video_id", "kind", "stage", "category", "rule", "reason", "state"),
        *text("dedup_key", "account", "end_user", null=True),
        *boolean("quarantined", "reserved"),
        *double("opened_at", "due_at"),
        *double("closed_at", null=True),
        *integer("version", "severity", "reach", "required_rank"),
        *double("rank_at"),
        *text("leader_id", "cluster_id", "cluster_key", "leased_by", null=True),
        *double("leased_until", null=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("tenant_id", "dedup_key"),
        sa.Index(None, "tenant_id", "state", "due_at"),
        sa.Index(None, "kind", "state", "due_at"),
        sa.Index(None, "tenant_id", "video_id"),
        sa.Index(None, "tenant_id", "leader_id", "state"),
        sa.Index(None, "tenant_id", "cluster_id"),
        partial_index("tenant_id", "rank_at", "id", where="state = 'open' AND leader_id IS NULL"),
        partial_index("tenant_id", "leased_by", where="leased_by IS NOT NULL"),
        sa.Index(None, "tenant_id", "cluster_key"),
        partial_index("tenant_id", "closed_at", where="closed_at IS NOT NULL"),
        partial_index("tenant_id", "rule", "closed_at", where="closed_at IS NOT NULL"),
        partial_index("tenant_id", "account", "closed_at", where="closed_at IS NOT NULL"),
        partial_index("tenant_id", "account", "end_user", "closed_at", where="closed_at IS NOT NULL"),
    )
    op.create_table(
        "case_conflicts",
        *text("tenant_id", "case_id", "person"),
        sa.PrimaryKeyConstraint("case_id", "person"),
    )
    op.create_table(
        "case_skips",
        *text("tenant_id", "case_id", "person", "reason"),
        *double("at"),
        sa.PrimaryKeyConstraint("case_id", "person"),
        sa.Index(None, "at"),
    )
    op.create_table(
        "decisions",
        *text("id", "tenant_id", "case_id", "video_id", "action", "reason"),
        *text("clause", "facts", null=True),
        *text("decided_by"),
        *double("at"),
        *text("verdict_ids"),
        *text("role", null=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("case_id"),
        sa.Index(None, "tenant_id", "video_id"),
    )
    op.create_table(
        "pending_decisions",
        *text("id", "tenant_id", "case_id", "video_id", "action", "reason"),
        *text("clause", "facts", null=True),
        *text("decided_by"),
        *double("at"),
        *text("verdict_ids"),
        *text("role", null=True),
        *double("due_at"),
        *text("conflict", null=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("case_id"),
        sa.Index(None, "due_at"),
    )
    op.create_table(
        "exposures",
        *text("id", "tenant_id", "person", "case_id"),
        *double("at", "seconds"),
        *integer("severity"),
        sa.PrimaryKeyConstraint("id"),
        sa.Index(None, "tenant_id", "person", "at"),
        sa.Index(None, "at"),
    )
    op.create_table(
        "reports",
        *text("id", "tenant_id", "video_id", "case_id"),
        *text("category", null=True),
        *text("reason", "note", "reporter_kind", "reporter"),
        *text("contact", "text_screening", null=True),
        *double("created_at"),
        sa.PrimaryKeyConstraint("id"),
        sa.Index(None, "tenant_id", "case_id"),
        sa.Index(None, "tenant_id", "video_id"),
        sa.Index(None, "tenant_id", "reporter", "created_at"),
    )
    op.create_table(
        "reviewer_preferences",
        *text("tenant_id", "person", "declined_categories"),
        *boolean("mails"),
        *double("updated_at"),
        sa.PrimaryKeyConstraint("tenant_id", "person"),
    )
    conflict_triggers.create(op.get_bind())


def downgrade() -> None:
    for table in (
        "cases",
        "case_conflicts",
        "case_skips",
        "decisions",
        "pending_decisions",
        "exposures",
        "reports",
        "reviewer_preferences",
    ):
        op.drop_table(table)
    conflict_triggers.drop_functions(op.get_bind())
