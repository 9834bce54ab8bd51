"""Eighth migration: consent requests, their answers and uses.

Until the first release, changes of these tables are made in this file.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from safelight.store.migrations.columns import boolean, bytes_, double, integer, partial_index, text

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_TABLES = ("consent_requests", "consent_media", "consent_uses")


def upgrade() -> None:
    op.create_table(
        "consent_requests",
        *text("id", "tenant_id", "asked_by"),
        *text("end_user", null=True),
        *text("asker", "subject", "email", "language", "terms"),
        *integer("level"),
        *text("phrase", "state"),
        *text("link_digest", null=True),
        *double("link_expires_at"),
        *boolean("mailed"),
        *text("asker_device", "flags", "accepted"),
        *text("page_digest", "clip_sha256", "idempotency_key", null=True),
        *double("created_at"),
        *double("answered_at", null=True),
        *text("decided_by", null=True),
        *double("decided_at", null=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("link_digest"),
        sa.UniqueConstraint("page_digest"),
        sa.UniqueConstraint("tenant_id", "idempotency_key"),
        sa.Index(None, "tenant_id", "created_at"),
        sa.Index(None, "tenant_id", "state"),
        sa.Index(None, "tenant_id", "clip_sha256"),
    )
    op.create_table(
        "consent_media",
        *text("tenant_id", "request_id", "media_type"),
        *bytes_("ciphertext"),
        *double("created_at"),
        sa.PrimaryKeyConstraint("request_id"),
    )
    op.create_table(
        "consent_uses",
        *text("tenant_id", "consent_id", "video_id"),
        *double("at"),
        *double("ended_at", null=True),
        *text("salt", null=True),
        sa.PrimaryKeyConstraint("consent_id", "video_id"),
        sa.Index(None, "tenant_id", "video_id"),
        sa.Index(None, "ended_at"),
        partial_index("consent_id", "at", where="ended_at IS NULL"),
    )


def downgrade() -> None:
    for table in reversed(_TABLES):
        op.drop_table(table)
