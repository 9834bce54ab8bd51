"""Databases for tests: each test its own, on SQLite, and on PostgreSQL too if it is marked `both_databases`.

The store promises that both behave alike, and its own tests prove it on both. Elsewhere the mark is for what
depends on locks, leases, order and the separation of tenants.
"""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import closing
from functools import cache
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql
from sqlalchemy import Engine, create_engine, make_url

from safelight.store import database as database_module
from safelight.store import tenant_scope
from safelight.store.database import Database
from safelight.store.migrations import migrate
from safelight.store.tables import metadata

BOTH = ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if metafunc.definition.get_closest_marker("both_databases"):
        for name in ("database_url", "empty_database_url"):
            if name in metafunc.fixturenames:
                metafunc.parametrize(name, BOTH, indirect=True)


@pytest.fixture(scope="session", autouse=True)
def shared_statements() -> Iterator[None]:
    """The databases of a worker share accepted forms of statements and, on SQLite, compiled statements.

    A gateway has one engine for its whole life. With one for each test, each test does all of that again.
    """
    make_engine = database_module.make_engine
    shared = create_engine("sqlite://")
    shared.connect().close()  # which completes the dialect

    def make_sharing(url: str, **options: Any) -> Engine:
        engine = make_engine(url, **options)
        if engine.dialect.name == "sqlite":
            # A compiled statement belongs to a dialect.
            engine.dialect, engine._compiled_cache = shared.dialect, shared._compiled_cache
        return engine

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(database_module, "make_engine", make_sharing)
        patch.setattr(tenant_scope, "AcceptedStatements", cache(tenant_scope.AcceptedStatements))
        yield
    shared.dispose()


@pytest.fixture
def empty_database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """URL of a database without any tables."""
    if getattr(request, "param", "sqlite") == "sqlite":
        yield f"sqlite:///{tmp_path / 'empty.sqlite3'}"
        return
    server: str = request.getfixturevalue("postgres_server")
    name = _create(server)
    yield _named(server, name)
    _drop(server, name)


@pytest.fixture
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """URL of a database with this version's tables and nothing in them."""
    if getattr(request, "param", "sqlite") == "sqlite":
        template: Path = request.getfixturevalue("sqlite_template")
        path = tmp_path / "db.sqlite3"
        shutil.copyfile(template, path)
        yield f"sqlite:///{path}"
        return
    yield request.getfixturevalue("postgres_url")


@pytest.fixture
def postgres_url(postgres_database: str) -> str:
    """URL of a PostgreSQL database with this version's tables and nothing in them."""
    _empty(postgres_database)
    return postgres_database


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """A database with this version's tables and nothing in them."""
    with closing(Database(database_url)) as database:
        yield database


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("template") / "db.sqlite3"
    _migrate(f"sqlite:///{path}")
    return path


@pytest.fixture(scope="session")
def postgres_database(postgres_server: str) -> Iterator[str]:
    """One for all tests of a worker, emptied before each: making and dropping one takes far longer."""
    name = _create(postgres_server)
    _migrate(_named(postgres_server, name))
    yield _named(postgres_server, name)
    _drop(postgres_server, name)


def _migrate(url: str) -> None:
    with closing(Database(url)) as database:
        migrate(database)


def _empty(url: str) -> None:
    """End what a killed test left running, and remove every row and everything that is not ours."""
    with psycopg.connect(url) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            " AND backend_type = 'client backend'"
        )
        schemas = connection.execute(
            "SELECT nspname FROM pg_namespace"
            " WHERE nspname NOT LIKE 'pg\\_%' AND nspname NOT IN ('public', 'information_schema')"
        ).fetchall()
        for (schema,) in schemas:
            connection.execute(sql.SQL("DROP SCHEMA {} CASCADE").format(sql.Identifier(schema)))
        for table in reversed(metadata.sorted_tables):
            connection.execute(sql.SQL("DELETE FROM {}").format(sql.Identifier(table.name)))


def _create(server: str) -> str:
    name = f"safelight_test_{os.getpid()}_{secrets.token_hex(6)}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(sql.Identifier(name)))
        # A commit that waits for the disk takes 20 times as long, and no test stops the server.
        connection.execute(
            sql.SQL("ALTER DATABASE {} SET synchronous_commit = off").format(sql.Identifier(name))
        )
    return name


def _drop(server: str, name: str) -> None:
    # Not `WITH (FORCE)`: it also ends an autovacuum worker, for which the role of the tests has no right.
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = %s AND backend_type = 'client backend'",
            (name,),
        )
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {}").format(sql.Identifier(name)))


def _named(server: str, name: str) -> str:
    return make_url(server).set(database=name).render_as_string(hide_password=False)
