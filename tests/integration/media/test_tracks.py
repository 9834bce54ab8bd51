from __future__ import annotations

from pathlib import Path

import av
import pytest
from bench.odd_clips import Recipe, make

from safelight.core.errors import InvalidMedia
from safelight.media.decode import VideoDecoder
from safelight.media.normalize import NormalizeMethod, normalize_video
from safelight.media.probe import MediaInfo, VideoLimits, probe
from safelight.media.subtitles import MAX_CHARS, MAX_LINE_CHARS, read_subtitles
from support.clips import hum, make_clip
from support.track_clips import add_captions, add_tracks

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


@pytest.mark.parametrize("chapters", [(), ("One", "Two")])
def test_a_track_of_an_unknown_type_counts_as_unread_subtitles(
    tmp_path: Path, chapters: tuple[str, ...]
) -> None:
    source = make_clip(tmp_path / "b.mp4")
    clip = add_tracks(tmp_path / "a.mp4", source, subtitles=[[(0, 500, "hello")]], chapters=chapters)
    clip.write_bytes(clip.read_bytes().replace(b"tx3g", b"wvtt"))
    assert unscanned(probe(clip, LIMITS)) == {"subtitles": 1}


def test_closed_captions_in_the_picture_are_unscanned_subtitles_and_dropped_by_normalization(
    tmp_path: Path,
) -> None:
    clip = add_captions(tmp_path / "a.mp4", make_clip(tmp_path / "b.mp4", frames=6))
    decoder = VideoDecoder(clip, LIMITS)
    assert sum(1 for _ in decoder.frames()) == 6
    assert unscanned(decoder.info) == {"subtitles": 1}
    result = normalize_video(clip, tmp_path / "plain.mp4", LIMITS)
    assert (result.method, result.dropped_streams) == (NormalizeMethod.ENCODED, ("captions",))
    plain = VideoDecoder(tmp_path / "plain.mp4", LIMITS)
    assert sum(1 for _ in plain.frames()) == 6
    assert unscanned(plain.info) == {}


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
    read = read_subtitles(clip, LIMITS, expired=lambda: False)
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
    read = read_subtitles(clip, LIMITS, expired=lambda: False)
    assert [line.text for line in read.lines] == ["read", "read too"]
    assert read.unread_tracks == 1


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("words {in braces}", "words {in braces}"),
        (r"{\i1}styled{\i0\fnSans Serif\c&HFFFFFF&} text{}", "styled text"),
        (r"{\pos(10,20)\t(0,100,\fs20)}moved", "moved"),
        (r"\{escaped\} \\ and\hspaced\Nlines", r"{escaped} \ and spaced lines"),
        (r"{\kill the style}", r"{\kill the style}"),
        (r"{\殺}", r"{\殺}"),
    ],
)
def test_only_style_codes_are_removed_from_a_subtitle(tmp_path: Path, source: str, text: str) -> None:
    clip = add_tracks(tmp_path / "a.mkv", make_clip(tmp_path / "b.mp4"), subtitles=[[(0, 100, source)]])
    [line] = read_subtitles(clip, LIMITS, expired=lambda: False).lines
    assert line.text == text


def test_all_subtitle_tracks_are_read_in_one_pass_until_the_time_is_over(tmp_path: Path) -> None:
    clip = add_tracks(
        tmp_path / "a.mkv", make_clip(tmp_path / "b.mp4"), subtitles=[[(0, 100, "one")], [(0, 100, "two")]]
    )
    calls = 0

    def expired() -> bool:
        nonlocal calls
        calls += 1
        return False

    assert len(read_subtitles(clip, LIMITS, expired=expired).lines) == 2
    with av.open(str(clip)) as container:
        assert calls == sum(1 for _ in container.demux())
    late = read_subtitles(clip, LIMITS, expired=lambda: True)
    assert (late.lines, late.unread_tracks) == ((), 2)


def test_subtitles_with_too_many_characters_are_unread_tracks(tmp_path: Path) -> None:
    events = [(number, number + 1, f"{number} " + "a" * 1_900) for number in range(MAX_CHARS // 1_900 + 1)]
    clip = add_tracks(tmp_path / "a.mkv", make_clip(tmp_path / "b.mp4"), subtitles=[events])
    read = read_subtitles(clip, LIMITS, expired=lambda: False)
    assert read.unread_tracks == 1
    assert 0 < sum(len(line.text) for line in read.lines) <= MAX_CHARS
