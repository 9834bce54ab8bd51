"""Transparent and interlaced clips, made with PyAV."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import numpy.typing as npt

Pixels = npt.NDArray[np.uint8]

#: By the end of the name: codec and pixel format of a transparent clip.
TRANSPARENT = {
    "vp9.webm": ("libvpx-vp9", "yuva420p"),
    "vp8.webm": ("libvpx", "yuva420p"),
    "prores.mov": ("prores_ks", "yuva444p10le"),
    "png.mov": ("png", "rgba"),
    "ffv1.mkv": ("ffv1", "yuva420p"),
}


def transparent_clip(folder: Path, name: str, frames: int, pixels: Callable[[int], Pixels]) -> Path:
    """A clip with the RGBA pixels of each frame; `name` is a key of `TRANSPARENT`."""
    codec, layout = TRANSPARENT[name]
    first = pixels(0)
    with av.open(str(folder / name), "w") as made:
        options = {"auto-alt-ref": "0"} if codec == "libvpx" else {}
        stream: Any = made.add_stream(codec, rate=12, options=options)
        stream.height, stream.width = first.shape[:2]
        stream.pix_fmt = layout
        for number in range(frames):
            frame = av.VideoFrame.from_ndarray(pixels(number), format="rgba").reformat(format=layout)
            frame.pts, frame.time_base = number, Fraction(1, 12)
            made.mux(stream.encode(frame))
        made.mux(stream.encode(None))
    return folder / name


def interlaced_clip(path: Path, frames: int, pixels: Callable[[int], tuple[Pixels, Pixels]]) -> Path:
    """An H.264 clip whose frames have the lines of two pictures in turn: the top and the bottom field."""
    first, _ = pixels(0)
    with av.open(str(path), "w") as made:
        stream: Any = made.add_stream("libx264", rate=25, options={"x264-params": "tff=1", "crf": "14"})
        stream.height, stream.width = first.shape[:2]
        stream.pix_fmt = "yuv420p"
        for number in range(frames):
            top, bottom = pixels(number)
            woven = top.copy()
            woven[1::2] = bottom[1::2]
            frame = av.VideoFrame.from_ndarray(woven, format="rgb24").reformat(format="yuv420p")
            frame.pts, frame.time_base = number, Fraction(1, 25)
            made.mux(stream.encode(frame))
        made.mux(stream.encode(None))
    return path
