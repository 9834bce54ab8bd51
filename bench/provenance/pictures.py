"""Pixels of files for measurements that change or forge clips."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import av.filter
import cv2
import numpy as np
import numpy.typing as npt

from safelight.media.encode import Mp4Writer, VideoFormat

Luma = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class Frames:
    """The first frames of a clip: luma of even sides, and the colour planes below it."""

    luma: list[Luma]
    colour: list[Luma]
    fps: float

    def with_luma(self, luma: Iterable[Luma]) -> Frames:
        return Frames(luma=list(luma), colour=self.colour, fps=self.fps)


def read_frames(path: Path, seconds: float) -> Frames:
    luma, colour = list[Luma](), list[Luma]()
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        fps = float(stream.average_rate or 25)
        for frame in container.decode(stream):
            if len(luma) >= seconds * fps:
                break
            size = (frame.width - frame.width % 2, frame.height - frame.height % 2)
            planes: Any = frame.reformat(*size, format="yuv420p").to_ndarray()
            luma.append(planes[: size[1]])
            colour.append(planes[size[1] :])
    return Frames(luma=luma, colour=colour, fps=fps)


def write_frames(frames: Frames, into: Path, *, crf: int = 18) -> Path:
    height, width = frames.luma[0].shape
    shape = VideoFormat(width=width, height=height, fps=frames.fps, crf=crf)
    with Mp4Writer(into, shape) as writer:
        for number, (luma, colour) in enumerate(zip(frames.luma, frames.colour, strict=False)):
            picture: Any = av.VideoFrame.from_ndarray(np.vstack([luma, colour]), format="yuv420p")
            writer.add_picture(picture, time_s=number / frames.fps)
    return into


def transcode(
    source: Path, into: Path, codec: str, options: dict[str, str], *, filters: str = "null"
) -> None:
    """Write the pictures of a clip with another codec, after these filters of FFmpeg, without sound."""
    with av.open(str(source)) as found, av.open(str(into), "w") as written:
        video = found.streams.video[0]
        graph = av.filter.Graph()
        graph.link_nodes(
            graph.add_buffer(template=video),
            *(graph.add(*one.split("=", 1)) for one in filters.split(",")),
            graph.add("format", "yuv420p"),
            graph.add("buffersink"),
        ).configure()
        stream: Any = None
        for frame in itertools.chain(found.decode(video), [None]):
            graph.push(frame)
            while True:
                try:
                    changed: Any = graph.pull()
                except (BlockingIOError, EOFError):
                    break
                if stream is None:
                    stream = written.add_stream(codec, rate=video.average_rate, options=options)
                    stream.width, stream.height, stream.pix_fmt = changed.width, changed.height, "yuv420p"
                    stream.time_base, stream.thread_count = changed.time_base, 1
                written.mux(stream.encode(changed))
        written.mux(stream.encode())


def to_luma(values: npt.NDArray[Any]) -> Luma:
    return np.asarray(np.clip(np.rint(values), 0, 255), np.uint8)


def resized(plane: npt.NDArray[Any], like: Luma) -> Floats:
    size = (like.shape[1], like.shape[0])
    return np.asarray(cv2.resize(np.asarray(plane, np.float32), size), np.float32)


def psnr_db(one: Sequence[Luma], other: Sequence[Luma]) -> float:
    """Of the luma of two clips, in decibels."""
    error = np.mean([np.mean(np.square(a.astype(np.float32) - b)) for a, b in zip(one, other, strict=False)])
    return round(float(10 * np.log10(255**2 / max(float(error), 1e-9))), 2)
