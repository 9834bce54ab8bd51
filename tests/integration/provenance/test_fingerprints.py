"""Fingerprints of sealed files, made in real children and stored in a real database."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
import pytest

from safelight.detectors.image.pdq import BYTES
from safelight.provenance.fingerprints.clip_fingerprint import ClipFingerprint
from safelight.provenance.fingerprints.fingerprint_index import MAX_SHORTLIST, FingerprintIndex
from safelight.provenance.sealing import Sealer
from safelight.store.database import Database
from safelight.store.migrations import migrate
from safelight.store.tables import seal_fingerprints
from safelight.videos.registry import FingerprintStore, Registry, remove_fingerprints

from .conftest import FactsMaker
from .test_registry import a_seal


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    made = Database(f"sqlite:///{tmp_path / 'safelight.db'}")
    migrate(made)
    yield made
    made.close()


def a_fingerprint(number: int, count: int = 8) -> ClipFingerprint:
    hashes = np.random.default_rng(number).integers(0, 256, (count, BYTES), dtype=np.uint8)
    return ClipFingerprint(hashes=hashes.tobytes(), thumbnails=(b"jpeg",), step_s=0.5)


def _hashes(fingerprint: ClipFingerprint) -> np.ndarray:
    return np.frombuffer(fingerprint.hashes, np.uint8).reshape(-1, BYTES)


def _record(database: Database, number: int, fingerprint: ClipFingerprint | None = None) -> str:
    sha256 = f"{number:064x}"
    fingerprint = fingerprint or a_fingerprint(number)
    seal = replace(a_seal(sha256), video_id=f"video_{number}", fingerprint=fingerprint)
    with database.transaction("tenant_a") as tx:
        assert Registry(database).record(tx, seal)
    return sha256


def test_a_seal_has_the_fingerprint_of_the_sealed_file(
    sealer: Sealer, video: Path, facts: FactsMaker, tmp_path: Path
) -> None:
    fingerprint = sealer.seal(video, tmp_path / "sealed.mp4", facts()).fingerprint
    assert fingerprint is not None
    assert len(fingerprint.hashes) % BYTES == 0
    assert fingerprint.hashes
    assert all(each.startswith(b"\xff\xd8\xff") for each in fingerprint.thumbnails)


def test_an_index_finds_the_file_of_a_near_frame_and_no_other(database: Database) -> None:
    known = [_record(database, number) for number in range(5)]
    index = FingerprintIndex(FingerprintStore(database))
    searched = _hashes(a_fingerprint(3)).copy()
    searched[:, 0] ^= 0xFF  # 8 of 256 bits differ
    found = index.search([searched[:1], searched[1:2]])
    assert [(one.sha256, one.share) for one in found] == [(known[3], 1.0)]
    assert index.search([_hashes(a_fingerprint(99))]) == ()


def test_a_still_clip_with_many_equal_hashes_hides_no_other_near_file(database: Database) -> None:
    searched = a_fingerprint(1, count=1)
    _record(database, 1, msgspec.structs.replace(searched, hashes=searched.hashes * 500))
    changed = _hashes(searched).copy()
    changed[0, 0] ^= 3
    other = _record(database, 2, msgspec.structs.replace(searched, hashes=changed.tobytes()))
    index = FingerprintIndex(FingerprintStore(database))
    assert other in {one.sha256 for one in index.search([_hashes(searched)])}
    assert other in index.search_each(_hashes(searched))[0]


def test_a_file_that_is_only_not_too_far_is_named_last_and_matches_nothing(database: Database) -> None:
    known = [_record(database, number) for number in range(3)]
    index = FingerprintIndex(FingerprintStore(database))
    near, far, too_far = (_hashes(a_fingerprint(number))[:1].copy() for number in (2, 1, 0))
    far[:, :8] ^= 0xFF  # 64 of 256 bits differ
    too_far[:, :10] ^= 0xFF
    found = index.search([near, far, too_far])
    assert [one.sha256 for one in found] == [known[2], known[1]]
    assert [round(one.share, 2) for one in found] == [0.33, 0.0]


def test_few_files_that_are_only_not_too_far_are_named(database: Database) -> None:
    for number in range(MAX_SHORTLIST):
        _record(database, number)
    index = FingerprintIndex(FingerprintStore(database))
    frames = [_hashes(a_fingerprint(number))[:1].copy() for number in range(MAX_SHORTLIST)]
    for one in frames:
        one[:, :8] ^= 0xFF
    assert 0 < len(index.search(frames)) < MAX_SHORTLIST // 2


def test_an_index_follows_what_other_processes_add_and_remove(database: Database) -> None:
    index = FingerprintIndex(FingerprintStore(database))
    assert index.search([_hashes(a_fingerprint(1))]) == ()
    sha256 = _record(database, 1)
    assert [one.sha256 for one in index.search([_hashes(a_fingerprint(1))])] == [sha256]
    for number in (2, 3):
        _record(database, number)
    with database.transaction("tenant_a") as tx:
        for number in (1, 3):
            remove_fingerprints(tx, f"video_{number}")
    for number in (1, 3):
        assert index.search([_hashes(a_fingerprint(number))]) == ()
    assert len(index) == 8


def test_a_row_from_a_machine_whose_clock_is_ahead_hides_no_later_row(database: Database) -> None:
    index = FingerprintIndex(FingerprintStore(database))
    ahead = _record(database, 1)
    with database.transaction("tenant_a") as tx:
        tx.update(
            seal_fingerprints, seal_fingerprints.c.sha256 == ahead, changed_at=time.time() + 24 * 60 * 60
        )
    assert index.search([_hashes(a_fingerprint(1))])
    later = _record(database, 2)
    assert [one.sha256 for one in index.search([_hashes(a_fingerprint(2))])] == [later]


def test_its_own_tenant_removes_a_fingerprint_and_leaves_only_a_commitment(database: Database) -> None:
    sha256 = _record(database, 1)
    with database.transaction("tenant_b") as tx:
        remove_fingerprints(tx, "video_1")
    assert FingerprintStore(database).picture(sha256) is not None
    with database.transaction("tenant_a") as tx:
        remove_fingerprints(tx, "video_1")
        row = tx.one(seal_fingerprints, seal_fingerprints.c.sha256 == sha256)
    assert row is not None
    assert (row.hashes, row.thumbnails) == (None, None)
    assert row.commitment == a_fingerprint(1).commitment(row.salt)
    assert row.commitment != hashlib.sha256(a_fingerprint(1).hashes).hexdigest()
    assert FingerprintStore(database).picture(sha256) is None


def test_a_damaged_fingerprint_is_logged_once_and_does_not_prevent_the_search_for_others(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    intact, damaged = _record(database, 1), _record(database, 2)
    with database.raw_connection() as connection:
        connection.execute(
            seal_fingerprints.update()
            .where(seal_fingerprints.c.sha256 == damaged)
            .values(hashes=a_fingerprint(2).hashes[:-1], thumbnails=b"\xc1")
        )
    store = FingerprintStore(database)
    index = FingerprintIndex(store)
    for _ in range(2):
        assert [one.sha256 for one in index.search([_hashes(a_fingerprint(1))])] == [intact]
        assert index.search([_hashes(a_fingerprint(2))]) == ()
        assert store.picture(damaged) is None
        assert store.picture(intact) is not None
    assert len(caplog.records) == 1
    assert damaged in caplog.text
