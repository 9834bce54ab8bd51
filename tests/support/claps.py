"""Clips with a flash and a beep at the same moment, or with fields of colour, and how they are played."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import numpy.typing as npt

from safelight.provenance.watermark.clip_marking import mark_in_child

RATE, FPS, AT_S, LENGTH_S = 48_000, 24, 1.5, 2.5
#: Where picture and sound begin, in seconds. An edit list cuts what begins before 0.
STARTS = {
    "together": (0.0, 0.0),
    "late sound": (0.0, 0.75),
    "early sound": (0.5, 0.0),
    "edit list": (-0.5, -0.5),
}
#: Ending, picture and sound of a file, its title, and how it is normalized.
SOUNDS = (
    ("mp4", "libx264", "aac", "", "kept"),
    ("mp4", "libx264", "aac", "a title", "copied"),
    ("mp4", "libx264", "libopus", "a title", "copied"),
    ("mkv", "libx264", "libopus", "a title", "copied"),
    ("mov", "libx264", "pcm_s16le", "a title", "encoded"),
    ("mp4", "mpeg4", "aac", "a title", "encoded"),
)
#: Fields of colour in MP4 that are kept, and in files that are encoded: ending, and arguments of
#: `write_patches`.
KEPT_COLOURS: dict[str, dict[str, Any]] = {
    "HD": {},
    "SD": {"matrix": 5},
    "full range": {"full": True, "layout": "yuvj420p"},
    "anamorphic": {"aspect": Fraction(16, 11)},
    "ten bits": {"layout": "yuv422p10le"},
    "HDR (PQ)": {"layout": "yuv420p10le", "matrix": 9, "transfer": 16},
    "4:4:4": {"layout": "yuv444p"},
}
ENCODED_COLOURS: dict[str, tuple[str, dict[str, Any]]] = {
    "ProRes": ("mov", {"codec": "prores_ks", "layout": "yuv422p10le"}),
    "ProRes, anamorphic": (
        "mov",
        {"codec": "prores_ks", "layout": "yuv422p10le", "aspect": Fraction(16, 11)},
    ),
    "Motion JPEG": ("avi", {"codec": "mjpeg", "layout": "yuvj420p", "full": True, "matrix": 5}),
    "MPEG-4, anamorphic": ("mp4", {"codec": "mpeg4", "matrix": 5, "aspect": Fraction(16, 11)}),
    "FFV1": ("mkv", {"codec": "ffv1", "layout": "yuv444p"}),
}


def write_clap(
    path: Path,
    *,
    codec: str = "libx264",
    sound: str = "aac",
    b_frames: bool = True,
    picture_from_s: float = 0.0,
    sound_from_s: float = 0.0,
    title: str = "",
) -> Path:
    """A clip with a flash and a beep at the same moment. An edit list cuts what begins before 0."""
    opened: Any = av.open(str(path), "w")
    with opened as container:
        if title:
            container.metadata["title"] = title
        video = container.add_stream(codec, rate=FPS)
        video.width, video.height, video.pix_fmt = 96, 64, "yuv420p"
        video.codec_context.time_base = Fraction(1, FPS)
        if codec == "libx264":
            video.options = {"bf": "3" if b_frames else "0", "preset": "veryfast"}
        audio = container.add_stream(sound, rate=RATE, layout="mono")
        frames = _frames(picture_from_s)
        for time_s, samples in _samples(sound_from_s):
            for frame in frames:
                container.mux(video.encode(frame))
                if (frame.pts or 0) / FPS > time_s:
                    break
            piece = av.AudioFrame.from_ndarray(samples[None], format="s16", layout="mono")
            piece.sample_rate, piece.pts, piece.time_base = RATE, round(time_s * RATE), Fraction(1, RATE)
            container.mux(audio.encode(piece))
        for frame in frames:
            container.mux(video.encode(frame))
        container.mux(video.encode(None))
        container.mux(audio.encode(None))
    return path


def write_marked(clip: Path, into: Path) -> Path | None:
    """The clip with a watermark; None if its format has none."""
    task = {"source": str(clip), "into": str(into), "seed": bytes(32), "content_id": 7}
    done = mark_in_child({**task, "is_retry": False, "preset": "medium", "budget_s": 60.0}, None)
    return None if done.obstacle else into


def _frames(from_s: float) -> Iterator[av.VideoFrame]:
    for number in range(round(from_s * FPS), round(LENGTH_S * FPS)):
        bright = 235 if AT_S <= number / FPS < AT_S + 0.1 else 60
        frame = av.VideoFrame.from_ndarray(np.full((96, 96), bright, np.uint8), format="yuv420p")
        frame.pts, frame.time_base = number, Fraction(1, FPS)
        yield frame


def _samples(from_s: float) -> Iterator[tuple[float, npt.NDArray[np.int16]]]:
    size = 960
    for start in range(round(from_s * RATE), round(LENGTH_S * RATE), size):
        at = np.arange(start, start + size) / RATE
        beep = np.where((at >= AT_S) & (at < AT_S + 0.1), np.sin(2 * np.pi * 1000 * at), 0.0)
        yield start / RATE, (beep * 20_000).astype(np.int16)


def off_ms(path: Path) -> float:
    """How much later the beep is played than the flash."""
    with av.open(str(path)) as container:
        flash = next(
            one.time for one in container.decode(video=0) if one.to_ndarray(format="gray").mean() > 200
        )
    with av.open(str(path)) as container:
        for frame in container.decode(audio=0):
            loud = np.abs(frame.to_ndarray().astype(np.float64)).max(axis=0)
            loud /= 1.0 if frame.format.name.startswith("flt") else 32768.0
            if loud.max() > 0.1:
                return 1000 * float(
                    (frame.time or 0.0) + int(np.argmax(loud > 0.1)) / frame.sample_rate - (flash or 0.0)
                )
    raise AssertionError("no beep")


PATCHES = ((200, 30, 30), (30, 200, 30), (30, 30, 200), (200, 200, 200), (30, 30, 30), (120, 60, 160))


def write_patches(
    path: Path,
    *,
    codec: str = "libx264",
    layout: str = "yuv420p",
    matrix: int = 1,
    transfer: int = 1,
    full: bool = False,
    aspect: Fraction | None = None,
    size: tuple[int, int] = (192, 128),
) -> Path:
    """A clip of six fields of colour with these display properties (numbers of H.273)."""
    pixels = np.zeros((size[1], size[0], 3), np.uint8)
    for number, colour in enumerate(PATCHES):
        pixels[:, number * size[0] // 6 :] = colour
    opened: Any = av.open(str(path), "w")
    with opened as container:
        video = container.add_stream(codec, rate=FPS)
        video.width, video.height, video.pix_fmt = *size, layout
        context = video.codec_context
        context.color_range, context.colorspace, context.color_trc = 2 if full else 1, matrix, transfer
        if aspect:
            context.sample_aspect_ratio = aspect
        for _ in range(6):
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24").reformat(
                format=layout, dst_colorspace=matrix, dst_color_range=2 if full else 1
            )
            container.mux(video.encode(frame))
        container.mux(video.encode(None))
    return path


def look(path: Path) -> tuple[npt.NDArray[np.int_], tuple[object, ...]]:
    """The colours of the upper half of the six fields, and how the stream is shown."""
    opened: Any = av.open(str(path))
    with opened as container:
        stream = container.streams.video[0]
        frame = next(container.decode(stream))
        context = stream.codec_context
        seen = frame.reformat(
            format="rgb24", src_colorspace=context.colorspace, src_color_range=context.color_range
        )
        upper = seen.to_ndarray()[: seen.height // 2 - 8]
        fields = np.array_split(upper, 6, axis=1)
        shown = (context.color_range, context.colorspace, context.color_trc, stream.sample_aspect_ratio)
        return np.array([one[4:-4, 6:-6].mean(axis=(0, 1)) for one in fields]).round().astype(int), shown
