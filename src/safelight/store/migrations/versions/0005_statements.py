"""Fifth migration: statements of reasons, and the appeals against the decisions.

Until the first release, changes of these tables are made in this file.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from safelight.store.migrations.columns import boolean, double, text

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_NULLABLE = (
    "account",
    "end_user",
    "reporter_source",
    "video_id",
    "stage",
    "case_id",
    "decision_id",
    "released_as",
)
_REQUIRED = ("id", "tenant_id", "kind", "source", "basis", "group_name", "category", "policy", "rule")
#: The columns that are never changed. `reason` and `facts` are emptied when the video is deleted.
_FIXED = (
    *_NULLABLE,
    *_REQUIRED,
    *("automated_detection", "automated_decision", "at", "until", "objection", "objection_until"),
)


def upgrade() -> None:
    op.create_table(
        "statements",
        *text(*_REQUIRED, "reason", "facts", "objection"),
        *text(*_NULLABLE, null=True),
        *boolean("automated_detection", "automated_decision"),
        *double("at"),
        *double("until", "objection_until", "erased_at", null=True),
        sa.PrimaryKeyConstraint("id"),
        sa.Index(None, "tenant_id", "video_id", "at"),
        sa.Index(None, "tenant_id", "end_user", "at"),
        sa.Index(None, "tenant_id", "account", "at"),
    )
    op.create_table(
        "appeals",
        *text("id", "tenant_id", "statement_id", "video_id", "case_id", "account", "request_sha256"),
        *text("end_user", "on_behalf_reason", "idempotency_key", null=True),
        *double("created_at"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("statement_id"),
        sa.UniqueConstraint("case_id"),
        sa.UniqueConstraint("tenant_id", "idempotency_key"),
        sa.Index(None, "tenant_id", "video_id"),
    )
    _reject_changes(", ".join(_FIXED), "a statement is never changed")


def downgrade() -> None:
    op.drop_table("appeals")
    op.drop_table("statements")
    if op.get_bind().dialect.name == "postgresql":
        op.get_bind().exec_driver_sql("DROP FUNCTION statements_fixed()")


def _reject_changes(columns: str, message: str) -> None:
    connection = op.get_bind()
    event = f"BEFORE UPDATE OF {columns} ON statements"
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql(
            f"CREATE TRIGGER statements_fixed {event} BEGIN SELECT RAISE(ABORT, '{message}'); END"
        )
        return
    connection.exec_driver_sql(
        "CREATE FUNCTION statements_fixed() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        f"RAISE EXCEPTION '{message}' USING ERRCODE = 'check_violation'; END $$"
    )
    connection.exec_driver_sql(
        f"CREATE TRIGGER statements_fixed {event} FOR EACH ROW EXECUTE FUNCTION statements_fixed()"
    )
