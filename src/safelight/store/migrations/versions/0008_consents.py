"""Eighth migration: consent requests, their answers and uses.

Until the first release, changes of these tables are made in this file.
"""

from __future__ import annotations

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
