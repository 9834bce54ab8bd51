"""Writes frames as an MP4 file."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import av


def write_video(frames: Any, path: Path, *, fps: int) -> None:
    """`frames`: a tensor (frames, 3, height, width), values from 0 to 1. The file appears when complete."""
    part = path.with_suffix(".part")
    pixels = (frames.clamp(0, 1) * 255).round().byte().permute(0, 2, 3, 1).cpu().numpy()
    # The format by name: the temporary file has another suffix.
    with av.open(str(part), "w", format="mp4", options={"movflags": "faststart"}) as file:
        stream = file.add_stream("libx264", rate=Fraction(fps))
        # 4:2:0 halves both sides, so odd ones lose a line.
        stream.height, stream.width = (side // 2 * 2 for side in pixels.shape[1:3])
        stream.pix_fmt = "yuv420p"
        for frame in pixels:
            picture = av.VideoFrame.from_ndarray(
                frame[: stream.height, : stream.width].copy(), format="rgb24"
            )
            for packet in stream.encode(picture):
                file.mux(packet)
        for packet in stream.encode():
            file.mux(packet)
    part.replace(path)
