from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from functools import partial
from pathlib import Path

import psycopg
import pytest
from sqlalchemy.exc import IntegrityError

from safelight.core.errors import DatabaseDamaged, SettingsError, Unavailable
from safelight.store.database import Database, Transaction, limit_session
from safelight.store.migrations import migrate
from safelight.store.shared_clock import SharedClock
from safelight.store.tables import api_keys, audit_log, audit_log_contents, installation, outbox, quota_usage
from safelight.store.tenant_scope import ScopeViolation
from support.concurrency import run_together

pytestmark = pytest.mark.both_databases


def add_key(tx: Transaction, name: str) -> None:
    tx.insert(api_keys, id=name, name=name, digest=name, scopes=["checks"], created_at=1.0, created_by="test")


@pytest.fixture
def sqlite(tmp_path: Path) -> Iterator[Database]:
    """A database of SQLite that does not wait long."""
    with closing(Database(f"sqlite:///{tmp_path / 'db'}", wait_s=0.05)) as database:
        migrate(database)
        yield database


def test_a_row_is_read_as_written(database: Database) -> None:
    with database.transaction("acme") as tx:
        add_key(tx, "k")
    with database.read_transaction("acme") as tx:
        (found,) = tx.select(api_keys)
    read = (found.tenant_id, found.scopes, found.created_at, found.revoked_at)
    assert read == ("acme", ["checks"], 1.0, None)


def test_a_commit_of_any_process_and_nothing_else_changes_the_version(sqlite: Database) -> None:
    def read() -> None:
        with sqlite.read_transaction("acme") as tx:
            tx.select(api_keys)

    def fail() -> None:
        with suppress(RuntimeError), sqlite.transaction("acme") as tx:
            add_key(tx, "never")
            raise RuntimeError

    def write_here() -> None:
        with sqlite.transaction("acme") as tx:
            add_key(tx, "here")

    def write_elsewhere() -> None:
        with closing(sqlite3.connect(str(sqlite.path))) as other, other:
            other.execute("UPDATE api_keys SET name = 'there'")

    changes = []
    for step in (read, fail, write_here, write_elsewhere):
        before = sqlite.version()
        step()
        changes.append(sqlite.version() != before)
    assert changes == [False, False, True, True]


def test_the_version_of_a_database_that_cannot_be_read_is_not_known(tmp_path: Path) -> None:
    with closing(Database(f"sqlite:///{tmp_path / 'none' / 'db'}")) as database:
        assert database.version() is None


def test_an_exception_rolls_back_rows_audit_log_and_outbox(database: Database) -> None:
    def fail() -> None:
        with database.transaction("acme") as tx:
            add_key(tx, "k")
            tx.append_audit("key.created", subject="k", actor="me", content={})
            tx.publish("events", subject="k", body={})
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    with database.read_transaction("acme") as tx:
        for table in (api_keys, audit_log, audit_log_contents, outbox):
            assert tx.count(table) == 0


def test_a_duplicate_key_is_ignored_or_an_integrity_error(database: Database) -> None:
    with database.transaction("acme") as tx:
        assert tx.insert_or_ignore(quota_usage, subject="p", day="2026-11-20")
        assert not tx.insert_or_ignore(quota_usage, subject="p", day="2026-11-20")
        assert tx.update(quota_usage, quota_usage.c.subject == "p", videos=quota_usage.c.videos + 1) == 1
    with pytest.raises(IntegrityError), database.transaction("acme") as tx:
        tx.insert(quota_usage, subject="p", day="2026-11-20")
    with database.read_transaction("acme") as tx:
        (found,) = tx.select(quota_usage)
    assert (found.videos, found.seconds) == (1, 0.0)


def test_several_rows_where_one_was_expected_are_an_error(database: Database) -> None:
    with database.transaction("acme") as tx:
        add_key(tx, "a")
        add_key(tx, "b")
        with pytest.raises(LookupError):
            tx.one(api_keys)
        assert [row.id for row in tx.select(api_keys, order_by=(api_keys.c.id.desc(),), limit=1)] == ["b"]
        assert tx.select(api_keys, api_keys.c.id == "a", columns=(api_keys.c.name,))[0] == ("a",)


def test_a_reader_cannot_write_and_has_a_consistent_snapshot(database: Database) -> None:
    with database.read_transaction("acme") as reader:
        for write in (
            lambda: add_key(reader, "k"),
            lambda: reader.update(api_keys, name="x"),
            lambda: reader.append_audit("x", subject="x", actor="x", content={}),
        ):
            with pytest.raises(ScopeViolation):
                write()
        assert reader.count(api_keys) == 0
        with database.transaction("acme") as writer:
            add_key(writer, "k")
        assert reader.count(api_keys) == 0
    with database.read_transaction("acme") as reader:
        assert reader.count(api_keys) == 1


def test_of_concurrent_updates_of_one_revision_one_succeeds(database: Database) -> None:
    with database.across_tenants("a counter") as tx:
        tx.insert(installation, key="revision", value="0")

    def change() -> int:
        with database.across_tenants("a counter") as tx:
            at_first = (installation.c.key == "revision", installation.c.value == "0")
            return tx.update(installation, *at_first, value="1")

    assert run_together([change] * 6).count(1) == 1


def test_many_threads_write_and_nothing_is_lost(database: Database) -> None:
    def write(number: int) -> None:
        for turn in range(5):
            with database.transaction(f"tenant-{number % 2}") as tx:
                add_key(tx, f"{number}-{turn}")
                tx.append_audit("key.created", subject=f"{number}-{turn}", actor="me", content={"n": turn})

    run_together([partial(write, number) for number in range(8)])
    with database.across_tenants("counting", readonly=True) as tx:
        assert tx.count(api_keys) == 40
        assert [row.seq for row in tx.select(audit_log, order_by=(audit_log.c.seq,))] == list(range(1, 41))


def test_a_locked_row_is_skipped_with_skip_locked(database: Database) -> None:
    if database.is_sqlite:
        pytest.skip("SQLite has one writer, and no locks on rows")
    with database.transaction("acme") as tx:
        add_key(tx, "a")
        add_key(tx, "b")
    with database.transaction("acme") as first:
        assert first.one(api_keys, api_keys.c.id == "a", lock=True) is not None
        with database.across_tenants("another worker") as second:
            assert [row.id for row in second.select(api_keys, lock=True, skip_locked=True)] == ["b"]


def test_on_sqlite_a_transaction_inside_a_transaction_is_refused_at_once(sqlite: Database) -> None:
    with sqlite.transaction("acme"), pytest.raises(ScopeViolation), sqlite.transaction("acme"):
        pass
    with sqlite.transaction("acme") as tx:
        add_key(tx, "k")


def test_a_busy_database_is_a_retryable_error(sqlite: Database) -> None:
    other = sqlite3.connect(str(sqlite.path), isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(Unavailable) as caught, sqlite.transaction("acme"):
        pass
    assert caught.value.retry
    other.close()
    with sqlite.transaction("acme") as tx:
        add_key(tx, "k")


def test_committed_rows_survive_a_kill(database: Database) -> None:
    code = """
import os, sys
from safelight.store.database import Database
from safelight.store.tables import api_keys
database = Database(sys.argv[1])
def add(tx, name):
    tx.insert(api_keys, id=name, name=name, digest=name, scopes=[], created_at=1.0, created_by="test")
    tx.append_audit("key.created", subject=name, actor="me", content={})
with database.transaction("acme") as tx:
    add(tx, "kept")
with database.transaction("acme") as tx:
    add(tx, "lost")
    os.kill(os.getpid(), 9)
"""
    done = subprocess.run([sys.executable, "-c", code, database.url], check=False)
    assert done.returncode == -signal.SIGKILL
    with database.transaction("acme") as tx:
        assert [row.id for row in tx.select(api_keys)] == ["kept"]
        assert [row.subject for row in tx.select(audit_log)] == ["kept"]
        add_key(tx, "next")


def test_sqlite_flushes_to_disk(sqlite: Database) -> None:
    with sqlite.read_transaction(tenant="t") as tx:
        found = {
            name: tx._connection.exec_driver_sql(f"PRAGMA {name}").scalar_one()
            for name in ("journal_mode", "synchronous", "foreign_keys")
        }
    assert found == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}


def test_a_full_disk_is_a_plain_error_and_changes_nothing(tmp_path: Path) -> None:
    code = f"""
from safelight.core.errors import StorageFull
from safelight.store.database import Database
from safelight.store.migrations import migrate
from safelight.store.shared_clock import SharedClock
from safelight.store.tables import installation
database = Database("sqlite:///{tmp_path}/db")
migrate(database)
try:
    with database.raw_connection() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
        connection.exec_driver_sql(f"PRAGMA max_page_count={{pages + 2}}")
        connection.execute(installation.insert().values(key="k", value="x" * 1_000_000))
except StorageFull as error:
    print(error)
with database.across_tenants("looking") as tx:
    print(tx.count(installation))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == [
        "The database's disk is full. Free some space, or move the data directory to a larger disk.",
        "0",
    ]


def test_a_file_that_is_not_a_database_or_has_torn_pages_is_reported_as_damaged_with_a_remedy(
    sqlite: Database,
) -> None:
    path = sqlite.path
    assert path is not None
    with sqlite.transaction("acme") as tx:
        for number in range(200):
            add_key(tx, f"key-{number}")
    sqlite.close()
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(size // 3)
        file.write(os.urandom(size // 2))
    torn = path.read_bytes()
    for content in (torn, b"this is not a database, and never was one" * 100):
        path.write_bytes(content)
        with closing(Database(sqlite.url)) as damaged, pytest.raises(DatabaseDamaged, match="backup"):
            migrate(damaged)


def test_a_url_of_another_kind_is_refused_with_a_remedy() -> None:
    for url in ("mysql://x/y", "nonsense", "sqlite://", "sqlite:///:memory:"):
        with pytest.raises(SettingsError) as caught:
            Database(url)
        assert caught.value.remedy


def test_an_unreachable_server_is_unavailable() -> None:
    database = Database("postgresql://nobody@127.0.0.1:9/none", wait_s=2.0)
    with pytest.raises(Unavailable), database.read_transaction("acme"):
        pass


def test_a_machine_an_hour_ahead_writes_the_time_of_the_server(postgres_url: str) -> None:
    ahead = SharedClock(own=lambda: time.time() + 3600)
    with closing(Database(postgres_url, clock=ahead)) as database, database.transaction("acme") as tx:
        assert abs(tx.now() - time.time()) < 600
    assert ahead.ahead_s > 3000


@pytest.mark.parametrize("named", ["", "?tcp_user_timeout=5000&options=-c%20tcp_keepalives_idle%3D77"])
def test_postgres_ends_the_session_of_a_dead_machine_within_30_s_unless_the_url_says_otherwise(
    postgres_url: str, named: str
) -> None:
    with closing(Database(postgres_url + named)) as database, database.raw_connection() as connection:
        rows = connection.exec_driver_sql(
            "SELECT name, setting::int FROM pg_settings "
            "WHERE name ~ '^(tcp_|idle_in_transaction_session_timeout)'"
        )
        limits = dict(tuple(row) for row in rows)
        client = connection.connection.driver_connection
        assert client is not None
        asked = client.info.get_parameters()
    first = 77 if named else 10
    assert limits == {
        "tcp_keepalives_idle": first,
        "tcp_keepalives_interval": 5,
        "tcp_keepalives_count": 4,
        "tcp_user_timeout": 30_000,
        "idle_in_transaction_session_timeout": 60_000,
    }
    # The process itself knows earlier that it is cut off.
    assert asked["tcp_user_timeout"] == ("5000" if named else "20000")
    assert asked["keepalives_idle"] == "10"


def test_a_session_that_takes_no_limits_is_used_and_reported(
    postgres_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    with closing(psycopg.connect(postgres_url)) as connection:
        with suppress(psycopg.Error):
            connection.execute("an error, after which the server takes no statement until the rollback")
        limit_session(connection)
        assert "did not take the limits" in caplog.text
        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_a_transaction_that_postgres_ended_because_it_was_idle_is_unavailable(postgres_url: str) -> None:
    def wait_in_transaction() -> None:
        with database.raw_connection() as connection:
            connection.exec_driver_sql("SET idle_in_transaction_session_timeout = 1")
            time.sleep(0.5)
            connection.exec_driver_sql("SELECT 1")

    with closing(Database(postgres_url)) as database, pytest.raises(Unavailable):
        wait_in_transaction()
