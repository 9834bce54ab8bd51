"""First migration: the tables of the code, and the triggers that guard some of their rows.

Until the first release, it creates whatever tables the code has; `safelight.store.migrations` rejects a
database that has others. The first release replaces `create_all` by the statements that Alembic generates
from it, because from then on this migration must not change.
"""

from __future__ import annotations

from alembic import op
from sqlalchemy import Connection

from safelight.store.tables import metadata, statements

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

#: Each table, its event, and its columns with the case and the person: the triggers reject a lease and a
#: decision of a person who may not decide the case. The services ask the same before they write; the
#: triggers also hold for a fault in the services.
_DECIDED = (
    ("decisions", "INSERT", "case_id", "decided_by"),
    ("pending_decisions", "INSERT", "case_id", "decided_by"),
    ("cases", "UPDATE OF leased_by", "id", "leased_by"),
)
_INVOLVED = "this person is involved in the case and may not decide it"
#: The columns of a statement that may change: the first two are emptied when the video is deleted.
_ERASED = frozenset({"reason", "facts", "erased_at"})
_FIXED = "a statement is never changed"


def upgrade() -> None:
    connection = op.get_bind()
    metadata.create_all(connection, checkfirst=False)
    for table, event, case_id, person in _DECIDED:
        is_involved = (
            "EXISTS (SELECT 1 FROM case_conflicts c "  # noqa: S608 - the names are constants
            f"WHERE c.case_id = NEW.{case_id} AND c.person = NEW.{person})"
        )
        _reject(connection, f"{table}_conflicts", f"{event} ON {table}", _INVOLVED, when=is_involved)
    fixed = ", ".join(column.name for column in statements.c if column.name not in _ERASED)
    _reject(connection, "statements_fixed", f"UPDATE OF {fixed} ON statements", _FIXED)


def _reject(connection: Connection, name: str, event: str, message: str, *, when: str = "TRUE") -> None:
    """Create a trigger that rejects an event if its row meets a condition."""
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql(
            f"CREATE TRIGGER {name} BEFORE {event} WHEN {when} BEGIN SELECT RAISE(ABORT, '{message}'); END"
        )
        return
    connection.exec_driver_sql(
        f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        f"IF {when} THEN RAISE EXCEPTION '{message}' USING ERRCODE = 'check_violation'; END IF; "
        f"RETURN NEW; END $$"
    )
    connection.exec_driver_sql(f"CREATE TRIGGER {name} BEFORE {event} FOR EACH ROW EXECUTE FUNCTION {name}()")
