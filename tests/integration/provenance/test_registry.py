from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest
from sqlalchemy import Table

from safelight.provenance.seal import ChangedRow, Mark, MarkState, Seal, timestamp_facts
from safelight.store.database import Database
from safelight.store.tables import seals
from safelight.videos.registry import Registry


def a_seal(sha256: str, minute: int = 0) -> Seal:
    return Seal(
        video_id="video_1",
        sha256=sha256,
        source_sha256="0" * 64,
        sealed_at=dt.datetime(2026, 11, 20, 7, minute, tzinfo=dt.UTC),
        manifest=b"\x00\x01",
        facts={"action": "allow"},
    )


MISSING = timestamp_facts("tsa.example", missing="tsa.example did not answer.")
ADDED = timestamp_facts("tsa.example", at=dt.datetime(2026, 11, 21, tzinfo=dt.UTC))


def test_a_seal_is_recorded_once_with_its_transaction_and_found_by_file_hash_for_every_tenant(
    database: Database,
) -> None:
    registry, seal = Registry(database), a_seal("1" * 64)

    def fail_halfway() -> None:
        with database.transaction("tenant_a") as tx:
            registry.record(tx, seal)
            raise RuntimeError("killed between")

    with pytest.raises(RuntimeError):
        fail_halfway()
    assert registry.by_sha256(seal.sha256) is None
    with database.transaction("tenant_a") as tx:
        assert registry.record(tx, seal)
        assert not registry.record(tx, seal)
    assert registry.by_video("video_1", tenant="tenant_a") == (seal,)
    assert registry.by_sha256(seal.sha256) == seal
    assert registry.by_sha256("2" * 64) is None


@pytest.mark.both_databases
def test_seals_of_a_video_are_listed_newest_first_for_its_tenant(database: Database) -> None:
    registry = Registry(database)
    with database.transaction("tenant_a") as tx:
        registry.record(tx, a_seal("1" * 64, minute=1))
        registry.record(tx, a_seal("2" * 64, minute=2))
    found = registry.by_video("video_1", tenant="tenant_a")
    assert [seal.sha256[0] for seal in found] == ["2", "1"]
    assert registry.by_video("video_1", tenant="tenant_b") == ()


@pytest.mark.both_databases
def test_seals_without_a_timestamp_are_listed_for_all_tenants_oldest_first(database: Database) -> None:
    registry = Registry(database)
    late = [replace(a_seal(digit * 64, minute), facts=MISSING) for digit, minute in (("1", 2), ("2", 1))]
    for tenant, seal in zip(("tenant_a", "tenant_b"), late, strict=True):
        with database.transaction(tenant) as tx:
            registry.record(tx, seal)
    with database.transaction("tenant_a") as tx:
        registry.record(tx, a_seal("3" * 64))
        registry.record(tx, replace(a_seal("4" * 64), facts=ADDED))
    assert registry.without_timestamp() == (late[1], late[0])


def test_the_first_later_timestamp_changes_only_the_stored_manifest_and_the_facts(
    database: Database,
) -> None:
    registry, seal = Registry(database), replace(a_seal("1" * 64), facts=MISSING)
    with database.transaction("tenant_a") as tx:
        registry.record(tx, seal)
        registry.record(tx, a_seal("2" * 64))
    assert registry.add_timestamp(seal, b"\x00\x02", ADDED)
    assert not registry.add_timestamp(seal, b"\x00\x03", ADDED), "another process added one"
    assert registry.by_sha256("1" * 64) == replace(seal, manifest=b"\x00\x02", facts=ADDED)
    assert registry.by_sha256("2" * 64) == a_seal("2" * 64)
    assert registry.without_timestamp() == ()
    assert not registry.add_timestamp(a_seal("9" * 64), b"\x00\x03", ADDED)


def change_row(database: Database, table: Table, **values: object) -> None:
    """As after an intrusion into the database, or a damaged disk."""
    with database.raw_connection() as connection:
        connection.execute(table.update().values(**values))


CHANGES: dict[str, dict[str, object]] = {
    "video": {"video_id": "video_2"},
    "source": {"source_sha256": "9" * 64},
    "unknown state": {"mark_state": "unknown"},
    "epoch": {"mark_epoch": 7},
    "time": {"created_at": 0.0},
    "impossible time": {"created_at": 1e300},
    "manifest id": {"manifest_id": "urn:evil"},
    "facts cut off": {"facts": "{"},
    "facts in a list": {"facts": "[]"},
    "nested facts": {"facts": "[" * 9999},
}


@pytest.mark.parametrize("changed", CHANGES.values(), ids=CHANGES)
def test_a_changed_row_is_not_believed_and_logged_once(
    database: Database, caplog: pytest.LogCaptureFixture, changed: dict[str, object]
) -> None:
    registry = Registry(database)
    seal = replace(a_seal("1" * 64), manifest_id="urn:1", facts=MISSING)
    with database.transaction("tenant_a") as tx:
        registry.record(tx, seal)
    assert registry.find("1" * 64) == seal
    change_row(database, seals, **changed)
    for _ in range(2):
        assert registry.by_sha256("1" * 64) is None
        assert registry.by_video_id("video_2") is None
        assert registry.by_manifest_id("urn:1") is None
        assert registry.by_manifest_id("urn:evil") is None
        assert registry.without_timestamp() == ()
        assert registry.by_video("video_2", tenant="tenant_a") == ()
    assert registry.find("1" * 64) == ChangedRow()
    assert registry.find("2" * 64) is None
    assert len(caplog.records) == 1
    assert "1" * 64 in caplog.text


def test_a_row_that_was_given_the_mark_of_another_file_does_not_hide_it(database: Database) -> None:
    registry = Registry(database)
    mark = Mark(state=MarkState.READ_BACK, content_id="a" * 16, epoch=1)
    marked = replace(a_seal("2" * 64), video_id="video_2", mark=mark)
    with database.transaction("tenant_a") as tx:
        registry.record(tx, a_seal("1" * 64))
        registry.record(tx, marked)
    change_row(database, seals, mark_id="a" * 16)
    assert registry.by_mark("a" * 16) == marked


def test_a_row_with_damaged_facts_does_not_hide_the_missing_timestamps_of_others(database: Database) -> None:
    registry = Registry(database)
    late = replace(a_seal("1" * 64), facts=MISSING)
    with database.transaction("tenant_a") as tx:
        registry.record(tx, late)
    for facts in ("{", "[]", '{"timestamp":1}', '{"timestamp":null}'):
        with database.transaction("tenant_b") as tx:
            registry.record(tx, a_seal("2" * 64))
            tx.update(seals, facts=facts)
        assert registry.without_timestamp() == (late,)
