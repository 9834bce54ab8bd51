"""The texts and tokens with which people without an account ask for a key."""

from __future__ import annotations

from sqlalchemy import Table

from safelight.core.errors import InvalidField, NotFound
from safelight.store.database import Database

from .models import hash_token, is_well_formed

_MAX_TEXT = {"name": 100, "contact": 254, "purpose": 2000, "reason": 2000}
#: For a name without a printable character.
_NO_NAME = "Applicant"


def access_text(value: str, field: str) -> str:
    """The text without surrounding spaces. Raises `InvalidField` if it is empty or too long."""
    value = value.strip()
    if not value or len(value) > _MAX_TEXT[field] or "\0" in value:
        raise InvalidField(f"The {field} must have 1 to {_MAX_TEXT[field]} characters.", param=field)
    return value


def clean_name(wanted: str) -> str:
    """A name that a stranger wrote, in one line of printable characters."""
    printable = "".join(each if each.isprintable() else " " for each in wanted)
    return " ".join(printable.split()) or _NO_NAME


def tenant_of_token(database: Database, table: Table, token: str, prefix: str) -> str:
    """The tenant of the row with this token. Raises `NotFound`."""
    if not is_well_formed(token, prefix):
        raise unknown_token()
    with database.across_tenants("finding a token of access", readonly=True) as tx:
        row = tx.one(table, table.c.digest == hash_token(token))
    if row is None:
        raise unknown_token()
    return str(row.tenant_id)


def unknown_token() -> NotFound:
    return NotFound("This token is unknown, was used, or has expired.", param="token")
