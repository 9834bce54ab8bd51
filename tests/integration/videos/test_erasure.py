"""Deleting a video erases what is kept to recognize copies of it, also after its expiry."""

from __future__ import annotations

from pathlib import Path

import pytest

from safelight.core.errors import NotFound
from safelight.provenance.soft_bindings import SoftBindings
from safelight.store import tables
from safelight.videos.models import Video
from safelight.videos.sweeper import Sweeper
from safelight.videos.withdrawal import is_withdrawn

from .conftest import House

pytestmark = pytest.mark.real_media


def sealed_video(house: House) -> tuple[Video, str]:
    """A delivered video, and the identifier of its manifest."""
    video = house.make()
    seal = house.container.persistence.seal_registry.by_sha256(video.sealed_sha256 or "")
    assert seal is not None
    assert seal.manifest
    return video, seal.manifest_id


def bindings(house: House) -> SoftBindings:
    persistence = house.container.persistence
    return SoftBindings(
        registry=persistence.seal_registry,
        is_withdrawn=lambda video_id: is_withdrawn(persistence.database, video_id),
    )


def expire(house: House, video: Video) -> None:
    with house.transaction() as tx:
        tx.update(tables.videos, tables.videos.c.id == video.id, expires_at=0.0)
    sweeper: Sweeper = house.container.background.sweeper
    sweeper.delete_expired_files()


def has_fingerprint(house: House, video: Video) -> bool:
    prints = tables.seal_fingerprints
    with house.database.across_tenants("test", readonly=True) as tx:
        rows = tx.select(prints, prints.c.video_id == video.id)
    assert rows
    return any(row.hashes is not None or row.thumbnails is not None for row in rows)


def test_the_stored_manifest_of_a_deleted_video_is_erased_and_its_file_still_known(
    house: House, tmp_path: Path
) -> None:
    video, manifest_id = sealed_video(house)
    path, persistence = tmp_path / "copy.mp4", house.container.persistence
    persistence.blobs.copy_to(video.tenant, video.sealed_sha256 or "", path)
    assert bindings(house).manifest(manifest_id)
    house.videos.delete(house.who, video.id)
    with pytest.raises(NotFound):
        bindings(house).manifest(manifest_id)
    seal = persistence.seal_registry.by_sha256(video.sealed_sha256 or "")
    assert seal is not None
    assert bindings(house).find_for(seal) == ()
    found = persistence.verifier.verify(path, lookup=persistence.seal_registry.by_sha256)
    assert (found.registered, found.video_id, found.state.value) == (True, video.id, "trusted")


def test_an_expired_video_can_still_be_erased_by_its_owner(house: House) -> None:
    video, manifest_id = sealed_video(house)
    expire(house, video)
    assert has_fingerprint(house, video)
    assert bindings(house).manifest(manifest_id)
    house.videos.delete(house.who, video.id)
    assert not has_fingerprint(house, video)
    with pytest.raises(NotFound):
        bindings(house).manifest(manifest_id)
    log = [entry["event"] for entry in house.record(video).audit_log]
    assert log[-2:] == ["video.expired", "video.deleted"]
    with pytest.raises(NotFound):
        house.videos.delete(house.who, video.id)
