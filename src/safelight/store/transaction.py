"""A database transaction whose statements are restricted to one tenant."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Result, Row, Select, Table, func
from sqlalchemy import delete as sql_delete
from sqlalchemy import insert as sql_insert
from sqlalchemy import select as sql_select
from sqlalchemy import update as sql_update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.sql.dml import Delete, Update

from safelight import canonical_json
from safelight.ids import new_id

from .db_errors import translate_db_errors
from .hash_chain import GENESIS, SALT_BYTES, ChainedFields, compute_commitment, hash_entry
from .tables import audit_log, audit_log_contents, audit_log_head, outbox, tenants
from .tenant_scope import INSERTED_FOR, TENANT, ScopeViolation, tenant_column, tenant_condition


class UnspecifiedTenant:
    """The type of the constant `UNSPECIFIED_TENANT`."""


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
        self._numbered: list[tuple[Table, str]] = []
        self._parts: list[Transaction] = []
        self._read_options: dict[str, str] = {}

    def of_tenant(self, tenant: str) -> Transaction:
        """A part of this transaction across tenants that is restricted to one tenant."""
        if self.tenant is not None:
            raise ScopeViolation("a transaction of one tenant cannot use another tenant")
        part = Transaction(self._connection, tenant, clock=self.clock, writing=self._writing)
        part._entries = self._entries
        self._parts.append(part)
        return part

    def of_manager(self) -> Transaction | None:
        """A part of this transaction of one tenant that reads the rows of the tenant that manages it, if any.

        The manager's people act in this tenant, so what they may do here depends on rows of their own tenant.
        """
        if self.tenant is None:
            raise ScopeViolation("a transaction across tenants has no manager")
        own = self.one(tenants)
        if own is None or own.managed_by is None:
            return None
        part = Transaction(self._connection, own.managed_by, clock=self.clock, writing=False)
        part._read_options = {TENANT: own.managed_by}
        return part

    def now(self) -> float:
        return self.clock()

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        """A part of the transaction that is rolled back alone if it raises. Errors are translated."""
        entries, numbered = len(self._entries), len(self._numbered)
        try:
            with translate_db_errors(), self._connection.begin_nested():
                yield
        except BaseException:
            del self._entries[entries:], self._numbered[numbered:]
            raise

    def select(
        self,
        table: Table,
        *where: ColumnElement[bool],
        columns: Sequence[ColumnElement[Any]] | None = None,
        order_by: Iterable[ColumnElement[Any]] = (),
        limit: int | None = None,
        lock: bool = False,
        skip_locked: bool = False,
    ) -> list[Row[Any]]:
        """Read the rows that meet all conditions.

        `lock` locks these rows until the end of the transaction.
        """
        statement = self._scoped_select(table, columns if columns is not None else (table,), where)
        statement = statement.order_by(*order_by).limit(limit)
        if lock:
            statement = statement.with_for_update(skip_locked=skip_locked)
        return list(self._connection.execute(statement, execution_options=self._read_options).all())

    def one(self, table: Table, *where: ColumnElement[bool], lock: bool = False) -> Row[Any] | None:
        """The only row that meets all conditions, or None. Raises `LookupError` if several rows meet them."""
        rows = self.select(table, *where, limit=2, lock=lock)
        if len(rows) > 1:
            raise LookupError(
                f"several rows of {table.name} meet the conditions, but at most one is expected"
            )
        return rows[0] if rows else None

    def count(self, table: Table, *where: ColumnElement[bool]) -> int:
        statement = self._scoped_select(table, [func.count()], where)
        return int(self._connection.execute(statement, execution_options=self._read_options).scalar_one())

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

    def update(self, table: Table, *where: ColumnElement[bool], **values: Any) -> int:
        """Change the rows that meet all conditions. Returns the number of changed rows."""
        column = tenant_column(table)
        if column is not None and str(column.key) in values:
            raise ScopeViolation("the tenant of a row cannot be changed")
        statement: Update = sql_update(table).where(*self._scope(table, reading=False), *where)
        return int(self._connection.execute(statement.values(values)).rowcount)

    def delete(self, table: Table, *where: ColumnElement[bool]) -> int:
        """Delete the rows that meet all conditions. Returns the number of deleted rows."""
        statement: Delete = sql_delete(table).where(*self._scope(table, reading=False), *where)
        return int(self._connection.execute(statement).rowcount)

    def execute(self, statement: Select[Any]) -> Result[Any]:
        """Run another query, such as a join.

        The query must contain the conditions from `tenant_condition`.
        """
        if not isinstance(statement, Select):
            raise ScopeViolation("execute() takes only SELECT statements")
        return self._connection.execute(statement, execution_options=self._read_options)

    def tenant_condition(self, table: Table) -> tuple[ColumnElement[bool], ...]:
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

    def number_at_commit(self, table: Table, identity: str) -> None:
        """Give this new row the next number (`seq`) of its table in the tenant when the transaction commits.

        Numbers are given in the order of the commits, so a reader who goes on after a number misses no row.
        """
        self._must_write()
        self._numbered.append((table, identity))

    def flush_log(self) -> None:
        """Write the audit entries and the numbers of new rows of this transaction.

        Called last, so that the row with the end of the hash chain is locked only briefly.
        """
        for part in self._parts:
            part.flush_log()
        if not self._entries and not self._numbered:
            return
        self._connection.execute(_insert_first_head(self.is_postgres))
        head = self._connection.execute(
            sql_select(audit_log_head).where(audit_log_head.c.id == 1).with_for_update()
        ).one()
        for table, identity in self._numbered:
            newest = self.execute(sql_select(func.max(table.c.seq)).where(*self.tenant_condition(table)))
            self.update(table, table.c.id == identity, table.c.seq.is_(None), seq=(newest.scalar() or 0) + 1)
        self._numbered.clear()
        if not self._entries:
            return
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

    def _scope(self, table: Table, *, reading: bool) -> tuple[ColumnElement[bool], ...]:
        return () if self.tenant is None else tenant_condition(table, self.tenant, reading=reading)

    def _scoped_select(
        self, table: Table, columns: Sequence[Any], where: Sequence[ColumnElement[bool]]
    ) -> Select[Any]:
        return sql_select(*columns).select_from(table).where(*self._scope(table, reading=True), *where)

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
