"""Small test clips, made with our own encoder, and copies of them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import av
import numpy as np
import numpy.typing as npt

from safelight.media.encode import AudioFormat, Mp4Writer, VideoFormat
from safelight.provenance.watermark.clip_marking import MarkResult, mark_in_child
from safelight.videos.requests.request import Upload

Pixels = npt.NDArray[np.uint8]
RATE = 48_000


def upload_of(path: Path, field: str = "input_reference") -> Upload:
    """A file as a client sends it; a picture or a clip by its suffix."""
    pictures = {".png": "image/png", ".jpg": "image/jpeg"}
    media_type = pictures.get(path.suffix, "video/mp4")
    return Upload(field=field, path=path, filename=path.name, media_type=media_type)


def scenery(frame: int, width: int, height: int) -> Pixels:
    """A calm scene with a little motion."""
    down, across = np.mgrid[0:height, 0:width]
    pixels = np.stack([across * 90 // width + 60, down * 90 // height + 60, across * 0 + 120], axis=-1)
    left = (frame * 2) % max(width - 16, 1)
    pixels[height // 2 : height // 2 + 12, left : left + 12] = (200, 180, 90)
    return pixels.astype(np.uint8)


def make_clip(
    path: Path,
    *,
    width: int = 320,
    height: int = 192,
    frames: int = 36,
    fps: int = 24,
    odd: Mapping[int, Pixels] | None = None,
    sound: npt.NDArray[np.float32] | None = None,
    crf: int = 23,
) -> Path:
    """An H.264 clip of `scenery`, with some frames replaced, with or without audio."""
    with Mp4Writer(
        path,
        VideoFormat(width=width, height=height, fps=fps, crf=crf),
        None if sound is None else AudioFormat(rate=RATE),
    ) as writer:
        for frame in range(frames):
            writer.add_frame((odd or {}).get(frame, scenery(frame, width, height)))
        if sound is not None:
            writer.add_audio(sound)
    return path


def first_frame(path: Path, into: Path) -> Path:
    """The first frame of a clip as a picture."""
    with av.open(str(path)) as source:
        next(source.decode(video=0)).to_image().save(into)
    return into


def remux(path: Path, into: Path) -> Path:
    """A copy of the video stream in a new container, without the manifest of the file."""
    with av.open(str(path)) as source, av.open(str(into), "w") as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                target.mux(packet)
    return into


def mark(
    source: Path, into: Path, *, content_id: int = 5, seed: bytes = b"s" * 32, **options: Any
) -> MarkResult:
    """Write a copy of a clip with a watermark, in this process."""
    task = {"source": str(source), "into": str(into), "seed": seed, "content_id": content_id}
    return mark_in_child({**task, "is_retry": False, "preset": "ultrafast", **options}, None)


def hum(seconds: float) -> npt.NDArray[np.float32]:
    """A quiet chord."""
    moments = np.arange(round(seconds * RATE)) / RATE
    return sum(0.05 * np.sin(2 * np.pi * pitch * moments) for pitch in (220, 277, 330)).astype(np.float32)
