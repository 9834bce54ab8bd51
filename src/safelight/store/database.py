"""The database: transactions on SQLite or PostgreSQL, each restricted to the rows of one tenant."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

from sqlalchemy import Connection, Engine

from safelight.errors import Unavailable

from .db_errors import translate_db_errors
from .engine import foreign_keys_off, make_engine
from .tenant_scope import ACROSS, TENANT, WRITE, ScopeViolation
from .transaction import Transaction

_log = logging.getLogger(__name__)


class Database:
    """A database by its URL: `sqlite:///path/to/file` or `postgresql://user@host/name`.

    The connection is opened on first use. `migrations.migrate` creates the tables.
    """

    def __init__(
        self, url: str, *, clock: Callable[[], float] = time.time, wait_s: float = 10.0, connections: int = 16
    ) -> None:
        self.url = url
        self.clock = clock
        self._wait_s = wait_s
        self._engine: Engine = make_engine(url, wait_s=wait_s, connections=connections)
        #: SQLite allows one writer at a time: threads of this process wait for this lock instead of polling a
        #: locked file.
        self._writer = threading.Lock() if self.is_sqlite else None
        self._writer_thread: int | None = None

    @property
    def is_sqlite(self) -> bool:
        return self._engine.dialect.name == "sqlite"

    @property
    def path(self) -> Path | None:
        """The file of an SQLite database; None for PostgreSQL."""
        return Path(self._engine.url.database or "") if self.is_sqlite else None

    @contextmanager
    def transaction(self, tenant: str) -> Iterator[Transaction]:
        """Open a transaction that reads and writes the rows of one tenant.

        It is committed at the end, and rolled back on any exception. On SQLite no other transaction can write
        meanwhile. On PostgreSQL, lock rows with `select(lock=True)`, or change them by compare-and-set.
        Raises `Unavailable` after a conflict with another transaction: then nothing was changed, and the
        caller may retry.
        """
        if not tenant:
            raise ScopeViolation("a transaction needs a tenant id")
        with self._open(tenant, writing=True) as tx:
            yield tx

    @contextmanager
    def read_transaction(self, tenant: str) -> Iterator[Transaction]:
        """Open a transaction that reads the rows of one tenant in one snapshot.

        Writing raises `ScopeViolation`.
        """
        if not tenant:
            raise ScopeViolation("a transaction needs a tenant id")
        with self._open(tenant, writing=False) as tx:
            yield tx

    @contextmanager
    def across_tenants(self, reason: str, *, readonly: bool = False) -> Iterator[Transaction]:
        """Open a transaction on the rows of all tenants.

        For the sweeper, authentication and the verification of the audit log. `reason` is written to the
        debug log.
        """
        if not reason:
            raise ScopeViolation("a transaction across tenants needs a reason")
        _log.debug("across tenants: %s", reason)
        with self._open(None, writing=not readonly) as tx:
            yield tx

    @contextmanager
    def raw_connection(self, *, readonly: bool = False) -> Iterator[Connection]:
        """Open a connection in one transaction without tenant checks, for migrations and tests."""
        with self._connection(None, writing=not readonly, rebuilding=not readonly) as connection:
            yield connection

    def close(self) -> None:
        self._engine.dispose()

    @contextmanager
    def _open(self, tenant: str | None, *, writing: bool) -> Iterator[Transaction]:
        with self._connection(tenant, writing=writing) as connection:
            tx = Transaction(connection, tenant, clock=self.clock, writing=writing)
            yield tx
            tx.flush_log()

    @contextmanager
    def _connection(
        self, tenant: str | None, *, writing: bool, rebuilding: bool = False
    ) -> Iterator[Connection]:
        with translate_db_errors(), self._write_turn(writing), self._engine.connect() as connection:
            options = {TENANT: tenant, ACROSS: tenant is None, WRITE: writing}
            if not writing and not self.is_sqlite:
                options |= {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
            connection.execution_options(**options)
            with foreign_keys_off(connection) if rebuilding else nullcontext(), connection.begin():
                yield connection

    @contextmanager
    def _write_turn(self, writing: bool) -> Iterator[None]:
        if not writing or self._writer is None:
            yield
            return
        if self._writer_thread == threading.get_ident():
            raise ScopeViolation("a transaction inside another transaction would deadlock")
        if not self._writer.acquire(timeout=self._wait_s):
            raise Unavailable("The database is busy; nothing was changed.", retry_after_s=0.5)
        self._writer_thread = threading.get_ident()
        try:
            yield
        finally:
            self._writer_thread = None
            self._writer.release()
