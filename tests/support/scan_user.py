"""A database user with the rights of deploy/postgres-s3/scan-user.sql, for as long as a test lasts."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg import sql
from sqlalchemy import make_url

RIGHTS = Path(__file__).parents[2] / "deploy" / "postgres-s3" / "scan-user.sql"


@dataclass(frozen=True, kw_only=True)
class ScanUser:
    name: str
    #: Of the database, with name and password.
    url: str


@contextmanager
def scan_user(url: str) -> Iterator[ScanUser]:
    """Create a user with these rights in the database at `url`, which has all tables."""
    name, password = f"safelight_scan_{secrets.token_hex(6)}", secrets.token_hex(6)
    user = sql.Identifier(name)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(user, password))
        # So that this connection may take the role and drop what it owns.
        connection.execute(sql.SQL("GRANT {} TO CURRENT_USER").format(user))
        try:
            connection.execute(RIGHTS.read_text(encoding="utf-8").replace("safelight_scan", name).encode())
            own = make_url(url).set(username=name, password=password)
            yield ScanUser(name=name, url=own.render_as_string(hide_password=False))
        finally:
            connection.execute(sql.SQL("DROP OWNED BY {}").format(user))
            connection.execute(sql.SQL("DROP ROLE {}").format(user))
