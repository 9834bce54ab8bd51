"""A clip that the encoder would change is not marked: it is delivered as it was evaluated."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from safelight.media.encode import Mp4Writer, VideoFormat
from safelight.provenance.watermark.clip_marking import Obstacle
from support.clips import mark
from support.rows import each_row

WIDTH, HEIGHT, FPS = 320, 180, 12


def _packets(width: int, height: int, pixel_format: str, *, start: int = 0) -> list[Any]:
    codec: Any = av.CodecContext.create("libx264", "w")
    codec.width, codec.height, codec.pix_fmt = width, height, pixel_format
    codec.time_base, codec.framerate = Fraction(1, FPS), Fraction(FPS)
    codec.options = {"bf": "0", "x264-params": "repeat-headers=1"}
    packets = []
    for number in range(FPS):
        pixels = np.random.default_rng(number).integers(0, 255, (height, width, 3), dtype=np.uint8)
        frame = av.VideoFrame.from_ndarray(pixels, format="rgb24").reformat(format=pixel_format)
        frame.pts, frame.time_base = start + number, Fraction(1, FPS)
        packets += codec.encode(frame)
    return [*packets, *codec.encode(None)]


def _clip(path: Path, packets: list[Any], *, rotation: int = 0) -> Path:
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream("libx264", rate=FPS, options={"bf": "0"})
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        if rotation:
            stream.set_display_rotation(rotation)
        stream.codec_context.open()
        for packet in packets:
            packet.stream = stream
            container.mux(packet)
    return path


@each_row
def test_a_format_that_changes_in_the_middle_is_not_marked(
    tmp_path: Path, later: tuple[int, int, str]
) -> None:
    both = _packets(WIDTH, HEIGHT, "yuv420p") + _packets(*later, start=FPS)
    assert mark(_clip(tmp_path / "both.mp4", both), tmp_path / "marked.mp4").obstacle is Obstacle.FORMAT


@pytest.mark.parametrize("rotation", [45, -135, 10])
def test_a_rotation_that_is_not_by_quarter_turns_is_not_marked(tmp_path: Path, rotation: int) -> None:
    turned = _clip(tmp_path / "turned.mp4", _packets(WIDTH, HEIGHT, "yuv420p"), rotation=rotation)
    assert mark(turned, tmp_path / "marked.mp4").obstacle is Obstacle.FORMAT


def test_a_writer_takes_no_picture_of_another_format(tmp_path: Path) -> None:
    shape = VideoFormat(width=WIDTH, height=HEIGHT, fps=FPS)
    with Mp4Writer(tmp_path / "clip.mp4", shape) as writer:
        grey = av.VideoFrame.from_ndarray(np.zeros((HEIGHT, WIDTH), np.uint8), format="gray")
        with pytest.raises(ValueError, match="does not fit"):
            writer.add_picture(grey, time_s=0.0)
        writer.add_frame(np.zeros((HEIGHT, WIDTH, 3), np.uint8))
