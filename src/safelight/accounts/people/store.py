"""Reads people from rows of the database."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row

from safelight.accounts import Role
from safelight.core.errors import NotFound
from safelight.core.ids import is_id
from safelight.store.database import Transaction
from safelight.store.tables import people

from .models import Person, PersonState


def person_from_row(row: Row[Any]) -> Person:
    return Person(
        id=row.id,
        tenant=row.tenant_id,
        name=row.name,
        email=row.email,
        role=Role(row.role),
        language=row.language,
        state=PersonState(row.state),
        created_at=row.created_at,
        created_by=row.created_by,
        recovery_codes_left=len(row.recovery_codes),
    )


def find_row(tx: Transaction, person: str, *, lock: bool = False) -> Row[Any]:
    """The row of a person. Raises `NotFound`."""
    row = tx.one(people, people.c.id == person, lock=lock) if is_id(person, "user") else None
    if row is None:
        raise NotFound(f"There is no person {person[:80]!r}.", param="person")
    return row
