"""Seventh migration: strikes, the ledger, access requests and invitations of accounts.

Until the first release, changes of these tables are made in this file.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from safelight.store.migrations.columns import boolean, double, integer, text

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "ledger_entries",
        *text("id", "tenant_id"),
        *integer("seq", null=True),
        *double("at"),
        *text("kind", "reason"),
        *integer("amount_micros", null=True),
        *text("currency", "video_id"),
        *text("attempt_id", null=True),
        *text("account"),
        *text("end_user", null=True),
        *text("event_key"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("tenant_id", "event_key"),
        sa.UniqueConstraint("tenant_id", "seq"),
        sa.Index(None, "tenant_id", "at"),
        sa.Index(None, "tenant_id", "video_id"),
        sa.Index(None, "tenant_id", "account", "seq"),
        sa.Index(None, "tenant_id", "end_user", "seq"),
    )
    op.create_table(
        "strikes",
        *text("id", "tenant_id", "subject", "video_id", "category"),
        *boolean("learned"),
        *integer("severity", "weight"),
        *text("given_by"),
        *text("decision_id", null=True),
        *double("given_at", "expires_at"),
        *double("removed_at", null=True),
        *text("removed_reason", null=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("tenant_id", "video_id"),
        sa.Index(None, "tenant_id", "subject", "expires_at"),
    )
    op.create_table(
        "bans",
        *text("id", "tenant_id", "subject", "reason"),
        *boolean("threat_to_life"),
        *text("proposed_by"),
        *double("proposed_at"),
        *text("confirmed_by", null=True),
        *double("confirmed_at", "effective_at", null=True),
        *text("lifted_by", null=True),
        *double("lifted_at", null=True),
        *text("lifted_reason", null=True),
        sa.PrimaryKeyConstraint("id"),
        sa.Index(
            None,
            "tenant_id",
            "subject",
            unique=True,
            sqlite_where=sa.text("lifted_at IS NULL"),
            postgresql_where=sa.text("lifted_at IS NULL"),
        ),
    )
    op.create_table(
        "account_terms",
        *text("tenant_id", "subject"),
        *text("audience", null=True),
        *integer(
            *("review_first", "videos_per_day", "seconds_per_day", "cost_per_day_micros", "invitations"),
            null=True,
        ),
        *text("use_kind", "territory", null=True),
        *boolean("commercial", null=True),
        *integer("held_first", "revision"),
        sa.PrimaryKeyConstraint("tenant_id", "subject"),
    )
    op.create_table(
        "access_requests",
        *text("id", "tenant_id", "name", "contact", "purpose", "digest", "state"),
        *double("created_at"),
        *text("decided_by", null=True),
        *double("decided_at", null=True),
        *text("reason", "key_id", "own_tenant", null=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("digest"),
        sa.Index(None, "tenant_id", "state", "created_at"),
    )
    op.create_table(
        "account_invitations",
        *text("id", "tenant_id", "digest", "invited_by"),
        *double("created_at", "expires_at"),
        *double("revoked_at", null=True),
        *text("key_id", "own_tenant", null=True),
        sa.Column("wants_own_tenant", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("digest"),
        sa.Index(None, "tenant_id", "invited_by"),
        sa.Index(None, "tenant_id", "key_id"),
    )


def downgrade() -> None:
    for table in (
        "ledger_entries",
        "strikes",
        "bans",
        "account_terms",
        "access_requests",
        "account_invitations",
    ):
        op.drop_table(table)
