"""Translates errors of the database drivers into subclasses of `SafelightError`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from safelight.core.errors import BadInput, DatabaseDamaged, SafelightError, StorageFull, Unavailable
from safelight.core.metrics import DATABASE_ERRORS

FREE_SPACE_REMEDY = "Free some space, or move the data directory to a larger disk."
CONNECTIONS_REMEDY = "Raise `max_connections` of PostgreSQL, or lower `storage.connections` of the gateways."
RESTORE_REMEDY = "Stop the gateway, keep the file for inspection, and restore the last backup."

#: What the server says, without a state, to a connection that it has no room for.
_NO_CONNECTION = ("too many clients", "too many connections", "remaining connection slots")
_SQLITE_MESSAGES = (
    ("database or disk is full", "full"),
    ("malformed", "damaged"),
    ("not a database", "damaged"),
    ("locked", "busy"),
    ("unable to open", "unreachable"),
    ("disk i/o error", "unreachable"),
    ("readonly database", "unreachable"),
)
_POSTGRES_STATES = {
    "25P03": "unreachable",
    "53100": "full",
    "40001": "busy",
    "40P01": "busy",
    "55P03": "busy",
    "53300": "no connection",
    "57P01": "unreachable",
    "57P02": "unreachable",
    "57P03": "unreachable",
    "XX001": "damaged",
    "XX002": "damaged",
}


@contextmanager
def translate_db_errors() -> Iterator[None]:
    """Translate operational errors of the database drivers, and the one about a text that PostgreSQL cannot
    store.

    Errors in an SQL statement are bugs in our code and are not translated.
    """
    try:
        yield
    except PoolTimeout as error:
        DATABASE_ERRORS.add("no connection")
        raise _no_room() from error
    except DBAPIError as error:
        translated = _translate(error)
        # A violated constraint is an expected answer, such as that of a key that exists.
        if not isinstance(error, IntegrityError) and not isinstance(translated, BadInput):
            DATABASE_ERRORS.add(_classify(error) or "other")
        if translated is None:
            raise
        raise translated from error


def _no_room() -> Unavailable:
    return Unavailable("All connections to the database are in use.", retry_after_s=1.0)


def _translate(error: DBAPIError) -> SafelightError | None:
    if isinstance(error, DataError) and "NUL" in str(error.orig):
        return BadInput("A text has a NUL character, which is not allowed.", remedy="Remove it.")
    match _classify(error):
        case "full":
            return StorageFull("The database's disk is full.", remedy=FREE_SPACE_REMEDY)
        case "damaged":
            return DatabaseDamaged("The database is damaged.", remedy=RESTORE_REMEDY)
        case "busy":
            return Unavailable("The database is busy; nothing was changed.", retry_after_s=0.2)
        case "no connection":
            return _no_room()
        case "unreachable":
            return Unavailable("The database cannot be reached.", retry_after_s=2.0)
    return None


def _classify(error: DBAPIError) -> str | None:
    state = getattr(error.orig, "sqlstate", None)
    if state is not None:
        return _POSTGRES_STATES.get(state) or ("unreachable" if state.startswith("08") else None)
    if type(error.orig).__module__.startswith("psycopg"):
        if any(text in str(error.orig) for text in _NO_CONNECTION):
            return "no connection"
        return "unreachable" if isinstance(error, (OperationalError, InterfaceError)) else None
    message = str(error.orig).lower()
    return next((kind for text, kind in _SQLITE_MESSAGES if text in message), None)
