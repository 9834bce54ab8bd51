"""Ninth migration: golden cases, second reviews and samples of delivered videos.

Until the first release, changes of these tables are made in this file.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from safelight.store.migrations.columns import double, text

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "quality_cases",
        *text("case_id", "tenant_id", "purpose", "opened_for", "source"),
        *text("assigned_to", "expected", "first_person", "machine", "stratum", null=True),
        *double("opened_at"),
        sa.PrimaryKeyConstraint("case_id"),
        sa.UniqueConstraint("tenant_id", "opened_for"),
        sa.Index(None, "tenant_id", "purpose", "source"),
        sa.Index(None, "opened_at"),
    )
    op.create_table(
        "quality_answers",
        *text("case_id", "tenant_id"),
        *text("person", null=True),
        *text("answer"),
        *text("clause", null=True),
        *double("at"),
        sa.PrimaryKeyConstraint("case_id"),
        sa.Index(None, "tenant_id", "person"),
        sa.Index(None, "at"),
    )
    op.create_table(
        "golden_cases",
        *text("id", "tenant_id", "video_id", "answer"),
        *text("clause", null=True),
        *text("note", "author"),
        *double("created_at"),
        *double("retired_at", null=True),
        sa.PrimaryKeyConstraint("id"),
        sa.Index(None, "tenant_id", "video_id"),
    )
    op.create_table(
        "quality_draws",
        *text("id", "tenant_id"),
        *double("since", "until"),
        *text("delivered", "drawn"),
        *text("waiting", null=True),
        *text("drawn_by"),
        *double("drawn_at"),
        sa.PrimaryKeyConstraint("id"),
        sa.Index(None, "tenant_id", "drawn_at"),
    )
    op.create_index(op.f("ix_decisions_at"), "decisions", ["at"])


def downgrade() -> None:
    op.drop_index(op.f("ix_decisions_at"), "decisions")
    for table in ("quality_cases", "quality_answers", "golden_cases", "quality_draws"):
        op.drop_table(table)
