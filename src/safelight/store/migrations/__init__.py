"""Bringing a database to this version's tables, under a lock, and refusing one from the future."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import Connection
from sqlalchemy import inspect as inspect_connection

from safelight.errors import DatabaseDamaged, DatabaseTooNew

from ..database import Database
from ..db_errors import RESTORE

if TYPE_CHECKING:
    from alembic.config import Config

#: The newest migration. Known here, so that an up-to-date database starts without loading Alembic.
HEAD = "0006"

#: Whoever holds this PostgreSQL advisory lock migrates; it ends with the transaction.
_LOCK = 0x5AFE_1165
#: Larger SQLite files are checked by `safelight doctor`, not at every start.
_QUICK_CHECK_BYTES = 128 * 1024 * 1024


def migrate(database: Database) -> None:
    """Bring an empty or older database to this version's tables; one process does it, others wait.

    Raises `DatabaseTooNew` or `DatabaseDamaged`, with a remedy.
    """
    check(database, thorough=False)
    # Looking first: a verb that starts beside a busy gateway need not wait for its turn to write.
    with database.raw_connection(readonly=True) as connection:
        if version(connection) == HEAD:
            return
    with database.raw_connection() as connection:
        if connection.dialect.name == "postgresql":
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_LOCK})")
        found = version(connection)
        if found == HEAD:
            return
        if found is None and "videos" in inspect_connection(connection).get_table_names():
            raise DatabaseDamaged(
                "The database has tables, but does not say of which version.", remedy=RESTORE
            )
        _upgrade(connection, found)


def check(database: Database, *, thorough: bool) -> None:
    """Raise `DatabaseDamaged` where the file is no sound database. A large one is read only if `thorough`."""
    path = database.path
    if path is None or not path.exists():
        return
    if not thorough and path.stat().st_size > _QUICK_CHECK_BYTES:
        return
    with database.raw_connection(readonly=True) as connection:
        said = connection.exec_driver_sql("PRAGMA quick_check(1)").scalar_one()
    if said != "ok":
        raise DatabaseDamaged(f"The database {path} is damaged: {said}", remedy=RESTORE)


def version(connection: Connection) -> str | None:
    """The migration this database is at, or None for an empty one."""
    if "alembic_version" not in inspect_connection(connection).get_table_names():
        return None
    found = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar_one_or_none()
    return None if found is None else str(found)


def configuration(connection: Connection) -> Config:
    """Alembic's configuration for our migrations, on this connection."""
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", "safelight.store:migrations")
    config.attributes["connection"] = connection
    return config


def _upgrade(connection: Connection, found: str | None) -> None:
    from alembic import command
    from alembic.script import ScriptDirectory

    config = configuration(connection)
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if found is not None and found not in known:
        raise DatabaseTooNew(
            f"The database is of version {found}, newer than this Safelight knows ({HEAD}).",
            remedy="Start the newer Safelight, or restore a backup from before it.",
        )
    command.upgrade(config, "head")
    if connection.dialect.name == "sqlite" and connection.exec_driver_sql("PRAGMA foreign_key_check").first():
        raise DatabaseDamaged("The database has rows that point to nothing.", remedy=RESTORE)
