"""Files of withdrawn videos as inputs of new ones, and what is deleted with a video."""

from __future__ import annotations

from pathlib import Path

import pytest

from safelight.core.errors import Withdrawn
from safelight.providers.protocol import Derivation
from safelight.store import tables
from safelight.testing.generators import create as instant
from safelight.videos.files import vault_files
from safelight.videos.models import Video, VideoState
from safelight.videos.requests.request import Upload

from .conftest import House

pytestmark = pytest.mark.real_media

#: An empty box of MP4. C2PA's hash does not cover it, so a manifest stays valid.
EMPTY_BOX = (8).to_bytes(4, "big") + b"free"


@pytest.fixture
def able(house: House) -> House:
    settings = {"name": "able", "models": ["able-1"], "seconds": [4], "operations": ["edit"]}
    house.generators["able"] = instant(settings)
    return house


def _delivered(house: House) -> Video:
    video = house.make("a quiet lake", model="able-1")
    assert video.state is VideoState.DELIVERED
    return video


def _file_of(house: House, video: Video, into: Path, added: bytes = b"") -> Upload:
    blobs = house.blobs
    into.write_bytes(b"".join(blobs.stream(video.tenant, video.sealed_sha256 or "")) + added)
    return Upload(field="video", filename="clip.mp4", path=into, media_type="video/mp4")


def _edit(house: House, upload: Upload) -> Video:
    return house.order("at night", model="able-1", step=Derivation.EDIT, uploads=(upload,))


def _fingerprints(house: House, video: Video) -> list[bool]:
    """For each fingerprint of the video, whether it still has its content."""
    with house.database.read_transaction(video.tenant) as tx:
        rows = tx.select(tables.seal_fingerprints, tables.seal_fingerprints.c.video_id == video.id)
    return [row.hashes is not None or row.thumbnails is not None for row in rows]


def test_the_file_of_a_withdrawn_video_and_a_changed_copy_are_refused_as_inputs(
    able: House, tmp_path: Path
) -> None:
    video = _delivered(able)
    exact = _file_of(able, video, tmp_path / "exact.mp4")
    changed = _file_of(able, video, tmp_path / "changed.mp4", EMPTY_BOX)
    assert _edit(able, exact).state is not VideoState.FAILED
    able.withdraw(video)
    with pytest.raises(Withdrawn) as refused:
        _edit(able, exact)
    assert refused.value.param == "video"
    assert video.id not in refused.value.message
    ended = able.carry(_edit(able, changed))
    assert (ended.state, ended.error_code) == (VideoState.FAILED, "withdrawn")
    assert "a court said so" not in (ended.error_message or "")
    for clip in (exact.path, changed.path):
        with pytest.raises(Withdrawn):
            able.videos.create_character(able.who, name="Tom the cat", clip=clip, end_user=None)


def test_a_copy_of_a_delivered_video_names_its_source(able: House, tmp_path: Path) -> None:
    video = _delivered(able)
    copy = _file_of(able, video, tmp_path / "clip.mp4", EMPTY_BOX).path
    assert able.context.recovery.recover(copy).source_video == video.id


def test_withdrawal_vaulting_and_deletion_delete_the_fingerprints(able: House) -> None:
    withdrawn, vaulted, deleted = (_delivered(able) for _ in range(3))
    assert _fingerprints(able, withdrawn) == [True]
    able.withdraw(withdrawn)
    with able.transaction() as tx:
        vault_files(tx, vaulted.id)
    able.videos.delete(able.who, deleted.id)
    assert [_fingerprints(able, video) for video in (withdrawn, vaulted, deleted)] == [[False]] * 3


def _vault(house: House, video: Video) -> None:
    house.withdraw(video)
    with house.database.transaction(video.tenant) as tx:
        tx.update(tables.videos, tables.videos.c.id == video.id, vaulted=True)
        vault_files(tx, video.id)


def test_the_file_of_a_vaulted_video_is_refused_as_an_input(able: House, tmp_path: Path) -> None:
    video = _delivered(able)
    exact = _file_of(able, video, tmp_path / "exact.mp4")
    changed = _file_of(able, video, tmp_path / "changed.mp4", EMPTY_BOX)
    _vault(able, video)
    with pytest.raises(Withdrawn):
        _edit(able, exact)
    ended = able.carry(_edit(able, changed))
    assert (ended.state, ended.error_code) == (VideoState.FAILED, "withdrawn")
