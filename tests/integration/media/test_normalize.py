from __future__ import annotations

from pathlib import Path

import av
import pytest
from bench.odd_clips import Recipe, make

from safelight.core.errors import InvalidMedia, TooLarge
from safelight.media.decode import VideoDecoder
from safelight.media.normalize import NormalizeMethod, normalize_video
from safelight.media.probe import VideoLimits, probe
from support.clips import hum, make_clip

LIMITS = VideoLimits()
AAC = ("aac", "stereo", 48_000, 0.5)


def plain(source: Path) -> tuple[NormalizeMethod, tuple[str, ...], Path]:
    into = source.with_name("plain.mp4")
    result = normalize_video(source, into, LIMITS)
    return result.method, result.dropped_streams, source if result.method is NormalizeMethod.KEPT else into


def test_a_plain_clip_stays_byte_for_byte(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "a.mp4", sound=hum(1.5))
    assert plain(clip) == (NormalizeMethod.KEPT, (), clip)
    assert not (tmp_path / "plain.mp4").exists()


@pytest.mark.parametrize("ending", ["mp4", "mkv", "mov"])
def test_tracks_that_players_do_not_select_are_dropped(tmp_path: Path, ending: str) -> None:
    source = make(Recipe(kind="", ending=ending, videos=2, sounds=(AAC, AAC)), tmp_path / f"a.{ending}")
    how, left_out, result = plain(source)
    assert (how, left_out) == (NormalizeMethod.COPIED, ("audio", "video"))
    facts = probe(result, LIMITS)
    assert (facts.streams, facts.video_codec, facts.audio_codec) == (2, "h264", "aac")
    assert [round(frame.time_s, 2) for frame in VideoDecoder(result, LIMITS).frames()] == [
        n / 20 for n in range(10)
    ]


def test_a_cover_image_is_not_the_video(tmp_path: Path) -> None:
    source = make(Recipe(kind="", cover=True, sounds=(AAC,)), tmp_path / "a.mp4")
    how, left_out, result = plain(source)
    assert (how, left_out) == (NormalizeMethod.COPIED, ("video",))
    assert (probe(result, LIMITS).width, probe(result, LIMITS).frames) == (96, 10)


@pytest.mark.parametrize(
    ("ending", "codec", "layout", "sounds"),
    [
        ("avi", "mjpeg", "yuvj420p", (("pcm_s16le", "mono", 11_025, 0.5),)),
        ("mov", "prores_ks", "yuv422p10le", ()),
        ("gif", "gif", "rgb8", ()),
        ("mov", "qtrle", "argb", (AAC,)),
    ],
)
def test_an_unplayable_codec_is_reencoded(
    tmp_path: Path, ending: str, codec: str, layout: str, sounds: tuple[tuple[str, str, int, float], ...]
) -> None:
    recipe = Recipe(kind="", ending=ending, codec=codec, layout=layout, sounds=sounds)
    how, _, result = plain(make(recipe, tmp_path / f"a.{ending}"))
    facts = probe(result, LIMITS)
    assert (how, facts.video_codec, facts.frames) == (NormalizeMethod.ENCODED, "h264", 10)
    assert facts.audio_codec == ("aac" if sounds else None)
    assert facts.audio_duration_s == pytest.approx(0.5 if sounds else 0.0, abs=0.1)


def test_the_rotation_is_kept_and_odd_sides_become_even(tmp_path: Path) -> None:
    turned = make(Recipe(kind="", ending="mov", rotation=90), tmp_path / "a.mov")
    _, _, result = plain(turned)
    assert (probe(result, LIMITS).width, probe(result, LIMITS).height) == (64, 96)
    tiny = make(
        Recipe(kind="", ending="mkv", codec="ffv1", layout="bgr0", width=1, height=1), tmp_path / "b.mkv"
    )
    _, _, result = plain(tiny)
    assert (probe(result, LIMITS).width, probe(result, LIMITS).height) == (2, 2)


def test_matroskas_first_frames_are_not_lost(tmp_path: Path) -> None:
    times = (0.0, 0.001, 0.002, 0.003, 1.0, 2.0)
    _, _, result = plain(make(Recipe(kind="", ending="mkv", times=times), tmp_path / "a.mkv"))
    assert [round(frame.time_s, 2) for frame in VideoDecoder(result, LIMITS).frames()] == [
        round(t, 2) for t in times
    ]
    # The presentation time, not the decode time.
    assert probe(result, LIMITS).duration_s >= 2.0


def test_limits_apply_during_reencoding(tmp_path: Path) -> None:
    source = make(Recipe(kind="", ending="avi", codec="mjpeg", layout="yuvj420p"), tmp_path / "a.avi")
    for limits in (VideoLimits(frames=5), VideoLimits(pixels=100), VideoLimits(bytes=100)):
        with pytest.raises((TooLarge, InvalidMedia)):
            normalize_video(source, tmp_path / "plain.mp4", limits)


def test_a_stream_that_decoders_would_conceal_is_rejected(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "a.mp4", frames=12, crf=8)
    data = bytearray(clip.read_bytes())
    offset = data.index(b"mdat") + 800
    data[offset : offset + 60] = bytes(60)
    clip.write_bytes(data)
    with av.open(str(clip)) as container:
        assert sum(1 for _ in container.decode(video=0)) > 0
    with pytest.raises(InvalidMedia, match="damaged"):
        list(VideoDecoder(clip, LIMITS).frames())


def test_a_declared_frame_count_above_the_byte_count_is_ignored(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "a.mp4", frames=12)
    data = bytearray(clip.read_bytes())
    rows = data.index(b"stts") + 12
    data[rows : rows + 4] = (4_000_000_000).to_bytes(4, "big")
    clip.write_bytes(data)
    assert sum(1 for _ in VideoDecoder(clip, LIMITS).frames()) == 12


def test_a_malformed_mp4_is_rewritten(tmp_path: Path) -> None:
    data = make_clip(tmp_path / "a.mp4", frames=12).read_bytes()
    table = data.index(b"stco") + 8
    lie = data[:table] + (1000).to_bytes(4, "big") + data[table + 4 :]
    for number, changed in enumerate((data + b"more bytes", data + data[-64:])):
        source = tmp_path / f"{number}.mp4"
        source.write_bytes(changed)
        assert plain(source)[0] is NormalizeMethod.COPIED
        assert sum(1 for _ in VideoDecoder(tmp_path / "plain.mp4", LIMITS).frames()) == 12
    (tmp_path / "lie.mp4").write_bytes(lie)
    assert plain(tmp_path / "lie.mp4")[0] is not NormalizeMethod.KEPT


def test_an_audio_track_that_cannot_be_decoded_is_not_dropped(tmp_path: Path) -> None:
    data = make_clip(tmp_path / "a.mp4", sound=hum(1.5)).read_bytes()
    (tmp_path / "b.mp4").write_bytes(data.replace(b"mp4a", b"zzzz").replace(b"esds", b"free"))
    with pytest.raises(InvalidMedia, match="codec"):
        plain(tmp_path / "b.mp4")
