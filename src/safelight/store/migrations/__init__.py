"""Creates the tables of a database under a lock, and rejects a database of another version."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import Connection
from sqlalchemy import inspect as inspect_connection

from safelight.core.errors import DatabaseDamaged, DatabaseVersionUnknown

from ..database import Database
from ..db_errors import RESTORE_REMEDY
from ..tables import metadata

if TYPE_CHECKING:
    from alembic.config import Config

#: The id of the newest migration. It is repeated here, so that an up-to-date database starts without loading
#: Alembic.
HEAD = "0001"

#: Key of the PostgreSQL advisory lock that the migrating process holds until its transaction ends.
_MIGRATION_LOCK = 0x5AFE_1165
#: Maximum size of an SQLite file that is checked at each start. `safelight doctor` checks larger files too.
_MAX_QUICK_CHECK_BYTES = 128 * 1024 * 1024

_COLUMNS = {
    "sqlite": "SELECT t.name, c.name FROM sqlite_master t, pragma_table_info(t.name) c"
    " WHERE t.type = 'table'",
    # information_schema would leave out the tables that a user for scans may not read.
    "postgresql": "SELECT t.relname, c.attname FROM pg_class t JOIN pg_attribute c ON c.attrelid = t.oid"
    " WHERE t.relnamespace = current_schema()::regnamespace AND t.relkind = 'r' AND c.attnum > 0"
    " AND NOT c.attisdropped",
}


def migrate(database: Database) -> None:
    """Create or upgrade the tables. One process does it; other processes wait for it.

    Raises `DatabaseVersionUnknown` or `DatabaseDamaged`.
    """
    check(database, thorough=False)
    # Only read first: then a command that starts while a gateway writes does not have to wait for the write
    # lock.
    with database.raw_connection(readonly=True) as connection:
        if is_current(connection):
            return
    with database.raw_connection() as connection:
        if connection.dialect.name == "postgresql":
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_MIGRATION_LOCK})")
        if is_current(connection):
            return
        if version(connection) is None and "videos" in inspect_connection(connection).get_table_names():
            raise DatabaseDamaged("The database has tables, but no version number.", remedy=RESTORE_REMEDY)
        _upgrade(connection)


def check(database: Database, *, thorough: bool) -> None:
    """Raise `DatabaseDamaged` if SQLite finds an error in its file.

    Large files are checked only if `thorough`.
    """
    path = database.path
    if path is None or not path.exists():
        return
    if not thorough and path.stat().st_size > _MAX_QUICK_CHECK_BYTES:
        return
    with database.raw_connection(readonly=True) as connection:
        result = connection.exec_driver_sql("PRAGMA quick_check(1)").scalar_one()
    if result != "ok":
        raise DatabaseDamaged(f"The database {path} is damaged: {result}", remedy=RESTORE_REMEDY)


def is_current(connection: Connection) -> bool:
    """Whether the database has the tables of this version; False if it has no tables yet.

    Raises `DatabaseVersionUnknown` if the database has a migration or columns that this version does not
    know. The columns are compared because the first migration creates the tables of the code until the first
    release.
    """
    found = version(connection)
    if found is None:
        return False
    if found != HEAD or not _has_our_columns(connection):
        remedy = "Start with a new data directory."
        if connection.dialect.name == "postgresql":
            remedy = "Start with a new data directory and an empty PostgreSQL database."
        raise DatabaseVersionUnknown(
            "This database was made by an unreleased version of Safelight.", remedy=remedy
        )
    return True


def version(connection: Connection) -> str | None:
    """The newest migration that was applied to this database; None for an empty database."""
    if "alembic_version" not in inspect_connection(connection).get_table_names():
        return None
    found = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar_one_or_none()
    return None if found is None else str(found)


def configuration(connection: Connection) -> Config:
    """The configuration of Alembic for our migrations on this connection."""
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", "safelight.store:migrations")
    config.attributes["connection"] = connection
    return config


def _has_our_columns(connection: Connection) -> bool:
    rows = connection.exec_driver_sql(_COLUMNS[connection.dialect.name])
    found = {(table, column) for table, column in rows if table in metadata.tables}
    return found == {(table.name, column.name) for table in metadata.tables.values() for column in table.c}


def _upgrade(connection: Connection) -> None:
    from alembic import command

    command.upgrade(configuration(connection), "head")
    if connection.dialect.name == "sqlite" and connection.exec_driver_sql("PRAGMA foreign_key_check").first():
        raise DatabaseDamaged("The database has rows that refer to missing rows.", remedy=RESTORE_REMEDY)
