"""Seventh migration: strikes, the ledger, access requests and invitations of accounts.

Until the first release, changes of these tables are made in this file.
"""

from __future__ import annotations

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
