from __future__ import annotations

import struct
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from safelight.core.errors import InvalidMedia, TooLarge
from safelight.media import thumbnails
from safelight.media.badge import BadgeStyle
from safelight.media.burned_badge import burn_badge
from safelight.media.decode import VideoDecoder
from safelight.media.encode import Mp4Writer, VideoFormat
from safelight.media.probe import VideoLimits, probe
from support.clips import RATE, hum, make_clip, scenery

LIMITS = VideoLimits()


def test_the_properties_of_a_clip_are_read(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "a.mp4", frames=48, sound=hum(2.0))
    facts = probe(clip, LIMITS)
    assert (facts.width, facts.height, facts.fps, facts.frames) == (320, 192, 24.0, 48)
    assert facts.duration_s == pytest.approx(2.0, abs=0.01)
    assert (facts.video_codec, facts.audio_codec, facts.audio_rate) == ("h264", "aac", RATE)
    assert (facts.rotation, facts.streams, facts.unscanned) == (0, 2, ())


def test_every_frame_is_decoded_once_in_order_and_resized_without_distortion(tmp_path: Path) -> None:
    decoder = VideoDecoder(make_clip(tmp_path / "a.mp4", frames=30), LIMITS)
    indices, times, shapes = [], [], set()
    for frame in decoder.frames():
        indices.append(frame.index)
        times.append(frame.time_s)
        shapes.add(
            (
                frame.resized(160).shape,
                frame.resized(0).shape,
                frame.resized(4000).shape,
                frame.downscaled(320).luma.shape,
            )
        )
    assert indices == list(range(30))
    assert times == pytest.approx([number / 24 for number in range(30)], abs=0.001)
    assert shapes == {((96, 160, 3), (192, 320, 3), (192, 320, 3), (192, 320))}


def test_audio_is_mono_at_each_rate_and_may_be_longer_than_the_picture(tmp_path: Path) -> None:
    decoder = VideoDecoder(make_clip(tmp_path / "a.mp4", frames=12, sound=hum(3.0)), LIMITS)
    sound = decoder.audio({8000, 16000})
    assert {rate: round(samples.size / rate, 1) for rate, samples in sound.items()} == {8000: 3.0, 16000: 3.0}
    assert 0.05 < float(np.abs(sound[16000]).max()) < 0.3


def test_a_clip_without_audio_has_no_samples(tmp_path: Path) -> None:
    decoder = VideoDecoder(make_clip(tmp_path / "a.mp4"), LIMITS)
    assert decoder.info.audio_codec is None
    assert decoder.audio({16000}) == {}


def test_the_same_frames_make_the_same_bytes(tmp_path: Path) -> None:
    one, other = (make_clip(tmp_path / name, sound=hum(1)) for name in ("a.mp4", "b.mp4"))
    assert one.read_bytes() == other.read_bytes()


def test_an_mp4_can_be_streamed_from_the_start(tmp_path: Path) -> None:
    data = make_clip(tmp_path / "a.mp4").read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")


def test_less_adaptive_quantization_spends_fewer_bits_on_grain_in_flat_areas(tmp_path: Path) -> None:
    frame = np.random.default_rng(1).normal(128, 3, (192, 320, 1)).repeat(3, axis=2).astype(np.uint8)
    sizes = []
    for strength in (1.0, 0.5):
        shape = VideoFormat(width=320, height=192, fps=24, aq_strength=strength)
        with Mp4Writer(tmp_path / f"{strength}.mp4", shape) as writer:
            writer.add_frame(frame)
        sizes.append((tmp_path / f"{strength}.mp4").stat().st_size)
    assert sizes[1] < sizes[0]


def test_variable_frame_rate_keeps_its_times(tmp_path: Path) -> None:
    times_s = [0.0, 0.04, 0.2, 0.21, 0.9, 1.5]
    with Mp4Writer(tmp_path / "a.mp4", VideoFormat(width=64, height=64, fps=25, timestamped=True)) as writer:
        for number, time_s in enumerate(times_s):
            writer.add_frame(scenery(number, 64, 64), time_s=time_s)
    decoder = VideoDecoder(tmp_path / "a.mp4", LIMITS)
    assert [frame.time_s for frame in decoder.frames()] == pytest.approx(times_s, abs=0.001)


def test_frames_hidden_by_an_edit_list_are_decoded(tmp_path: Path) -> None:
    data = bytearray(make_clip(tmp_path / "a.mp4", frames=24).read_bytes())
    # The edit list starts playback half a second into the clip.
    entry = data.index(b"elst") + 4 + 4 + 4
    duration, start = struct.unpack_from(">Ii", data, entry)
    scale = struct.unpack_from(">I", data, data.index(b"mdhd") + 4 + 12)[0]
    struct.pack_into(">Ii", data, entry, duration // 2, start + scale // 2)
    (tmp_path / "b.mp4").write_bytes(data)
    with av.open(str(tmp_path / "b.mp4")) as container:
        assert sum(1 for _ in container.decode(video=0)) < 24
    assert sum(1 for _ in VideoDecoder(tmp_path / "b.mp4", LIMITS).frames()) == 24


def test_a_text_file_is_rejected_as_video(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    path.write_text("Not a video at all, whatever the name says.")
    with pytest.raises(InvalidMedia, match="not a video file in a supported format"):
        probe(path, LIMITS)


def test_a_playlist_that_names_other_files_is_rejected(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "a.mp4")
    for text in (f"#EXTM3U\n#EXTINF:1,\n{clip}\n", f"ffconcat version 1.0\nfile '{clip}'\n"):
        (tmp_path / "b.mp4").write_text(text)
        with pytest.raises(InvalidMedia, match="not a video file in a supported format"):
            probe(tmp_path / "b.mp4", LIMITS)


def test_an_empty_file_is_reported_as_empty(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").touch()
    with pytest.raises(InvalidMedia, match="empty"):
        probe(tmp_path / "a.mp4", LIMITS)


@pytest.mark.parametrize("part", [0.02, 0.2, 0.5, 0.9])
def test_a_truncated_clip_is_invalid(tmp_path: Path, part: float) -> None:
    noise = np.random.default_rng(1).integers(0, 255, (12, 192, 320, 3), dtype=np.uint8)
    data = make_clip(tmp_path / "a.mp4", frames=12, odd=dict(enumerate(noise))).read_bytes()
    path = tmp_path / "b.mp4"
    path.write_bytes(data[: int(len(data) * part)])
    with pytest.raises(InvalidMedia, match=r"cut off|damaged"):
        list(VideoDecoder(path, LIMITS).frames())


def test_a_clip_without_its_index_is_invalid(tmp_path: Path) -> None:
    data = make_clip(tmp_path / "a.mp4").read_bytes()
    start = data.index(b"moov") - 4
    size = struct.unpack_from(">I", data, start)[0]
    (tmp_path / "b.mp4").write_bytes(data[:start] + data[start + size :])
    with pytest.raises(InvalidMedia, match=r"cut off or damaged|no picture stream"):
        probe(tmp_path / "b.mp4", LIMITS)


def test_a_header_of_60000_by_60000_is_rejected(tmp_path: Path) -> None:
    data = bytearray(make_clip(tmp_path / "a.mp4").read_bytes())
    # Only the size in the sample entry; the stream's parameter sets still have 320 x 192.
    offset = data.index(b"avc1", data.index(b"stsd")) + 4 + 24
    assert struct.unpack_from(">HH", data, offset) == (320, 192)
    struct.pack_into(">HH", data, offset, 60000, 60000)
    (tmp_path / "b.mp4").write_bytes(data)
    with pytest.raises((TooLarge, InvalidMedia)):
        list(VideoDecoder(tmp_path / "b.mp4", VideoLimits(pixels=320 * 100)).frames())


@pytest.mark.parametrize(
    ("limits", "sentence"),
    [
        (VideoLimits(bytes=1000), "bytes"),
        (VideoLimits(pixels=320 * 191), "pixels"),
        (VideoLimits(frames=35), "frames"),
        (VideoLimits(duration_s=1.2), "s long"),
    ],
)
def test_a_clip_over_a_limit_is_too_large(tmp_path: Path, limits: VideoLimits, sentence: str) -> None:
    clip = make_clip(tmp_path / "a.mp4", sound=hum(1.5))
    with pytest.raises((TooLarge, InvalidMedia), match=sentence):
        probe(clip, limits)


def test_an_audio_file_has_no_picture(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "a.mp4"), "w") as container:
        stream = container.add_stream("aac", rate=RATE, layout="mono")
        frame = av.AudioFrame.from_ndarray(hum(0.02)[None, :], format="fltp", layout="mono")
        frame.sample_rate = RATE
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    with pytest.raises(InvalidMedia, match="no picture stream"):
        probe(tmp_path / "a.mp4", LIMITS)


@pytest.mark.parametrize("size", [(320, 192), (63, 97)])
def test_a_badge_is_visible_on_every_frame_and_the_audio_is_kept(
    tmp_path: Path, size: tuple[int, int]
) -> None:
    width, height = size
    source = tmp_path / "a.mkv"
    with av.open(str(source), "w") as container:
        video = container.add_stream("ffv1", rate=24)
        video.width, video.height, video.pix_fmt = width, height, "bgr0"
        audio = container.add_stream("aac", rate=RATE, layout="mono")
        for _ in range(12):
            container.mux(
                video.encode(
                    av.VideoFrame.from_ndarray(np.full((height, width, 3), 200, np.uint8), format="rgb24")
                )
            )
        container.mux(video.encode(None))
        frame = av.AudioFrame.from_ndarray(hum(0.5)[None, :1024], format="fltp", layout="mono")
        frame.sample_rate = RATE
        container.mux(audio.encode(frame))
        container.mux(audio.encode(None))
    burn_badge(source, tmp_path / "b.mp4", BadgeStyle(text="Made with AI"), LIMITS)
    decoder = VideoDecoder(tmp_path / "b.mp4", LIMITS)
    assert (decoder.info.width, decoder.info.height) == (width + width % 2, height + height % 2)
    assert decoder.info.audio_codec == "aac"
    frames = [frame.resized(0).astype(int) for frame in decoder.frames()]
    assert len(frames) == 12
    for pixels in frames:
        corner = pixels[pixels.shape[0] * 3 // 4 :, : pixels.shape[1] // 2]
        assert corner.min() < 100
        assert pixels[: pixels.shape[0] // 2].min() > 150


def test_previews_are_small_webp_and_evidence_is_blurred(tmp_path: Path) -> None:
    pixels = np.kron(np.indices((20, 32)).sum(axis=0) % 2, np.ones((24, 24)))[..., None].repeat(3, axis=2)
    picture = (pixels * 255).astype(np.uint8)
    for path in (
        thumbnails.write_thumbnail(picture, tmp_path / "t.webp", longest_side=200),
        thumbnails.write_contact_sheet([picture] * 7, tmp_path / "s.webp", columns=3, longest_side=100),
        thumbnails.write_blurred(picture, tmp_path / "b.webp"),
    ):
        with Image.open(path) as made:
            assert made.format == "WEBP"
    with Image.open(tmp_path / "t.webp") as made:
        assert max(made.size) == 200
    with Image.open(tmp_path / "s.webp") as made:
        assert made.size[0] == 300
    with Image.open(tmp_path / "b.webp") as made:
        inside = np.asarray(made.convert("L"), dtype=float)[100:-100, 100:-100]
        assert inside.std() < 10


def test_a_clip_with_rotation_is_decoded_upright(tmp_path: Path) -> None:
    picture = np.zeros((192, 320, 3), np.uint8)
    picture[:, :100] = (220, 30, 30)
    data = bytearray(
        make_clip(tmp_path / "a.mp4", frames=6, odd=dict.fromkeys(range(6), picture)).read_bytes()
    )
    # Rotated clockwise by 90 degrees, as phones record it: the left side becomes the top.
    struct.pack_into(">9i", data, data.index(b"tkhd") + 44, 0, 1 << 16, 0, -1 << 16, 0, 0, 0, 0, 1 << 30)
    (tmp_path / "b.mp4").write_bytes(data)
    decoder = VideoDecoder(tmp_path / "b.mp4", LIMITS)
    assert (decoder.info.width, decoder.info.height) == (192, 320)
    for frame in decoder.frames():
        pixels = frame.resized(0)
        assert pixels.shape == (320, 192, 3)
        assert pixels[40, :, 0].min() > 150
        assert pixels[200:].max() < 60
