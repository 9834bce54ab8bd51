"""Sixth migration: notices, their clocks, and stay-down hashes.

Until the first release, changes of these tables are made in this file.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from safelight.store.migrations.columns import boolean, bytes_, double, partial_index, text

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "notices",
        *text("id", "tenant_id", "notice_id", "lane", "reporter"),
        *text("name", "location", "video_id", "case_id", null=True),
        *text("token_sha256", "idempotency_key", "request_sha256", "language", null=True),
        *bytes_("receipt_token", null=True),
        *double("created_at", "due_at"),
        *double("unattended_at", null=True),
        *text("outcome", null=True),
        *double("answered_at", "followed_up_at", "erased_at", "claimed_until", null=True),
        *text("left_to_compare", null=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("tenant_id", "reporter", "idempotency_key"),
        sa.Index(None, "tenant_id", "reporter", "created_at"),
        sa.Index(None, "tenant_id", "notice_id"),
        sa.Index(None, "token_sha256"),
        sa.Index(None, "case_id"),
        partial_index("unattended_at", where="outcome IS NULL AND unattended_at IS NOT NULL"),
        partial_index("created_at", where="outcome IS NULL"),
        partial_index("answered_at", where="followed_up_at IS NULL AND outcome IS NOT NULL"),
    )
    op.create_table(
        "notice_hashes",
        *text("id", "tenant_id", "notice_id", "entry", "state"),
        *text("hash", "video_id", null=True),
        *boolean("tenant_only"),
        *double("created_at"),
        *double("decided_at", null=True),
        sa.PrimaryKeyConstraint("id"),
        sa.Index(None, "tenant_id", "notice_id"),
        sa.Index(None, "tenant_id", "video_id"),
        sa.Index(None, "state"),
        sa.Index(None, "hash"),
    )
    op.create_table(
        "video_hidings",
        *text("tenant_id", "video_id", "notice_id", "reporter"),
        *double("hidden_at"),
        *double("ended_at", null=True),
        *boolean("upheld"),
        sa.PrimaryKeyConstraint("video_id", "notice_id"),
        sa.Index(None, "tenant_id", "reporter"),
    )


def downgrade() -> None:
    for table in ("notices", "notice_hashes", "video_hidings"):
        op.drop_table(table)
