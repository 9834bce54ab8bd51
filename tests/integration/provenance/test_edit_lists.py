"""Marked copies of files with edit lists: picture and sound stay in time."""

from __future__ import annotations

import struct
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from support.clips import mark

WIDTH, HEIGHT, FPS, SECONDS, RATE = 320, 192, 24, 3, 48_000
TICKS_PER_S = 600
FLASH_LUMA = 235


def _write(path: Path, *, picture_s: float = 0.0, sound_s: float = 0.0) -> Path:
    """A flash and a click in each second, with B-frames. The tracks start at the given times."""
    texture = np.random.default_rng(0).integers(60, 200, (HEIGHT, 2 * WIDTH)).astype(np.uint8)
    with av.open(str(path), "w") as container:
        video: Any = container.add_stream("libx264", rate=FPS, options={"crf": "20", "bf": "2", "g": "12"})
        video.width, video.height, video.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        video.codec_context.time_base = Fraction(1, TICKS_PER_S)
        audio: Any = container.add_stream("aac", rate=RATE, layout="mono")
        for number in range(SECONDS * FPS):
            planes = np.full((HEIGHT * 3 // 2, WIDTH), 128, np.uint8)
            planes[:HEIGHT] = texture[:, 4 * number : 4 * number + WIDTH] if number % FPS else FLASH_LUMA
            frame = av.VideoFrame.from_ndarray(planes, format="yuv420p")
            frame.pts = round((number / FPS + picture_s) * TICKS_PER_S)
            frame.time_base = Fraction(1, TICKS_PER_S)
            container.mux(video.encode(frame))
        container.mux(video.encode())
        samples = np.zeros((1, SECONDS * RATE), np.float32)
        for second in range(SECONDS):
            samples[0, second * RATE : second * RATE + 1200] = np.sin(np.arange(1200) / 4)
        sound = av.AudioFrame.from_ndarray(samples, format="fltp", layout="mono")
        sound.sample_rate, sound.pts = RATE, round(sound_s * RATE)
        container.mux(audio.encode(sound))
        container.mux(audio.encode())
    return path


def _edit(path: Path, starts_s: tuple[float, ...], duration_s: float) -> Path:
    """Give both tracks an edit list: one part of this duration from each of these times."""
    data = bytearray(path.read_bytes())
    movie = data.index(b"moov")
    ticks = struct.unpack_from(">I", data, data.index(b"mvhd") + 16)[0]
    track = movie
    while (track := data.find(b"trak", track + 1)) > 0:
        edits = data.index(b"elst", track)
        scale = struct.unpack_from(">I", data, data.index(b"mdhd", track) + 16)[0]
        _duration, start, rate = struct.unpack_from(">Iii", data, edits + 12)
        entries = [
            struct.pack(">Iii", round(duration_s * ticks), start + round(at_s * scale), rate)
            for at_s in starts_s
        ]
        data[edits + 12 : edits + 24] = b"".join(entries)
        struct.pack_into(">I", data, edits + 8, len(entries))
        for box in (edits, data.index(b"edts", track), track, movie):
            size = struct.unpack_from(">I", data, box - 4)[0]
            struct.pack_into(">I", data, box - 4, size + 12 * (len(entries) - 1))
    path.write_bytes(data)
    return path


def _flashes(path: Path) -> list[float]:
    with av.open(str(path)) as container:
        frames = [(frame.time, frame.to_ndarray(format="gray").mean()) for frame in container.decode(video=0)]
    return [time for time, level in frames if level > FLASH_LUMA - 20]


def _clicks(path: Path) -> list[float]:
    found: list[float] = []
    with av.open(str(path)) as container:
        for frame in container.decode(audio=0):
            loud = np.flatnonzero(np.abs(frame.to_ndarray()[0]) > 0.3)
            time = frame.time + (loud[0] if len(loud) else 0) / RATE
            if len(loud) and (not found or time - found[-1] > 0.5):
                found.append(time)
    return found


@pytest.mark.parametrize(
    ("make", "events"),
    [
        (lambda path: _write(path), 3),
        (lambda path: _write(path, sound_s=0.5), 3),
        (lambda path: _write(path, picture_s=0.5), 3),
        (lambda path: _edit(_write(path), (0.5,), 2.5), 2),
        (lambda path: _edit(_write(path), (0.0, 2.0), 1.0), 2),
    ],
    ids=["no offset", "late sound", "late picture", "start cut off", "middle cut out"],
)
def test_picture_and_sound_of_a_marked_file_are_played_at_the_times_of_the_source(
    tmp_path: Path, make: Callable[[Path], Path], events: int
) -> None:
    source, marked = make(tmp_path / "source.mp4"), tmp_path / "marked.mp4"
    assert mark(source, marked).obstacle is None
    assert len(_flashes(source)) == len(_clicks(source)) == events
    assert _flashes(marked) == pytest.approx(_flashes(source), abs=0.002)
    assert _clicks(marked) == pytest.approx(_clicks(source), abs=0.03)
