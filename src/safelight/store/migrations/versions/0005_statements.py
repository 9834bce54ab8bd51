"""Fifth migration: statements of reasons.

Until the first release, changes of these tables are made in this file.
"""

from __future__ import annotations

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
