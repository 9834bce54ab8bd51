from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import av
import pytest

from safelight.media.decode import VideoDecoder, count_trailing_bytes
from safelight.media.normalize import NormalizeMethod, normalize_video
from safelight.media.probe import VideoLimits
from safelight.media.tags import read_tags
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
    texts = [(tag.name, tag.text) for tag in VideoDecoder(clip, LIMITS).tags]
    assert sorted(texts) == [
        ("chapter 1", "One"),
        ("chapter 2", "Two"),
        ("comment", "A comment"),
        ("title", "A calm day"),
    ]
    assert VideoDecoder(tmp_path / "b.mp4", LIMITS).tags == ()


def test_every_one_of_several_titles_is_read() -> None:
    container = _container({"title": "one", "title-eng": "two", "TITLE-ger": "three"})
    assert [(tag.name, tag.text) for tag in read_tags(container).tags] == [
        ("title", "one"),
        ("title", "two"),
        ("title", "three"),
    ]


def test_a_technical_tag_with_another_text_is_read_like_any_tag() -> None:
    usual = {
        "major_brand": "isom",
        "compatible_brands": "isomiso2avc1mp41",
        "encoder": "Lavc61.3.100 libx264",
        "creation_time": "2026-01-01T10:00:00.000000Z",
        "handler_name": "VideoHandler",
        "DURATION-eng": "00:00:01.500000000",
    }
    assert read_tags(_container(usual)).tags == ()
    unusual = {"encoder": "words", "handler_name": "more words", "timecode": "hello", "language": "x" * 65}
    read = read_tags(_container(unusual))
    assert [(tag.name, tag.text) for tag in read.tags] == list(unusual.items())


def test_chapter_titles_beyond_a_hundred_texts_are_counted() -> None:
    chapters = [{"metadata": {"title": f"Chapter {number}"}} for number in range(3_000)]
    read = read_tags(_container({}, chapters))
    assert (len(read.tags), read.unread) == (100, 2_900)


def _container(metadata: dict[str, str], chapters: Sequence[object] = ()) -> Any:
    return SimpleNamespace(metadata=metadata, streams=(), chapters=lambda: chapters)


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


def test_bytes_after_too_many_boxes_are_counted(tmp_path: Path) -> None:
    clip = tmp_path / "a.mp4"
    boxes = (8).to_bytes(4, "big") + b"free"
    clip.write_bytes(make_clip(tmp_path / "b.mp4", frames=6).read_bytes() + boxes * 100_010)
    # Of the first 100,000 boxes, the clip itself has some.
    assert 10 * 8 <= count_trailing_bytes(clip) <= 20 * 8


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
