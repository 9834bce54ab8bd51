"""Checks the database of the durable queue directly, because calls of the queue wait for it without limit."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import psycopg

from safelight.errors import Unavailable
from safelight.metrics import ENGINE_ERRORS

_TIMEOUT_S = 2


def check_engine(url: str) -> None:
    """Check that the database can be read and, on SQLite, written. Raises `Unavailable`."""
    try:
        if url.startswith("sqlite"):
            _check_sqlite(url.removeprefix("sqlite:///"))
        else:
            _check_postgres(url.replace("postgresql+psycopg://", "postgresql://"))
    except (sqlite3.Error, psycopg.Error) as error:
        ENGINE_ERRORS.add("error")
        raise Unavailable(f"The database of the queue cannot be used: {error}.") from error


def _check_sqlite(path: str) -> None:
    with closing(sqlite3.connect(path, timeout=_TIMEOUT_S, isolation_level=None)) as connection:
        # Takes the write lock and changes nothing.
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("ROLLBACK")


def _check_postgres(url: str) -> None:
    limits = f"-c statement_timeout={_TIMEOUT_S * 1000} -c default_transaction_read_only=on"
    with psycopg.connect(url, connect_timeout=_TIMEOUT_S, options=limits) as connection:
        connection.execute("SELECT 1 FROM dbos.workflow_status LIMIT 1")
