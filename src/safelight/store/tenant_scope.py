"""Restricts every SQL statement to one tenant, and rejects statements without a tenant condition."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy import (
    Alias,
    BinaryExpression,
    BindParameter,
    Column,
    ColumnElement,
    Connection,
    Delete,
    Engine,
    False_,
    FromClause,
    Insert,
    Join,
    Null,
    Select,
    Table,
    TextClause,
    True_,
    UnaryExpression,
    Update,
    event,
    or_,
)
from sqlalchemy.sql import operators, visitors
from sqlalchemy.sql.elements import BooleanClauseList, Grouping
from sqlalchemy.sql.selectable import ForUpdateArg

#: Execution options of a connection: its tenant, whether it may access all tenants, and whether it may write.
TENANT = "safelight_tenant"
ACROSS = "safelight_across"
WRITE = "safelight_write"
#: Execution option of an insert: the tenant of the new row.
INSERTED_FOR = "safelight_inserted_for"
#: Parts of a query that read no table besides those of its columns. Joins, aliases, subqueries and functions
#: are not among them.
_SIMPLE_PARTS = (
    *(BinaryExpression, BindParameter, BooleanClauseList, Column, False_, ForUpdateArg, Grouping, Null),
    *(Table, True_, UnaryExpression),
)
#: Forms of statements that are remembered. Far more than the code has; lists of conditions that grow with the
#: request add some.
_MAX_FORMS = 1000


class ScopeViolation(RuntimeError):
    """A statement could access rows of another tenant.

    Not in the error tree: it is a mistake in our code, and no request causes it.
    """


def tenant_column(source: FromClause) -> ColumnElement[Any] | None:
    """The column with the tenant of a row; None for a table without such a column."""
    table = _table(source)
    if table is None or table.info.get("common"):
        return None
    found: ColumnElement[Any] = source.c[table.info.get("tenant_column", "tenant_id")]
    return found


def is_shared(source: FromClause) -> bool:
    """Whether every tenant may read the rows of this table that have no tenant."""
    table = _table(source)
    return table is not None and bool(table.info.get("shared"))


def tenant_condition(source: FromClause, tenant: str, *, reading: bool) -> tuple[ColumnElement[bool], ...]:
    """The condition that restricts a statement on `source` to the rows of one tenant.

    For a shared table, the condition for reading includes the rows of the whole installation; the condition
    for writing excludes them.
    """
    column = tenant_column(source)
    if column is None:
        return ()
    own = column == tenant
    return (or_(own, column.is_(None)),) if reading and is_shared(source) else (own,)


def enforce_tenant_scope(engine: Engine) -> None:
    """Make this engine reject every statement that lacks its tenant condition."""
    accepted = AcceptedStatements()

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
            raise ScopeViolation("a read transaction cannot write")
        if own.get(ACROSS):
            return
        accepted.check(statement, own.get(TENANT), inserted_for=options.get(INSERTED_FOR))


class AcceptedStatements:
    """Checks statements, and remembers the forms of those that it accepted: a check takes longer than many
    queries.

    The result of a check follows from the form of the statement and from which of its values are equal to
    the tenant. Statements without a cache key are checked each time.
    """

    def __init__(self) -> None:
        self._forms: set[tuple[Any, ...]] = set()

    def check(self, statement: Any, tenant: str | None, *, inserted_for: str | None = None) -> None:
        """Raise `ScopeViolation` like `check_statement`."""
        # As in the examples of SQLAlchemy for caches of results.
        key = None if isinstance(statement, TextClause) else statement._generate_cache_key()  # noqa: SLF001
        if key is None:
            check_statement(statement, tenant, inserted_for=inserted_for)
            return
        is_tenant = (
            tuple(
                isinstance(each.effective_value, str) and each.effective_value == tenant
                for each in key.bindparams
            )
            if tenant is not None
            else None
        )
        form = (key.key, is_tenant, inserted_for == tenant)
        if form in self._forms:
            return
        check_statement(statement, tenant, inserted_for=inserted_for)
        if len(self._forms) >= _MAX_FORMS:
            self._forms.clear()
        self._forms.add(form)


def check_statement(statement: Any, tenant: str | None, *, inserted_for: str | None = None) -> None:
    """Raise `ScopeViolation` unless every table with a tenant in `statement` is restricted to `tenant`."""
    if isinstance(statement, TextClause):
        raise ScopeViolation("the tenant of a text statement cannot be checked; use a statement on a table")
    for element in visitors.iterate(statement):
        if isinstance(element, Insert):
            if tenant_column(element.table) is not None and (tenant is None or inserted_for != tenant):
                raise ScopeViolation(f"an insert into {element.table.name} does not set the tenant")
        elif isinstance(element, (Update, Delete)):
            _require(
                list(_joined_tables(element.table)),
                list(_conjuncts(element.whereclause)),
                tenant,
                reading=False,
            )
        elif isinstance(element, Select):
            conditions = list(_conjuncts(element.whereclause))
            only = _only_table(element)
            if only is not None:
                _require([only], conditions, tenant, reading=True)
                continue
            tops = element.get_final_froms()
            sources = [source for top in tops for source in _joined_tables(top)]
            for top in tops:
                conditions.extend(_join_conditions(top))
            _require(sources, conditions, tenant, reading=True)


def _only_table(query: Select[Any]) -> Table | None:
    """The table of a plain query of one table; None for any other query.

    Most queries are such. For them it replaces `get_final_froms`, which compiles the statement and
    takes longer than the query itself.
    """
    sources: set[FromClause] = set()
    for part in visitors.iterate(query):
        if part is query:
            continue
        if not isinstance(part, _SIMPLE_PARTS):
            return None
        if isinstance(part, Table):
            sources.add(part)
        elif isinstance(part, Column):
            sources.add(part.table)
    only = sources.pop() if len(sources) == 1 else None
    return only if isinstance(only, Table) else None


def _require(sources: list[FromClause], conditions: list[Any], tenant: str | None, *, reading: bool) -> None:
    for source in sources:
        if tenant_column(source) is None:
            continue
        if tenant is None:
            raise ScopeViolation(f"a statement on {_table(source)} outside a transaction of a tenant")
        accepted = tenant_condition(source, tenant, reading=reading)
        if is_shared(source):
            accepted = (*accepted, *tenant_condition(source, tenant, reading=False))
        if not any(_is_same(condition, each) for condition in conditions for each in accepted):
            raise ScopeViolation(f"a statement on {_table(source)} has no condition on the tenant")


def _is_same(condition: Any, accepted: ColumnElement[bool]) -> bool:
    if isinstance(condition, Grouping):
        condition = condition.element
    return bool(condition.compare(accepted, compare_keys=False))


def _table(source: FromClause) -> Table | None:
    if isinstance(source, Table):
        return source
    return source.element if isinstance(source, Alias) and isinstance(source.element, Table) else None


def _joined_tables(source: Any) -> Iterator[FromClause]:
    if isinstance(source, Join):
        yield from _joined_tables(source.left)
        yield from _joined_tables(source.right)
    else:
        yield source


def _join_conditions(source: Any) -> Iterator[Any]:
    """The conditions of inner joins. Conditions of outer joins do not count, because they exclude no row."""
    if isinstance(source, Join):
        yield from _join_conditions(source.left)
        yield from _join_conditions(source.right)
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
