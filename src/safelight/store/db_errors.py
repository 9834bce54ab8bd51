"""What a database's trouble means for the person who meets it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from safelight.errors import DatabaseDamaged, SafelightError, StorageFull, Unavailable

FULL = "Free some space, or move the data directory to a larger disk."
RESTORE = "Stop the gateway, keep the file for inspection, and restore the last backup."

_SQLITE = (
    ("database or disk is full", "full"),
    ("malformed", "damaged"),
    ("not a database", "damaged"),
    ("locked", "busy"),
    ("unable to open", "unreachable"),
    ("disk i/o error", "unreachable"),
    ("readonly database", "unreachable"),
)
_POSTGRES = {
    "53100": "full",
    "40001": "busy",
    "40P01": "busy",
    "55P03": "busy",
    "53300": "busy",
    "57P01": "unreachable",
    "57P02": "unreachable",
    "57P03": "unreachable",
    "XX001": "damaged",
    "XX002": "damaged",
}


@contextmanager
def translate_db_errors() -> Iterator[None]:
    """Turn the drivers' own errors into ours; what is a mistake in a statement passes through."""
    try:
        yield
    except PoolTimeout as error:
        raise Unavailable("The database has no free connection.", retry_after_s=1.0) from error
    except DBAPIError as error:
        meaning = _meaning(error)
        if meaning is None:
            raise
        raise meaning from error


def _meaning(error: DBAPIError) -> SafelightError | None:
    match _word(error):
        case "full":
            return StorageFull("The database's disk is full.", remedy=FULL)
        case "damaged":
            return DatabaseDamaged("The database is damaged.", remedy=RESTORE)
        case "busy":
            return Unavailable("The database is busy; nothing was changed.", retry_after_s=0.2)
        case "unreachable":
            return Unavailable("The database cannot be reached.", retry_after_s=2.0)
    return None


def _word(error: DBAPIError) -> str | None:
    state = getattr(error.orig, "sqlstate", None)
    if state is not None:
        return _POSTGRES.get(state) or ("unreachable" if state.startswith("08") else None)
    if type(error.orig).__module__.startswith("psycopg"):
        return "unreachable" if isinstance(error, (OperationalError, InterfaceError)) else None
    said = str(error.orig).lower()
    return next((word for sign, word in _SQLITE if sign in said), None)
