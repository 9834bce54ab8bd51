"""The database: transactions on SQLite or PostgreSQL, each restricted to the rows of one tenant."""

from __future__ import annotations

import itertools
import logging
import secrets
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeAlias

from sqlalchemy import (
    URL,
    ColumnElement,
    Connection,
    Engine,
    Result,
    Select,
    Table,
    create_engine,
    event,
    extract,
    func,
    make_url,
    text,
)
from sqlalchemy import Row as SqlRow
from sqlalchemy import delete as sql_delete
from sqlalchemy import insert as sql_insert
from sqlalchemy import select as sql_select
from sqlalchemy import update as sql_update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.sql.dml import Delete, Update

from safelight.core import canonical_json
from safelight.core.backoff import Backoff
from safelight.core.errors import SettingsError, Unavailable
from safelight.core.ids import is_id, new_id

from .connection_turns import ConnectionTurns
from .db_errors import translate_db_errors
from .hash_chain import GENESIS, SALT_BYTES, ChainedFields, compute_commitment, hash_entry
from .shared_clock import SharedClock
from .tables import audit_log, audit_log_contents, audit_log_head, outbox
from .tenant_scope import (
    ACROSS,
    INSERTED_FOR,
    TENANT,
    WRITE,
    ScopeViolation,
    enforce_tenant_scope,
    tenant_column,
    tenant_condition,
)

_log = logging.getLogger(__name__)
#: A row that was read, with the columns of the query as attributes.
Row: TypeAlias = SqlRow[Any]
#: Connections that this user may open at once in this database, and those that all have now.
_CONNECTIONS = text("""
    SELECT least(
        current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int
            - coalesce(current_setting('reserved_connections', true)::int, 0),
        (SELECT nullif(rolconnlimit, -1) FROM pg_roles WHERE rolname = current_user),
        (SELECT nullif(datconnlimit, -1) FROM pg_database WHERE datname = current_database())
    ), (SELECT sum(numbackends) FROM pg_stat_database)
""")
_SERVER_TIME = sql_select(extract("epoch", func.clock_timestamp()))
#: Retries for the first connection, which enables write-ahead logging.
_WAL_RETRY = Backoff(delays_s=(0.02,), max_attempts=100)

#: Keepalive probes: the first after this silence, one after each interval, and the number without an answer.
_PROBES = {"keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 4}
#: The server ends the session of a machine that lost power after 30 s, which frees its locks. Without these
#: it takes more than two hours.
_SESSION_LIMITS = {
    **{f"tcp_{name}": value for name, value in _PROBES.items()},
    "tcp_user_timeout": 30_000,
    "idle_in_transaction_session_timeout": 60_000,
}
#: Shorter: a process that is cut off from the server must stop its steps before another one can get its lock.
_CLIENT_TIMEOUT_MS = 20_000

# The connections to PostgreSQL, and the SQLAlchemy engine, configured so that committed data survive a power
# failure.


def postgres_arguments(url: str, *, wait_s: float = 10.0) -> dict[str, Any]:
    """Arguments of libpq for a connection; those that the URL has itself are left out."""
    ours = {
        "application_name": "safelight",
        "connect_timeout": max(2, round(wait_s)),
        "keepalives": 1,
        **_PROBES,
        "tcp_user_timeout": _CLIENT_TIMEOUT_MS,
    }
    named = make_url(url).query
    return {name: value for name, value in ours.items() if name not in named}


def limit_session(connection: Any, _record: object = None) -> None:
    """Limit a new PostgreSQL session on the server, except where the `options` of the connection do.

    By a statement, because a pooler may refuse start-up options.
    """
    own = connection.info.options
    limits = [(name, str(value)) for name, value in _SESSION_LIMITS.items() if name not in own]
    try:
        for limit in limits:
            connection.execute("SELECT set_config(%s, %s, false)", limit)
        connection.commit()
    except connection.Error as error:
        _log.warning("PostgreSQL did not take the limits of a session, and locks may last longer: %s", error)
        connection.rollback()


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
            connect_args=postgres_arguments(url, wait_s=wait_s),
            pool_events=[(limit_session, "connect")],
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


# A database transaction whose statements are restricted to one tenant.


class UnspecifiedTenant:
    """The type of the constant `UNSPECIFIED_TENANT`."""


#: A condition on the rows of a table.
Filter: TypeAlias = ColumnElement[bool]
#: The same, or the id of the row.
Condition: TypeAlias = Filter | str

#: Default of the argument `tenant`. It is not None, because None means the whole installation.
UNSPECIFIED_TENANT = UnspecifiedTenant()


@dataclass(frozen=True, kw_only=True)
class _Entry:
    """An audit entry that waits to be written at the end of the transaction."""

    at: float
    tenant_id: str | None
    event: str
    subject: str
    actor: str
    content: bytes


class Transaction:
    """Statements that are committed together or not at all.

    In a transaction of one tenant, `tenant_id` is added to every condition and every new row. In a
    transaction across tenants (`Database.across_tenants`), statements apply to all rows, and every new row of
    a table with tenants must have a `tenant_id` (None: the whole installation).
    """

    def __init__(
        self, connection: Connection, tenant: str | None, *, clock: Callable[[], float], writing: bool
    ) -> None:
        self.tenant = tenant
        self.clock = clock
        self._connection = connection
        self._writing = writing
        self._entries: list[_Entry] = []
        self._parts: list[Transaction] = []

    def of_tenant(self, tenant: str) -> Transaction:
        """A part of this transaction across tenants that is restricted to one tenant."""
        if self.tenant is not None:
            raise ScopeViolation("a transaction of one tenant cannot use another tenant")
        part = Transaction(self._connection, tenant, clock=self.clock, writing=self._writing)
        part._entries = self._entries
        self._parts.append(part)
        return part

    def now(self) -> float:
        return self.clock()

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        """A part of the transaction that is rolled back alone if it raises. Errors are translated."""
        entries = len(self._entries)
        try:
            with translate_db_errors(), self._connection.begin_nested():
                yield
        except BaseException:
            del self._entries[entries:]
            raise

    def select(
        self,
        table: Table,
        *where: Condition,
        columns: Sequence[ColumnElement[Any]] | None = None,
        order_by: Iterable[ColumnElement[Any]] = (),
        limit: int | None = None,
        lock: bool = False,
        skip_locked: bool = False,
    ) -> list[Row]:
        """Read the rows that meet all conditions.

        `lock` locks these rows until the end of the transaction.
        """
        statement = self._scoped_select(table, columns if columns is not None else (table,), where)
        statement = statement.order_by(*order_by).limit(limit)
        if lock:
            statement = statement.with_for_update(skip_locked=skip_locked)
        return list(self._connection.execute(statement).all())

    def one(self, table: Table, *where: Condition, lock: bool = False) -> Row | None:
        """The only row that meets all conditions, or None. Raises `LookupError` if several rows meet them."""
        rows = self.select(table, *where, limit=2, lock=lock)
        if len(rows) > 1:
            raise LookupError(
                f"several rows of {table.name} meet the conditions, but at most one is expected"
            )
        return rows[0] if rows else None

    def find(
        self, table: Table, kind: str, identity: str, *where: Condition, lock: bool = False
    ) -> Row | None:
        """The row with this id, if it meets all conditions; None for a text that is no id of this kind."""
        return self.one(table, identity, *where, lock=lock) if is_id(identity, kind) else None

    def count(self, table: Table, *where: Condition) -> int:
        statement = self._scoped_select(table, [func.count()], where)
        return int(self._connection.execute(statement).scalar_one())

    def insert(self, table: Table, **values: Any) -> None:
        """Add one row. Raises `sqlalchemy.exc.IntegrityError` if it violates a constraint."""
        row = _with_tenant(table, values, self.tenant)
        self._connection.execute(sql_insert(table).values(row), execution_options={INSERTED_FOR: self.tenant})

    def insert_all(self, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
        """Add rows in one statement. Raises `sqlalchemy.exc.IntegrityError` like `insert`."""
        if rows:
            values = [_with_tenant(table, dict(row), self.tenant) for row in rows]
            self._connection.execute(sql_insert(table), values, execution_options={INSERTED_FOR: self.tenant})

    def insert_or_ignore(self, table: Table, **values: Any) -> bool:
        """Add one row unless a row with the same key exists. Returns whether the row was added."""
        build = postgresql.insert if self.is_postgres else sqlite.insert
        statement = build(table).values(_with_tenant(table, values, self.tenant)).on_conflict_do_nothing()
        options = {INSERTED_FOR: self.tenant, "preserve_rowcount": True}
        return bool(self._connection.execute(statement, execution_options=options).rowcount == 1)

    def update(self, table: Table, *where: Condition, **values: Any) -> int:
        """Change the rows that meet all conditions. Returns the number of changed rows."""
        column = tenant_column(table)
        if column is not None and str(column.key) in values:
            raise ScopeViolation("the tenant of a row cannot be changed")
        statement: Update = sql_update(table).where(*self._conditions(table, where, reading=False))
        return int(self._connection.execute(statement.values(values)).rowcount)

    def delete(self, table: Table, *where: Condition) -> int:
        """Delete the rows that meet all conditions. Returns the number of deleted rows."""
        statement: Delete = sql_delete(table).where(*self._conditions(table, where, reading=False))
        return int(self._connection.execute(statement).rowcount)

    def execute(self, statement: Select[Any]) -> Result[Any]:
        """Run another query, such as a join.

        The query must contain the conditions from `tenant_condition`.
        """
        if not isinstance(statement, Select):
            raise ScopeViolation("execute() takes only SELECT statements")
        return self._connection.execute(statement)

    def tenant_condition(self, table: Table) -> tuple[Filter, ...]:
        """The condition on `table` that a query for `execute` must contain."""
        return self._scope(table, reading=True)

    def append_audit(
        self,
        event: str,
        *,
        subject: str,
        actor: str,
        content: Mapping[str, Any],
        tenant: str | UnspecifiedTenant | None = UNSPECIFIED_TENANT,
    ) -> None:
        """Append an entry to the audit log, which is committed with this transaction.

        `subject` and `actor` are ids and cannot be erased. `content` is stored separately with a salt and can
        be erased. `tenant` is needed in a transaction across tenants (None: the whole installation).
        """
        self._must_write()
        self._entries.append(
            _Entry(
                at=self.now(),
                tenant_id=self._resolve_tenant(tenant),
                event=event,
                subject=subject,
                actor=actor,
                content=canonical_json.encode(content),
            )
        )

    def publish(
        self,
        topic: str,
        *,
        subject: str,
        body: Mapping[str, Any],
        due_at: float | None = None,
        tenant: str | UnspecifiedTenant | None = UNSPECIFIED_TENANT,
    ) -> str:
        """Put a message into the outbox.

        It is sent only if this transaction commits. Returns the id of the message.
        """
        message = new_id("event")
        now = self.now()
        values = {
            "id": message,
            "topic": topic,
            "subject": subject,
            "body": canonical_json.encode(body),
            "created_at": now,
        }
        if self.tenant is None:
            values["tenant_id"] = self._resolve_tenant(tenant)
        self.insert(outbox, **values, due_at=now if due_at is None else due_at)
        return message

    def flush_log(self) -> None:
        """Write the audit entries of this transaction.

        Called last, so that the row with the end of the hash chain is locked only briefly.
        """
        for part in self._parts:
            part.flush_log()
        if not self._entries:
            return
        self._connection.execute(_insert_first_head(self.is_postgres))
        head = self._connection.execute(
            sql_select(audit_log_head).where(audit_log_head.c.id == 1).with_for_update()
        ).one()
        entries, contents = _chain(self._entries, head.seq, head.hash)
        options = {INSERTED_FOR: self.tenant}
        self._connection.execute(sql_insert(audit_log), entries, execution_options=options)
        self._connection.execute(sql_insert(audit_log_contents), contents, execution_options=options)
        self._connection.execute(
            sql_update(audit_log_head)
            .where(audit_log_head.c.id == 1)
            .values(seq=entries[-1]["seq"], hash=entries[-1]["hash"])
        )
        self._entries.clear()

    @property
    def is_postgres(self) -> bool:
        return self._connection.dialect.name == "postgresql"

    def _must_write(self) -> None:
        if not self._writing:
            raise ScopeViolation("a read transaction cannot write")

    def _scope(self, table: Table, *, reading: bool) -> tuple[Filter, ...]:
        return () if self.tenant is None else tenant_condition(table, self.tenant, reading=reading)

    def _scoped_select(self, table: Table, columns: Sequence[Any], where: Sequence[Condition]) -> Select[Any]:
        return sql_select(*columns).select_from(table).where(*self._conditions(table, where, reading=True))

    def _conditions(self, table: Table, where: Sequence[Condition], *, reading: bool) -> Iterator[Filter]:
        yield from self._scope(table, reading=reading)
        for one in where:
            yield one if isinstance(one, ColumnElement) else table.c.id == one

    def _resolve_tenant(self, tenant: str | UnspecifiedTenant | None) -> str | None:
        if isinstance(tenant, UnspecifiedTenant):
            return self.tenant
        if self.tenant is not None and tenant != self.tenant:
            raise ScopeViolation("a transaction of one tenant cannot write rows of another tenant")
        return tenant


def _with_tenant(table: Table, values: dict[str, Any], tenant: str | None) -> dict[str, Any]:
    """The values of a new row, with the tenant of the transaction."""
    column = tenant_column(table)
    if column is None:
        return values
    key = str(column.key)
    if tenant is None:
        if key not in values:
            raise ScopeViolation(f"a new row of {table.name} needs a {key} in a transaction across tenants")
        return values
    if values.get(key, tenant) != tenant:
        raise ScopeViolation("a transaction of one tenant cannot write rows of another tenant")
    return {**values, key: tenant}


def _chain(
    new: Sequence[_Entry], seq: int, previous: str
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The rows of new audit entries after the entry `seq`, and the rows of their contents."""
    entries, contents = [], []
    for entry in new:
        seq += 1
        salt = secrets.token_bytes(SALT_BYTES)
        fields = ChainedFields(
            seq=seq,
            at=entry.at,
            tenant_id=entry.tenant_id,
            event=entry.event,
            subject=entry.subject,
            actor=entry.actor,
            commitment=compute_commitment(salt, entry.content),
            previous=previous,
        )
        previous = hash_entry(fields)
        entries.append({**asdict(fields), "hash": previous})
        contents.append({"seq": seq, "tenant_id": entry.tenant_id, "salt": salt, "content": entry.content})
    return entries, contents


def _insert_first_head(postgres: bool) -> Any:
    build = postgresql.insert if postgres else sqlite.insert
    return build(audit_log_head).values(id=1, seq=0, hash=GENESIS).on_conflict_do_nothing()


class Database:
    """A database by its URL: `sqlite:///path/to/file` or `postgresql://user@host/name`.

    The connection is opened on first use. `migrations.migrate` creates the tables.
    """

    def __init__(
        self,
        url: str,
        *,
        clock: Callable[[], float] | None = None,
        wait_s: float = 10.0,
        connections: int = 16,
    ) -> None:
        self.url = url
        self._wait_s = wait_s
        self._engine: Engine = make_engine(url, wait_s=wait_s, connections=connections)
        self._turns = ConnectionTurns(connections, wait_s=wait_s)
        self.clock = clock or (time.time if self.is_sqlite else SharedClock())
        #: SQLite allows one writer at a time: threads of this process wait for this lock instead of polling a
        #: locked file.
        self._writer = threading.Lock() if self.is_sqlite else None
        self._writer_thread: int | None = None
        #: The connection that `version` asks, with a lock of its own: it is no part of any transaction.
        self._version_lock = threading.Lock()
        self._version_connection: sqlite3.Connection | None = None

    @property
    def is_sqlite(self) -> bool:
        return self._engine.dialect.name == "sqlite"

    @property
    def path(self) -> Path | None:
        """The file of an SQLite database; None for PostgreSQL."""
        return Path(self._engine.url.database or "") if self.is_sqlite else None

    def read_connections(self) -> tuple[int, int] | None:
        """How many connections PostgreSQL allows this user, and how many all users have now."""
        if self.is_sqlite:
            return None
        with self.raw_connection(readonly=True) as connection:
            allowed, used = connection.execute(_CONNECTIONS).one()
        return int(allowed), int(used)

    def version(self) -> int | None:
        """A number that every commit changes, of any process. None: not known, as on PostgreSQL.

        Takes some microseconds: a part without work asks for it instead of reading its tables.
        """
        if not self.is_sqlite:
            return None
        with self._version_lock:
            try:
                if self._version_connection is None:
                    # A pooled connection would not see the commits that it makes itself.
                    self._version_connection = sqlite3.connect(str(self.path), check_same_thread=False)
                return int(self._version_connection.execute("PRAGMA data_version").fetchone()[0])
            except sqlite3.Error:
                # The next transaction reports the error.
                return None

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
        with self._version_lock:
            if self._version_connection is not None:
                self._version_connection.close()
                self._version_connection = None

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
        with (
            translate_db_errors(),
            self._write_turn(writing),
            self._turns.hold(),
            self._engine.connect() as connection,
        ):
            options = {TENANT: tenant, ACROSS: tenant is None, WRITE: writing}
            if not writing and not self.is_sqlite:
                options |= {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
            connection.execution_options(**options)
            with foreign_keys_off(connection) if rebuilding else nullcontext(), connection.begin():
                if isinstance(self.clock, SharedClock) and self.clock.is_due():
                    self.clock.read(lambda: float(connection.scalar(_SERVER_TIME) or 0))
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
