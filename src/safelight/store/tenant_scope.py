"""No query without a tenant: what every statement must carry, and the guard that refuses one without."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy import (
    Alias,
    ColumnElement,
    Connection,
    Delete,
    Engine,
    FromClause,
    Insert,
    Join,
    Select,
    Table,
    TextClause,
    Update,
    event,
    or_,
)
from sqlalchemy.sql import operators, visitors
from sqlalchemy.sql.elements import BooleanClauseList, Grouping

#: Execution options of a connection: whose rows, whether it may see everybody's, whether it may write.
TENANT = "safelight_tenant"
ACROSS = "safelight_across"
WRITE = "safelight_write"
#: Execution option of an insert: the tenant its row was given.
INSERTED_FOR = "safelight_inserted_for"


class ScopeViolation(RuntimeError):
    """A statement that could touch another tenant's rows.

    Not in the error tree: it is a mistake in our code, and never caused by a request.
    """


def tenant_column(source: FromClause) -> ColumnElement[Any] | None:
    """The column that says whose row it is; None for tables that belong to no tenant."""
    table = _table(source)
    if table is None or table.info.get("common"):
        return None
    found: ColumnElement[Any] = source.c[table.info.get("tenant_column", "tenant_id")]
    return found


def shared(source: FromClause) -> bool:
    table = _table(source)
    return table is not None and bool(table.info.get("shared"))


def scope(source: FromClause, tenant: str, *, reading: bool) -> tuple[ColumnElement[bool], ...]:
    """The condition that keeps a statement on `source` to one tenant's rows.

    Reading a shared table also shows what belongs to the whole installation; writing never touches that.
    """
    column = tenant_column(source)
    if column is None:
        return ()
    own = column == tenant
    return (or_(own, column.is_(None)),) if reading and shared(source) else (own,)


def guard(engine: Engine) -> None:
    """Refuse every statement on this engine that does not carry its tenant."""

    @event.listens_for(engine, "before_execute")
    def check(
        connection: Connection,
        statement: Any,
        _multi: Any,
        _params: Any,
        options: Any,
    ) -> None:
        own = connection.get_execution_options()
        writing = isinstance(statement, (Insert, Update, Delete))
        if writing and not own.get(WRITE):
            raise ScopeViolation("a reading transaction cannot write")
        if own.get(ACROSS):
            return
        verify(statement, own.get(TENANT), inserted_for=options.get(INSERTED_FOR))


def verify(statement: Any, tenant: str | None, *, inserted_for: str | None = None) -> None:
    """Raise `ScopeViolation` unless every tenant table in `statement` is kept to `tenant`."""
    if isinstance(statement, TextClause):
        raise ScopeViolation("text cannot be checked for its tenant; use a table")
    for element in visitors.iterate(statement):
        if isinstance(element, Insert):
            if tenant_column(element.table) is not None and (tenant is None or inserted_for != tenant):
                raise ScopeViolation(f"an insert into {element.table.name} without its tenant")
        elif isinstance(element, (Update, Delete)):
            _require(list(_flat(element.table)), list(_conjuncts(element.whereclause)), tenant, reading=False)
        elif isinstance(element, Select):
            sources = [source for top in element.get_final_froms() for source in _flat(top)]
            conditions = list(_conjuncts(element.whereclause))
            for top in element.get_final_froms():
                conditions.extend(_on(top))
            _require(sources, conditions, tenant, reading=True)


def _require(sources: list[FromClause], conditions: list[Any], tenant: str | None, *, reading: bool) -> None:
    for source in sources:
        if tenant_column(source) is None:
            continue
        if tenant is None:
            raise ScopeViolation(f"a statement on {_table(source)} outside of any tenant's transaction")
        wanted = [*scope(source, tenant, reading=reading), *scope(source, tenant, reading=False)]
        if not any(_same(condition, want) for condition in conditions for want in wanted):
            raise ScopeViolation(f"a statement on {_table(source)} without its tenant")


def _same(condition: Any, wanted: ColumnElement[bool]) -> bool:
    if isinstance(condition, Grouping):
        condition = condition.element
    return bool(condition.compare(wanted, compare_keys=False))


def _table(source: FromClause) -> Table | None:
    if isinstance(source, Table):
        return source
    return source.element if isinstance(source, Alias) and isinstance(source.element, Table) else None


def _flat(source: Any) -> Iterator[FromClause]:
    if isinstance(source, Join):
        yield from _flat(source.left)
        yield from _flat(source.right)
    else:
        yield source


def _on(source: Any) -> Iterator[Any]:
    """Conditions of inner joins; those of outer joins keep nothing out."""
    if isinstance(source, Join):
        yield from _on(source.left)
        yield from _on(source.right)
        if not source.isouter and not source.full:
            yield from _conjuncts(source.onclause)


def _conjuncts(clause: Any) -> Iterator[Any]:
    if clause is None:
        return
    if isinstance(clause, BooleanClauseList) and clause.operator is operators.and_:
        for part in clause.clauses:
            yield from _conjuncts(part)
    else:
        yield clause
