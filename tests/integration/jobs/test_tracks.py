"""Clips with more in them than picture and sound, and references that are too much."""

from __future__ import annotations

import json
from pathlib import Path

import av
import pytest
from PIL import Image

from safelight.errors import InvalidMedia, SandboxFailed, TooLarge
from safelight.jobs.states import VideoState
from safelight.moderation.delivery import DeliveryStage
from safelight.store import tables
from safelight.testing.clips import tiny_clip
from safelight.testing.generators import create as instant

from .conftest import House


def with_time_code(path: Path) -> Path:
    """The tiny clip with an additional data track, as some encoders add it."""
    plain = path.with_name("plain.mp4")
    plain.write_bytes(tiny_clip())
    with av.open(str(plain)) as source, av.open(str(path), "w", options={"write_tmcd": "1"}) as made:
        picture = made.add_stream_from_template(source.streams.video[0])
        picture.metadata["timecode"] = "01:00:00:00"
        for packet in source.demux(source.streams.video[0]):
            if packet.dts is not None:
                packet.stream = picture
                made.mux(packet)
    with av.open(str(path)) as again:
        assert [stream.type for stream in again.streams] == ["video", "data"]
    return path


def test_a_clip_with_an_unscanned_track_is_never_delivered(house: House, tmp_path: Path) -> None:
    clip = with_time_code(tmp_path / "clip.mp4")
    house.container.core.generators["storyboard"] = instant(
        {"name": "storyboard", "models": ["instant-1"], "file": str(clip)}
    )
    video = house.carry(house.order())
    assert video.state is VideoState.DELIVERED
    assert video.sealed_sha256 is not None
    sealed = tmp_path / "sealed.mp4"
    house.container.persistence.blobs.copy_to(house.who.tenant, video.sealed_sha256, sealed)
    with av.open(str(sealed)) as container:
        assert [stream.type for stream in container.streams] == ["video"]
    entries = house.videos.record(house.who, video.id).audit_log
    number = next(entry["seq"] for entry in entries if entry["event"] == "video.scanning")
    with house.container.persistence.database.read_transaction(house.who.tenant) as tx:
        [row] = tx.select(tables.audit_log_contents, tables.audit_log_contents.c.seq == number)
    assert json.loads(row.content)["dropped_tracks"] == ["data"]


def test_a_clip_that_could_not_be_made_plain_is_not_delivered_with_an_unscanned_track(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_arguments: object) -> None:
        raise SandboxFailed("The child was stopped.")

    monkeypatch.setattr(DeliveryStage, "normalize", fail)
    clip = with_time_code(tmp_path / "clip.mp4")
    house.container.core.generators["storyboard"] = instant(
        {"name": "storyboard", "models": ["instant-1"], "file": str(clip)}
    )
    assert house.carry(house.order()).state is VideoState.FAILED


def test_a_clip_with_an_unscanned_track_is_not_accepted_as_a_reference(house: House, tmp_path: Path) -> None:
    clip = with_time_code(tmp_path / "clip.mp4")
    with pytest.raises(InvalidMedia, match="not checked: data track") as caught:
        house.container.pipeline.stages.scan_image(clip, house.policy())
    assert caught.value.param == "input_reference"


def test_a_reference_that_is_too_large_names_its_field(house: House, tmp_path: Path) -> None:
    path = tmp_path / "huge.png"
    Image.new("1", (8000, 8000)).save(path)
    with pytest.raises(TooLarge) as caught:
        house.container.pipeline.stages.scan_image(path, house.policy())
    assert caught.value.param == "input_reference"
