from __future__ import annotations

from pathlib import Path

import av
import pytest

from safelight.media.decode import VideoDecoder
from safelight.media.normalize import NormalizeMethod, normalize_video
from safelight.media.probe import VideoLimits
from safelight.media.tags import read_tags
from safelight.media.trailing_bytes import count_trailing_bytes
from support.clips import hum, make_clip
from support.track_clips import add_tracks

LIMITS = VideoLimits()


@pytest.mark.parametrize("ending", ["mp4", "mkv"])
def test_tags_and_chapter_titles_are_read_and_technical_tags_are_not(tmp_path: Path, ending: str) -> None:
    clip = add_tracks(
        tmp_path / f"a.{ending}",
        make_clip(tmp_path / "b.mp4", sound=hum(1.5)),
        tags={"title": "A calm day", "comment": "A comment", "description": "A calm day"},
        chapters=["One", "Two"],
    )
    texts = {tag.name: tag.text for tag in VideoDecoder(clip, LIMITS).tags}
    assert texts == {"title": "A calm day", "comment": "A comment", "chapter 1": "One", "chapter 2": "Two"}
    assert VideoDecoder(tmp_path / "b.mp4", LIMITS).tags == ()


def test_texts_beyond_the_limit_are_counted(tmp_path: Path) -> None:
    clip = add_tracks(
        tmp_path / "a.mkv", make_clip(tmp_path / "b.mp4"), tags={"title": "short", "comment": "long " * 2_000}
    )
    with av.open(str(clip)) as container:
        read = read_tags(container)
    assert ([tag.name for tag in read.tags], read.unread) == (["title"], 1)
    assert [(part.kind, part.count) for part in VideoDecoder(clip, LIMITS).info.unscanned] == [("tags", 1)]


@pytest.mark.parametrize("ending", ["mp4", "mkv"])
def test_a_normalized_clip_has_neither_tags_nor_chapters(tmp_path: Path, ending: str) -> None:
    clip = add_tracks(
        tmp_path / f"a.{ending}", make_clip(tmp_path / "b.mp4"), tags={"title": "A title"}, chapters=["One"]
    )
    result = normalize_video(clip, tmp_path / "plain.mp4", LIMITS)
    assert result.method is NormalizeMethod.COPIED
    assert "tags" in result.dropped_streams
    plain = VideoDecoder(tmp_path / "plain.mp4", LIMITS)
    assert (plain.tags, plain.info.streams, plain.info.unscanned) == ((), 1, ())


def test_bytes_after_the_first_film_are_counted(tmp_path: Path) -> None:
    one = make_clip(tmp_path / "one.mp4", frames=6).read_bytes()
    two = make_clip(tmp_path / "two.mp4", frames=12).read_bytes()
    joined = tmp_path / "joined.mp4"
    for after, count in ((b"", 0), (two, len(two)), (b"more bytes", 10), (bytes(300), 300)):
        joined.write_bytes(one + after)
        assert count_trailing_bytes(joined) == count
    joined.write_bytes(one + two)
    [part] = VideoDecoder(joined, LIMITS).info.unscanned
    assert (part.kind, part.count) == ("trailing_bytes", len(two))


def test_a_fragmented_mp4_has_no_bytes_after_its_end(tmp_path: Path) -> None:
    source = make_clip(tmp_path / "b.mp4", frames=24)
    options = {"movflags": "frag_every_frame+empty_moov+default_base_moof"}
    with (
        av.open(str(source)) as opened,
        av.open(str(tmp_path / "a.mp4"), "w", container_options=options) as made,
    ):
        track = made.add_stream_from_template(opened.streams.video[0])
        for packet in opened.demux(opened.streams.video[0]):
            if packet.size:
                packet.stream = track
                made.mux(packet)
    assert count_trailing_bytes(tmp_path / "a.mp4") == 0
    assert count_trailing_bytes(add_tracks(tmp_path / "a.mkv", source)) == 0
