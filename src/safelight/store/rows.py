"""Rows of the database as frozen records, and records as columns: both follow the annotations of the record.

A column has the name of its field; the field `tenant` is the column `tenant_id`. An enum is stored as its
value, a tuple as a JSON list, and a record in it as an object. A field whose type is another record is read
from the same row.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import fields, is_dataclass
from enum import Enum
from functools import cache
from operator import attrgetter
from types import UnionType
from typing import Any, TypeVar, cast, get_args, get_origin, get_type_hints

from sqlalchemy import Row, Table

T = TypeVar("T")
_COLUMN_NAMES = {"tenant": "tenant_id"}


def read_record(record: type[T], row: Row[Any], **given: Any) -> T:
    """The record in a row that has a column for each of its fields that is not `given`."""
    names, read_all, conversions, records = _reading(cast(Any, record), tuple(given))
    values = dict(zip(names, read_all(row), strict=True))
    for name, convert in conversions:
        value = values[name]
        if value is not None:
            values[name] = convert(value)
    for name, inner in records:
        values[name] = read_record(inner, row)
    return record(**values, **given)


def stored_columns(record: Any, table: Table) -> dict[str, Any]:
    """The columns of a table whose values a record has."""
    return {
        column: _stored(getattr(record, one.name))
        for one in fields(record)
        if (column := _COLUMN_NAMES.get(one.name, one.name)) in table.c
    }


def _stored(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_stored(one) for one in value]
    if is_dataclass(value):
        return {one.name: _stored(getattr(value, one.name)) for one in fields(value)}
    return value.value if isinstance(value, Enum) else value


@cache
def _reading(
    record: Any, given: tuple[str, ...]
) -> tuple[
    tuple[str, ...],
    Callable[[Row[Any]], tuple[Any, ...]],
    tuple[tuple[str, Callable[[Any], Any]], ...],
    tuple[tuple[str, Any], ...],
]:
    """The fields with a column, what reads them, the conversions of some, and the fields with a record."""
    all_hints = get_type_hints(record)
    hints = {one.name: all_hints[one.name] for one in fields(record) if one.name not in given}
    records = tuple((name, hint) for name, hint in hints.items() if is_dataclass(hint))
    names = tuple(name for name, hint in hints.items() if not is_dataclass(hint))
    columns = [_COLUMN_NAMES.get(name, name) for name in names]
    conversions = tuple((name, convert) for name in names if (convert := _converter(hints[name])) is not None)
    return names, _getter(columns), conversions, records


def _getter(columns: Sequence[str]) -> Callable[[Row[Any]], tuple[Any, ...]]:
    if len(columns) > 1:
        return attrgetter(*columns)
    return lambda row: tuple(getattr(row, column) for column in columns)


def _converter(hint: Any) -> Callable[[Any], Any] | None:
    """What makes a value of this type from a stored one; None if it is stored as it is."""
    if get_origin(hint) is UnionType:
        found = [convert for one in get_args(hint) if (convert := _converter(one)) is not None]
        return found[0] if found else None
    if get_origin(hint) is tuple:
        convert = _converter(get_args(hint)[0])
        return tuple if convert is None else lambda values: tuple(map(convert, values))
    if is_dataclass(hint):
        return lambda values: hint(**values)  # type: ignore[operator]
    return hint if isinstance(hint, type) and issubclass(hint, Enum) else None
