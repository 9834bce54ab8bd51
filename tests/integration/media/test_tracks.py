from __future__ import annotations

from pathlib import Path

import pytest
from bench.odd_clips import Recipe, make

from safelight.errors import InvalidMedia
from safelight.media.probe import MediaInfo, VideoLimits, probe
from safelight.media.subtitles import MAX_LINE_CHARS, read_subtitles
from support.clips import hum, make_clip
from support.track_clips import add_tracks

LIMITS = VideoLimits()


def unscanned(info: MediaInfo) -> dict[str, int]:
    return {part.kind.value: part.count for part in info.unscanned}


@pytest.mark.parametrize("ending", ["mp4", "mkv"])
def test_tracks_that_are_not_scanned_are_counted(tmp_path: Path, ending: str) -> None:
    one = make_clip(tmp_path / "one.mp4", frames=24, sound=hum(1.0))
    two = make_clip(tmp_path / "two.mp4", frames=24, width=160, height=96, sound=hum(1.0))
    three = make_clip(tmp_path / "three.mp4", frames=24, sound=hum(1.0))
    info = probe(
        add_tracks(tmp_path / f"a.{ending}", one, two, three, subtitles=[[(0, 500, "hello")]]), LIMITS
    )
    assert unscanned(info) == {"video_track": 2, "audio_track": 2}
    assert (info.width, info.subtitles, info.streams) == (320, 1, 7)


def test_a_cover_image_is_not_scanned_as_the_clip(tmp_path: Path) -> None:
    info = probe(make(Recipe(kind="", cover=True), tmp_path / "a.mp4"), LIMITS)
    assert unscanned(info) == {"cover_image": 1}
    assert info.width == 96


def test_the_chapter_track_of_an_mp4_is_no_unknown_data(tmp_path: Path) -> None:
    clip = add_tracks(tmp_path / "a.mp4", make_clip(tmp_path / "b.mp4"), chapters=["One", "Two"])
    assert unscanned(probe(clip, LIMITS)) == {}


def test_more_than_64_tracks_are_rejected(tmp_path: Path) -> None:
    clip = add_tracks(tmp_path / "a.mkv", make_clip(tmp_path / "b.mp4"), subtitles=[[]] * 64)
    with pytest.raises(InvalidMedia, match="65 tracks"):
        probe(clip, LIMITS)


@pytest.mark.parametrize("ending", ["mp4", "mkv"])
def test_text_subtitles_are_read_with_their_times_and_without_style(tmp_path: Path, ending: str) -> None:
    style = "" if ending == "mp4" else r"{\i1}"
    clip = add_tracks(
        tmp_path / f"a.{ending}",
        make_clip(tmp_path / "b.mp4"),
        subtitles=[[(200, 700, f"{style}first, with a comma"), (800, 900, "第二句")], [(100, 300, "other")]],
    )
    read = read_subtitles(clip, LIMITS)
    assert read.unread_tracks == 0
    assert [(line.text, line.start_s, line.end_s) for line in read.lines] == [
        ("first, with a comma", 0.2, 0.7),
        ("第二句", 0.8, 0.9),
        ("other", 0.1, 0.3),
    ]


def test_a_subtitle_line_that_is_too_long_is_an_unread_track(tmp_path: Path) -> None:
    long = "a" * (MAX_LINE_CHARS + 1)
    clip = add_tracks(
        tmp_path / "a.mkv",
        make_clip(tmp_path / "b.mp4"),
        subtitles=[[(0, 100, "read"), (200, 300, long)], [(0, 100, "read too")]],
    )
    read = read_subtitles(clip, LIMITS)
    assert [line.text for line in read.lines] == ["read", "read too"]
    assert read.unread_tracks == 1
