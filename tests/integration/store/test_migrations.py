from __future__ import annotations

from contextlib import ExitStack, closing
from functools import partial

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import inspect, text

from safelight.core.errors import DatabaseDamaged, DatabaseVersionUnknown
from safelight.store import migrations
from safelight.store.database import Database
from safelight.store.tables import metadata
from support.concurrency import run_together

pytestmark = pytest.mark.both_databases


def test_there_is_one_newest_revision_and_the_code_has_it(tmp_path: object) -> None:
    with closing(Database(f"sqlite:///{tmp_path}/db")) as database, database.raw_connection() as connection:
        script = ScriptDirectory.from_config(migrations.configuration(connection))
        assert script.get_heads() == [migrations.HEAD]


def test_the_migrations_create_the_tables_of_the_code_and_a_second_start_changes_nothing(
    empty_database_url: str,
) -> None:
    for _ in range(2):
        with closing(Database(empty_database_url)) as database:
            migrations.migrate(database)
            with database.raw_connection() as connection:
                context = MigrationContext.configure(
                    connection, opts={"compare_type": True, "compare_server_default": True}
                )
                assert compare_metadata(context, metadata) == []
                assert migrations.version(connection) == migrations.HEAD


def test_concurrent_starts_migrate_once(empty_database_url: str) -> None:
    with ExitStack() as stack:
        databases = [stack.enter_context(closing(Database(empty_database_url))) for _ in range(3)]
        migrated = run_together([partial(migrations.migrate, database) for database in databases])
    assert [one for one in migrated if isinstance(one, BaseException)] == []


@pytest.mark.parametrize("revision", ["0001", "0009", "9999"])
def test_a_database_of_an_unreleased_version_is_refused_and_not_changed(
    empty_database_url: str, revision: str
) -> None:
    """An old database has a revision that no longer exists, or the revision 0001 with other tables."""
    with closing(Database(empty_database_url)) as database:
        with database.raw_connection() as connection:
            connection.execute(text("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)"))
            connection.execute(text(f"INSERT INTO alembic_version VALUES ('{revision}')"))
            connection.execute(text("CREATE TABLE videos (id TEXT, released_as TEXT)"))
        with pytest.raises(DatabaseVersionUnknown) as caught:
            migrations.migrate(database)
        assert caught.value.message == "This database was made by an unreleased version of Safelight."
        assert (caught.value.remedy or "").startswith("Start with a new data directory")
        with database.raw_connection() as connection:
            assert migrations.version(connection) == revision
            assert set(inspect(connection).get_table_names()) == {"alembic_version", "videos"}


@pytest.mark.parametrize(
    "change",
    [
        "ALTER TABLE audit_log RENAME TO log",
        "ALTER TABLE videos RENAME COLUMN reinstated_as TO released_as",
        "ALTER TABLE cases ADD COLUMN open_as TEXT",
    ],
)
def test_other_tables_or_columns_under_the_newest_revision_are_refused(
    empty_database_url: str, change: str
) -> None:
    with closing(Database(empty_database_url)) as database:
        migrations.migrate(database)
        with database.raw_connection() as connection:
            connection.execute(text(change))
        with pytest.raises(DatabaseVersionUnknown):
            migrations.migrate(database)


def test_tables_without_a_version_are_not_changed(empty_database_url: str) -> None:
    with closing(Database(empty_database_url)) as database:
        migrations.migrate(database)
        with database.raw_connection() as connection:
            connection.execute(text("DROP TABLE alembic_version"))
        with pytest.raises(DatabaseDamaged):
            migrations.migrate(database)
