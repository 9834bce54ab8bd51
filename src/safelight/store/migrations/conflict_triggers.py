"""Triggers that reject a lease and a decision of a person who may not decide the case.

The services ask the same before they write; the triggers also hold for a fault in the services.
"""

from __future__ import annotations

from sqlalchemy import Connection

#: Each table, its event, and its columns with the case and the person.
_WATCHED = (
    ("decisions", "INSERT", "case_id", "decided_by"),
    ("pending_decisions", "INSERT", "case_id", "decided_by"),
    ("cases", "UPDATE OF leased_by", "id", "leased_by"),
)
_MESSAGE = "this person is involved in the case and may not decide it"


def create(connection: Connection) -> None:
    for table, event, case_id, person in _WATCHED:
        listed = (
            "EXISTS (SELECT 1 FROM case_conflicts c "  # noqa: S608 - the names are constants
            f"WHERE c.case_id = NEW.{case_id} AND c.person = NEW.{person})"
        )
        name = f"{table}_conflicts"
        if connection.dialect.name == "sqlite":
            connection.exec_driver_sql(
                f"CREATE TRIGGER {name} BEFORE {event} ON {table} WHEN {listed} "
                f"BEGIN SELECT RAISE(ABORT, '{_MESSAGE}'); END"
            )
            continue
        connection.exec_driver_sql(
            f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
            f"IF {listed} THEN RAISE EXCEPTION '{_MESSAGE}' USING ERRCODE = 'check_violation'; END IF; "
            f"RETURN NEW; END $$"
        )
        connection.exec_driver_sql(
            f"CREATE TRIGGER {name} BEFORE {event} ON {table} FOR EACH ROW EXECUTE FUNCTION {name}()"
        )


def drop_functions(connection: Connection) -> None:
    """Drop what `DROP TABLE` leaves behind. Call it after the tables are dropped."""
    if connection.dialect.name == "postgresql":
        for table, *_ in _WATCHED:
            connection.exec_driver_sql(f"DROP FUNCTION {table}_conflicts()")
