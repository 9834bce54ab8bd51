"""Helpers for columns, and the `MetaData` of all tables."""

from __future__ import annotations

from typing import Any

import msgspec
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Dialect,
    Double,
    Index,
    LargeBinary,
    MetaData,
    Table,
    Text,
    TypeDecorator,
)
from sqlalchemy import text as sql
from sqlalchemy.schema import SchemaItem

from safelight.core import canonical_json

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

#: Marks a table with `Table(..., info=SHARED)`: its rows without a tenant belong to the whole installation,
#: and every tenant may read them.
SHARED = {"shared": True}
#: Marks a table with `Table(..., info=COMMON)`: it has no tenant column.
COMMON = {"common": True}


class Json(TypeDecorator[Any]):
    """A small document, stored as canonical JSON text, which has the same bytes on every database."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        return None if value is None else canonical_json.encode(value).decode()

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:
        return None if value is None else msgspec.json.decode(value)


def tenant_table(name: str, *contents: SchemaItem) -> Table:
    """A table whose rows have an id and belong to a tenant."""
    return Table(name, metadata, text("id", primary_key=True), text("tenant_id"), *contents)


def partial_index(*columns: str, where: str) -> Index:
    """An index of the rows that meet the condition."""
    return Index(None, *columns, sqlite_where=sql(where), postgresql_where=sql(where))


def text(name: str, *, null: bool = False, **options: Any) -> Column[str]:
    return Column(name, Text, nullable=null, **options)


def time(name: str, *, null: bool = False, **options: Any) -> Column[float]:
    """A column for a time in unix seconds, UTC."""
    return Column(name, Double, nullable=null, **options)


def integer(name: str, *, null: bool = False, **options: Any) -> Column[int]:
    return Column(name, BigInteger, nullable=null, **options)


def flag(name: str) -> Column[bool]:
    """A column that is false unless something sets it."""
    return Column(name, Boolean, nullable=False, default=False)


def blob(name: str, *, null: bool = False) -> Column[bytes]:
    return Column(name, LargeBinary, nullable=null)


def json(name: str, *, null: bool = False, **options: Any) -> Column[Any]:
    return Column(name, Json, nullable=null, **options)
