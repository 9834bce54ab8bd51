"""Clips for tests: a tiny clip from the package, and plain grey clips of any size."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path


def tiny_clip() -> bytes:
    """A real MP4 of 5 kB: 128x72, 2 s at 8 frames per second, H.264, with a quiet tone in AAC."""
    return files("safelight.testing").joinpath("tiny.mp4").read_bytes()


def write_plain_clip(into: Path, *, width: int, height: int, seconds: int, fps: int = 8) -> None:
    """Writes a plain grey MP4 of this size and length, without sound. Needs PyAV."""
    import av

    with av.open(str(into), "w", format="mp4") as out:
        stream = out.add_stream("libx264", rate=fps, options={"preset": "ultrafast", "crf": "40"})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        frame = av.VideoFrame(width, height, "yuv420p")
        for plane in frame.planes:
            plane.update(bytes([128]) * plane.buffer_size)
        for index in range(seconds * fps):
            frame.pts = index
            out.mux(stream.encode(frame))
        out.mux(stream.encode())
