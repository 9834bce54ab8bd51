"""The fake media of `safelight.testing`: what a delivery with it has in common with a real one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from safelight.media.sandbox.sandbox import Sandbox
from safelight.provenance.manifest_traces import has_manifest_traces
from safelight.provenance.seal import MarkState
from safelight.testing.clips import tiny_clip
from safelight.testing.generators import create as instant
from safelight.testing.media import without_box
from safelight.videos.models import Video, VideoState
from support.clips import make_clip

from .conftest import Furnish, House


class Calls:
    """Counts the calls of a sandbox by function."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.names: list[str] = []
        self._run = sandbox.run

    def run(self, entry_point: Any, *arguments: Any, **options: Any) -> Any:
        self.names.append(entry_point.function)
        return self._run(entry_point, *arguments, **options)


@pytest.fixture
def calls(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Calls:
    calls = Calls(sandbox)
    monkeypatch.setattr(sandbox, "run", calls.run)
    return calls


def _delivered(house: House) -> tuple[Video, bytes]:
    video = house.make()
    assert video.state is VideoState.DELIVERED
    return video, house.blobs.read(video.tenant, video.sealed_sha256 or "")


def test_a_fake_seal_has_the_rows_and_the_shape_of_a_real_one(
    furnish: Furnish, calls: Calls, tmp_path: Path
) -> None:
    rows, files, marks = [], [], []
    for real_media in (True, False):
        house = furnish(real_media=real_media)
        if real_media:
            house.waive()
        calls.names.clear()
        video, data = _delivered(house)
        assert ("mark_in_child" in calls.names, "seal" in calls.names) == (real_media, real_media)
        record = house.record(video)
        assert record.seal is not None
        assert record.stages[-1].verdict.subject_sha256 == record.seal["source_sha256"] != video.sealed_sha256
        rows.append(record.seal)
        files.append(data)
        (tmp_path / "sealed.mp4").write_bytes(data)
        marks.append(house.container.persistence.watermark_reader.read(tmp_path / "sealed.mp4"))
        assert has_manifest_traces(tmp_path / "sealed.mp4") is real_media
    real, fake = rows
    assert real.keys() == fake.keys()
    assert real["facts"].keys() == fake["facts"].keys()
    assert real["mark"]["state"] == fake["mark"]["state"] == MarkState.READ_BACK
    assert [mark.epoch for mark in marks] == [1, 1]
    assert without_box(files[1]) == tiny_clip() != files[1]


def test_another_clip_is_sealed_by_the_wrapped_sandbox(
    furnish: Furnish, calls: Calls, tmp_path: Path
) -> None:
    house, clip = furnish(), make_clip(tmp_path / "clip.mp4", frames=8)
    house.waive()
    house.generators["storyboard"] = instant({"models": ["instant-1"], "file": str(clip)})
    _video, data = _delivered(house)
    assert "seal" in calls.names
    (tmp_path / "sealed.mp4").write_bytes(data)
    assert has_manifest_traces(tmp_path / "sealed.mp4")


def test_what_no_detector_checked_in_the_tiny_clip_is_held(furnish: Furnish) -> None:
    assert furnish().make().state is VideoState.HELD
