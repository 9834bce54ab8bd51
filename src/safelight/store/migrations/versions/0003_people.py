"""Third migration: people, their invitations, failed sign-ins, and sign-in through a provider.

Until the first release, changes of these tables are made in this file.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from safelight.store.migrations.columns import bytes_, double, integer, text

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "people",
        *text("id", "tenant_id", "name", "email", "role", "language", "state"),
        *double("created_at"),
        *text("created_by"),
        *text("password_hash", null=True),
        *bytes_("totp_secret", null=True),
        *integer("totp_step", null=True),
        *text("recovery_codes"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("email"),
        sa.Index(None, "tenant_id", "created_at"),
    )
    op.create_table(
        "invitations",
        *text("digest", "tenant_id", "person_id"),
        *double("expires_at"),
        sa.PrimaryKeyConstraint("digest"),
        sa.Index(None, "tenant_id", "person_id"),
    )
    op.create_table(
        "sign_in_failures",
        *text("id", "subject"),
        *double("at"),
        sa.PrimaryKeyConstraint("id"),
        sa.Index(None, "subject", "at"),
    )
    op.create_table(
        "openid_attempts",
        *text("state_digest", "browser_digest", "back"),
        *double("expires_at"),
        sa.PrimaryKeyConstraint("state_digest"),
    )
    op.create_table(
        "openid_identities",
        *text("person_id", "tenant_id", "issuer", "subject"),
        *double("linked_at"),
        sa.PrimaryKeyConstraint("person_id"),
        sa.UniqueConstraint("issuer", "subject"),
    )
    op.create_table(
        "openid_sessions",
        *text("session_id", "tenant_id", "person_id", "issuer", "subject", "sid"),
        *bytes_("id_token"),
        sa.PrimaryKeyConstraint("session_id"),
        sa.Index(None, "issuer", "subject"),
        sa.Index(None, "issuer", "sid"),
    )


def downgrade() -> None:
    openid = ("openid_sessions", "openid_identities", "openid_attempts")
    for table in (*openid, "sign_in_failures", "invitations", "people"):
        op.drop_table(table)
