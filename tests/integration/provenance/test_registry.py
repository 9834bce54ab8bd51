from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path

import pytest

from safelight.provenance.registry import Registry
from safelight.provenance.seal import Seal
from safelight.store.database import Database
from safelight.store.migrations import migrate


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    made = Database(f"sqlite:///{tmp_path / 'safelight.db'}")
    migrate(made)
    yield made
    made.close()


def a_seal(sha256: str, minute: int = 0) -> Seal:
    return Seal(
        video_id="video_1",
        sha256=sha256,
        source_sha256="0" * 64,
        sealed_at=dt.datetime(2026, 11, 20, 7, minute, tzinfo=dt.UTC),
        manifest=b"\x00\x01",
        facts={"action": "allow"},
    )


def test_a_seal_is_found_by_file_hash_for_every_tenant(database: Database) -> None:
    registry = Registry(database)
    with database.transaction("tenant_a") as tx:
        assert registry.record(tx, a_seal("1" * 64))
    assert registry.by_sha256("1" * 64) == a_seal("1" * 64)
    assert registry.by_sha256("2" * 64) is None


def test_the_same_file_is_recorded_once(database: Database) -> None:
    registry = Registry(database)
    with database.transaction("tenant_a") as tx:
        assert registry.record(tx, a_seal("1" * 64))
        assert not registry.record(tx, a_seal("1" * 64))
    assert len(registry.by_video("video_1", tenant="tenant_a")) == 1


def test_seals_of_a_video_are_listed_newest_first_for_its_tenant(database: Database) -> None:
    registry = Registry(database)
    with database.transaction("tenant_a") as tx:
        registry.record(tx, a_seal("1" * 64, minute=1))
        registry.record(tx, a_seal("2" * 64, minute=2))
    found = registry.by_video("video_1", tenant="tenant_a")
    assert [seal.sha256[0] for seal in found] == ["2", "1"]
    assert registry.by_video("video_1", tenant="tenant_b") == ()


def test_a_seal_whose_transaction_fails_is_not_recorded(database: Database) -> None:
    registry = Registry(database)

    def fail_halfway() -> None:
        with database.transaction("tenant_a") as tx:
            registry.record(tx, a_seal("1" * 64))
            raise RuntimeError("killed between")

    with pytest.raises(RuntimeError):
        fail_halfway()
    assert registry.by_sha256("1" * 64) is None
