"""Ninth migration: golden cases, second reviews and samples of delivered videos.

Until the first release, changes of these tables are made in this file.
"""

from __future__ import annotations

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
