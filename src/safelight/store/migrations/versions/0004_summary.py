"""Coverage and charge are kept with the row of a finished video; columns nobody wrote are gone"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_UNIQUE = "uq_videos_tenant_id_idempotency_key"


def upgrade() -> None:
    with op.batch_alter_table("videos") as videos:
        videos.drop_constraint(op.f(_UNIQUE), type_="unique")
        videos.drop_column("idempotency_key")
        videos.drop_column("lease_owner")
        videos.drop_column("lease_until")
        videos.add_column(sa.Column("summary", sa.LargeBinary(), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("videos") as videos:
        videos.drop_column("summary")
        videos.add_column(sa.Column("lease_until", sa.Double(), nullable=True))
        videos.add_column(sa.Column("lease_owner", sa.Text(), nullable=True))
        videos.add_column(sa.Column("idempotency_key", sa.Text(), nullable=True))
        videos.create_unique_constraint(op.f(_UNIQUE), ["tenant_id", "idempotency_key"])
