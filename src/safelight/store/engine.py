"""The SQLAlchemy engine, configured so that committed data survive a power failure."""

from __future__ import annotations

import itertools
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url

from safelight.backoff import Backoff
from safelight.errors import SettingsError

from .tenant_scope import WRITE, enforce_tenant_scope

#: Retries for the first connection, which enables write-ahead logging.
_WAL_RETRY = Backoff(delays_s=(0.02,), max_attempts=100)


def make_engine(url: str, *, wait_s: float, connections: int) -> Engine:
    """Create an engine with our settings and the tenant check. The connection is opened on first use.

    Errors do not contain the parameters of a statement, because they are logged and may hold a prompt.
    """
    parsed = _parse(url)
    if parsed.get_backend_name() == "sqlite":
        engine = create_engine(
            parsed,
            connect_args={"timeout": wait_s, "check_same_thread": False},
            pool_size=connections,
            max_overflow=0,
            pool_timeout=wait_s,
            hide_parameters=True,
        )
        _configure_sqlite(engine)
    else:
        engine = create_engine(
            parsed,
            pool_size=connections,
            max_overflow=0,
            pool_timeout=wait_s,
            pool_pre_ping=True,
            hide_parameters=True,
            isolation_level="READ COMMITTED",
            connect_args={"connect_timeout": max(2, round(wait_s)), "application_name": "safelight"},
        )
    enforce_tenant_scope(engine)
    return engine


def _parse(url: str) -> URL:
    try:
        parsed = make_url(url)
    except Exception as error:
        raise SettingsError(
            "The database URL cannot be parsed.",
            remedy="Write sqlite:///path or postgresql://user@host/name.",
        ) from error
    backend = parsed.get_backend_name()
    if backend == "sqlite" and parsed.database and parsed.database != ":memory:":
        return parsed.set(drivername="sqlite")
    if backend in ("postgresql", "postgres"):
        return parsed.set(drivername="postgresql+psycopg")
    raise SettingsError(
        f"Databases of the kind {backend!r} are not supported.",
        remedy="Write sqlite:///path or postgresql://user@host/name.",
    )


def _enable_write_ahead_log(connection: sqlite3.Connection) -> None:
    # If several first connections run at once, SQLite reports "locked" here immediately and ignores the
    # timeout.
    for failures in itertools.count(1):
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or _WAL_RETRY.is_exhausted(failures):
                raise
            time.sleep(_WAL_RETRY.delay_s(failures))


@contextmanager
def foreign_keys_off(connection: Connection) -> Iterator[None]:
    """Context manager that turns off the foreign key checks of SQLite, so that a table can be rebuilt.

    Enter it before the transaction begins and leave it after the transaction ends. Without it, a table to
    which other tables refer cannot be replaced.
    """
    raw: Any = connection.connection.driver_connection
    if connection.dialect.name != "sqlite":
        yield
        return
    raw.execute("PRAGMA foreign_keys=OFF")
    try:
        yield
    finally:
        raw.execute("PRAGMA foreign_keys=ON")


def _configure_sqlite(engine: Engine) -> None:
    @event.listens_for(engine, "connect")
    def settings(connection: sqlite3.Connection, _record: Any) -> None:
        # The driver begins a transaction late and without the write lock. We therefore turn that off and send
        # BEGIN.
        connection.isolation_level = None
        _enable_write_ahead_log(connection)
        for pragma in (
            "synchronous=FULL",
            "foreign_keys=ON",
            "temp_store=MEMORY",
            "journal_size_limit=67108864",
        ):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        writing = connection.get_execution_options().get(WRITE)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")
