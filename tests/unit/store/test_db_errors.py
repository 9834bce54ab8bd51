from __future__ import annotations

import sqlite3

import pytest
from sqlalchemy.exc import DataError, IntegrityError, OperationalError

from safelight.core.errors import BadInput, StorageFull, Unavailable
from safelight.core.metrics import DATABASE_ERRORS
from safelight.store.db_errors import translate_db_errors


@pytest.mark.parametrize(
    ("message", "kind", "expected"),
    [
        ("database is locked", "busy", Unavailable),
        ("unable to open database file", "unreachable", Unavailable),
        ("database or disk is full", "full", StorageFull),
        ("no such table: videos", "other", OperationalError),
    ],
)
def test_an_error_of_the_database_is_translated_and_counted_by_its_kind(
    message: str, kind: str, expected: type[Exception]
) -> None:
    before = DATABASE_ERRORS.read().get((kind,), 0)
    with pytest.raises(expected), translate_db_errors():
        raise OperationalError("SELECT 1", {}, sqlite3.OperationalError(message))
    assert DATABASE_ERRORS.read()[kind,] == before + 1


def test_a_violated_constraint_is_not_counted() -> None:
    before = DATABASE_ERRORS.read()
    with pytest.raises(IntegrityError), translate_db_errors():
        raise IntegrityError("INSERT", {}, sqlite3.IntegrityError("UNIQUE constraint failed"))
    assert DATABASE_ERRORS.read() == before


def test_a_text_with_a_nul_character_is_bad_input_and_not_counted() -> None:
    before = DATABASE_ERRORS.read()
    with pytest.raises(BadInput, match="NUL"), translate_db_errors():
        raise DataError("SELECT 1", {}, Exception("PostgreSQL text fields cannot contain NUL (0x00) bytes"))
    with pytest.raises(DataError), translate_db_errors():
        raise DataError("SELECT 1", {}, Exception("bigint out of range"))
    assert sum(DATABASE_ERRORS.read().values()) == sum(before.values()) + 1
