"""Sixth migration: notices, their clocks, and stay-down hashes.

Until the first release, changes of these tables are made in this file.
"""

from __future__ import annotations

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
