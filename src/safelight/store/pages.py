"""Pages of lists: one more row than the page has is read, so that it is known whether more follow."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Generic, NamedTuple, TypeVar

from sqlalchemy import ColumnElement, Table, tuple_

from .database import Filter, Row, Transaction

T = TypeVar("T")
R = TypeVar("R")


class Page(NamedTuple, Generic[T]):
    """One page of a list, in the order of the list."""

    items: tuple[T, ...]
    has_more: bool

    @classmethod
    def first(cls, found: Sequence[T], limit: int) -> Page[T]:
        """The first `limit` of these items."""
        return cls(tuple(found[:limit]), has_more=len(found) > limit)

    def map(self, convert: Callable[[T], R]) -> Page[R]:
        return Page(tuple(convert(item) for item in self.items), self.has_more)


def read_page(
    tx: Transaction,
    table: Table,
    *where: Filter,
    order_by: Iterable[ColumnElement[Any]],
    limit: int,
) -> Page[Row]:
    """The first `limit` rows that meet all conditions; `follows` is the condition of a later page."""
    return Page.first(tx.select(table, *where, order_by=order_by, limit=limit + 1), limit)


def follows(columns: Sequence[ColumnElement[Any]], last: Sequence[Any], *, descending: bool) -> Filter:
    """The condition that a row comes after one whose values of these columns are `last`."""
    return tuple_(*columns) < tuple(last) if descending else tuple_(*columns) > tuple(last)
