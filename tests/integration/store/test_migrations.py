from __future__ import annotations

import threading
from contextlib import closing

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import inspect, text

from safelight.errors import DatabaseDamaged, DatabaseTooNew
from safelight.store import migrations
from safelight.store.database import Database
from safelight.store.tables import metadata


def test_there_is_one_head_and_the_code_knows_it(tmp_path: object) -> None:
    with closing(Database(f"sqlite:///{tmp_path}/db")) as database, database.raw_connection() as connection:
        script = ScriptDirectory.from_config(migrations.configuration(connection))
        assert script.get_heads() == [migrations.HEAD]


def test_the_migrations_make_the_tables_of_the_code(empty_database_url: str) -> None:
    with closing(Database(empty_database_url)) as database:
        migrations.migrate(database)
        with database.raw_connection() as connection:
            context = MigrationContext.configure(
                connection, opts={"compare_type": True, "compare_server_default": True}
            )
            assert compare_metadata(context, metadata) == []
            assert migrations.version(connection) == migrations.HEAD


def test_down_again_nothing_is_left(empty_database_url: str) -> None:
    from alembic import command

    with closing(Database(empty_database_url)) as database:
        migrations.migrate(database)
        with database.raw_connection() as connection:
            command.downgrade(migrations.configuration(connection), "base")
        with database.raw_connection() as connection:
            assert set(inspect(connection).get_table_names()) <= {"alembic_version"}


def test_rows_survive_what_rebuilds_their_table(empty_database_url: str) -> None:
    """From the tables of 0003, with a video that other rows point to."""
    from alembic import command

    with closing(Database(empty_database_url)) as database:
        with database.raw_connection() as connection:
            command.upgrade(migrations.configuration(connection), "0003")
            connection.execute(text(_VIDEO))
            connection.execute(text(_ATTEMPT))
        migrations.migrate(database)
        with database.raw_connection() as connection:
            columns = {column["name"] for column in inspect(connection).get_columns("videos")}
            assert not columns & {"idempotency_key", "lease_owner", "lease_until"}
            found = connection.execute(text("SELECT prompt, summary FROM videos")).one()
            assert tuple(found) == ("a lake", None)
            assert connection.execute(text("SELECT video_id FROM attempts")).scalar_one() == "video_1"
            (key,) = inspect(connection).get_foreign_keys("attempts")
            assert key["referred_table"] == "videos"
        with database.raw_connection() as connection:
            command.downgrade(migrations.configuration(connection), "0003")
            assert connection.execute(text("SELECT prompt FROM videos")).scalar_one() == "a lake"


_VIDEO = """INSERT INTO videos (id, tenant_id, state, stage, created_at, updated_at, principal_id, model,
 generator, prompt, seconds, width, height, request, request_sha256, progress, vaulted, quarantined, waived,
 run, revision, idempotency_key) VALUES ('video_1', 'tenant_1', 'delivered', 'delivery', 1, 1, 'key_1', 'm',
 'g', 'a lake', 4, 1280, 720, '{}', '', 100, false, false, false, 1, 3, 'k')"""
_ATTEMPT = """INSERT INTO attempts (id, tenant_id, video_id, number, generator, ownership, key, intent_at,
 charged, currency, charge_source) VALUES ('attempt_1', 'tenant_1', 'video_1', 1, 'g', 'own', 'video_1-1', 1,
 'no', 'USD', '')"""


def test_a_second_start_changes_nothing(empty_database_url: str) -> None:
    for _ in range(2):
        database = Database(empty_database_url)
        migrations.migrate(database)
        with database.across_tenants("looking", readonly=True) as tx:
            assert tx.tenant is None
        database.close()


def test_two_that_start_at_once_migrate_once(empty_database_url: str) -> None:
    errors: list[BaseException] = []
    ready = threading.Barrier(3)

    def start() -> None:
        database = Database(empty_database_url)
        ready.wait()
        try:
            migrations.migrate(database)
        except BaseException as error:
            errors.append(error)
        database.close()

    threads = [threading.Thread(target=start) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []


def test_a_newer_database_is_refused_and_left_alone(empty_database_url: str) -> None:
    with closing(Database(empty_database_url)) as database:
        migrations.migrate(database)
        with database.raw_connection() as connection:
            connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
        with pytest.raises(DatabaseTooNew) as caught:
            migrations.migrate(database)
        assert "9999" in str(caught.value)
        assert caught.value.remedy
        with database.raw_connection() as connection:
            assert migrations.version(connection) == "9999"


def test_tables_without_a_version_are_not_touched(empty_database_url: str) -> None:
    with closing(Database(empty_database_url)) as database:
        migrations.migrate(database)
        with database.raw_connection() as connection:
            connection.execute(text("DROP TABLE alembic_version"))
        with pytest.raises(DatabaseDamaged):
            migrations.migrate(database)
