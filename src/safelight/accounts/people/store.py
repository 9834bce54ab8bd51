"""Reads people from rows of the database."""

from __future__ import annotations

from safelight.core.errors import NotFound
from safelight.store.database import Row, Transaction
from safelight.store.rows import read_record
from safelight.store.tables import people

from .models import Person


def person_from_row(row: Row) -> Person:
    return read_record(Person, row, recovery_codes_left=len(row.recovery_codes))


def find_row(tx: Transaction, person: str, *, lock: bool = False) -> Row:
    """The row of a person. Raises `NotFound`."""
    row = tx.find(people, "user", person, lock=lock)
    if row is None:
        raise NotFound(f"There is no person {person[:80]!r}.", param="person")
    return row
