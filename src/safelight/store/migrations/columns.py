"""Columns and indexes of the tables in migrations.

The names of constraints and indexes follow the convention of `safelight.store.tables.types.metadata`.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa


def partial_index(*columns: str, where: str) -> sa.Index:
    return sa.Index(None, *columns, sqlite_where=sa.text(where), postgresql_where=sa.text(where))


def text(*names: str, null: bool = False) -> list[sa.Column[str]]:
    return _columns(sa.Text(), names, null=null)


def double(*names: str, null: bool = False) -> list[sa.Column[float]]:
    return _columns(sa.Double(), names, null=null)


def integer(*names: str, null: bool = False) -> list[sa.Column[int]]:
    # Never an autoincrement column, because our code sets ids and sequence numbers.
    return _columns(sa.BigInteger(), names, null=null)


def bytes_(*names: str, null: bool = False) -> list[sa.Column[bytes]]:
    return _columns(sa.LargeBinary(), names, null=null)


def boolean(*names: str, null: bool = False) -> list[sa.Column[bool]]:
    return _columns(sa.Boolean(), names, null=null)


def _columns(kind: Any, names: tuple[str, ...], *, null: bool) -> list[sa.Column[Any]]:
    return [sa.Column(name, kind, nullable=null, autoincrement=False) for name in names]
