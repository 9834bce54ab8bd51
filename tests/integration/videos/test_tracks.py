"""Clips with more in them than picture and sound, and references that are too much."""

from __future__ import annotations

import json
from pathlib import Path

import av
import pytest
from PIL import Image

from safelight.core.errors import InvalidMedia, SandboxFailed, TooLarge
from safelight.detectors import safety_card
from safelight.policy.findings import Modality
from safelight.policy.verdicts import Action
from safelight.screening.delivery import DeliveryStage
from safelight.store import tables
from safelight.testing.clips import tiny_clip
from safelight.testing.generators import create as instant
from safelight.videos.models import VideoState
from support.clips import make_clip
from support.track_clips import add_tracks

from .conftest import Furnish, House
from .test_decisions import decide, only_case

pytestmark = pytest.mark.real_media


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
    generate(house, with_time_code(tmp_path / "clip.mp4"))
    video = house.make()
    assert video.state is VideoState.DELIVERED
    assert video.sealed_sha256 is not None
    sealed = tmp_path / "sealed.mp4"
    house.blobs.copy_to(house.who.tenant, video.sealed_sha256, sealed)
    with av.open(str(sealed)) as container:
        assert [stream.type for stream in container.streams] == ["video"]
    entries = house.record(video).audit_log
    number = next(entry["seq"] for entry in entries if entry["event"] == "video.scanning")
    with house.read_transaction() as tx:
        [row] = tx.select(tables.audit_log_contents, tables.audit_log_contents.c.seq == number)
    assert json.loads(row.content)["dropped_tracks"] == ["data"]


def stop_child(*_arguments: object) -> None:
    raise SandboxFailed("The child was stopped.")


def generate(house: House, clip: Path | None) -> None:
    """The generator makes this clip, or a plain one."""
    house.generators["storyboard"] = instant(
        {"name": "storyboard", "models": ["instant-1"], "file": str(clip or "")}
    )


def test_a_clip_that_could_not_be_made_plain_is_not_delivered_with_more_than_picture_and_sound(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(DeliveryStage, "normalize", stop_child)
    generate(house, with_time_code(tmp_path / "clip.mp4"))
    assert house.make().state is VideoState.FAILED
    for ending, state in ((b"more bytes after the end", VideoState.FAILED), (b"", VideoState.DELIVERED)):
        clip = tmp_path / "ending.mp4"
        clip.write_bytes(tiny_clip() + ending)
        generate(house, clip)
        assert house.make().state is state


@pytest.mark.parametrize("plain", [True, False])
def test_an_approved_clip_whose_scan_failed_is_delivered_only_if_it_is_plain(
    furnish: Furnish, tmp_path: Path, plain: bool
) -> None:
    house = furnish(scan={"timeout_s": 0.05})
    house.waive()
    generate(house, None if plain else with_time_code(tmp_path / "clip.mp4"))
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(DeliveryStage, "normalize", stop_child)
        video = house.make()
    assert video.state is VideoState.HELD
    decide(house, only_case(house), "approve")
    video = house.carry(video)
    assert video.state is (VideoState.DELIVERED if plain else VideoState.FAILED)
    assert ("tracks that were not judged" in (video.error_message or "")) is not plain


def test_the_tags_of_a_reference_are_judged(house: House, tmp_path: Path) -> None:
    source = make_clip(tmp_path / "b.mp4", frames=12)
    clip = add_tracks(tmp_path / "a.mp4", source, tags={"comment": safety_card.card_phrase("violence")})
    result = house.container.pipeline.stages.scan_image(clip, house.policy())
    assert result.verdict.action is Action.BLOCK
    [found] = [one for one in result.findings if one.test_card]
    assert (found.modality, found.attributes["source"]) == (Modality.TEXT, "input_reference")


def test_a_reference_with_tags_that_are_not_read_has_a_gap(house: House, tmp_path: Path) -> None:
    source = make_clip(tmp_path / "b.mp4", frames=12)
    clip = add_tracks(tmp_path / "a.mkv", source, tags={"comment": "long " * 2_000})
    result = house.container.pipeline.stages.scan_image(clip, house.policy())
    assert any(
        "tag or chapter title was not judged" in cell.note
        for cell in result.coverage
        if cell.modality is Modality.TEXT and not cell.complete
    )


def test_a_reference_with_more_than_is_checked_or_too_large_is_refused_by_its_field(
    house: House, tmp_path: Path
) -> None:
    ended, huge = tmp_path / "ended.mp4", tmp_path / "huge.png"
    ended.write_bytes(tiny_clip() + b"more bytes after the end")
    Image.new("1", (8000, 8000)).save(huge)
    for path, error, said in (
        (ended, InvalidMedia, "bytes after its end"),
        (with_time_code(tmp_path / "clip.mp4"), InvalidMedia, "not checked: data track"),
        (huge, TooLarge, None),
    ):
        with pytest.raises(error, match=said) as caught:
            house.container.pipeline.stages.scan_image(path, house.policy())
        assert caught.value.param == "input_reference"
