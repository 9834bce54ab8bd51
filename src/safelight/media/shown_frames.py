"""Decoded frames as an encoder takes them: of one size and pixel format, with their times and colours."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from safelight.media.decode import decoded_frames
from safelight.media.probe import (
    VideoLimits,
    check_extent,
    check_size,
    decoder_errors_raise,
    strict_decoding,
)

#: Transfer functions (H.273) of pictures that need ten bits.
PQ, HLG = 16, 18
_FULL_RANGE = 2


@dataclass(frozen=True, kw_only=True)
class FrameShape:
    """Size and pixel format of all frames. H.264 needs even sides in most formats."""

    width: int
    height: int
    format: str

    @classmethod
    def of(cls, codec: Any, *, kept: tuple[str, ...] = ()) -> FrameShape:
        """The shape for the frames of a decoder: its own format if it is in `kept`, else the one that players
        show, for full range or high dynamic range too.
        """
        name = codec.format.name
        if name not in kept:
            name = "yuvj420p" if name.startswith("yuvj") else "yuv420p"
            name = "yuv420p10le" if codec.color_trc in (PQ, HLG) else name
        return cls(width=codec.width + codec.width % 2, height=codec.height + codec.height % 2, format=name)


def shown_frames(
    container: Any, video: Any, shape: FrameShape, limits: VideoLimits
) -> Iterator[tuple[float, Any]]:
    """The time and the frame of everything that is played. A frame of another size is scaled. Raises
    `InvalidMedia`, `TooLarge`.
    """
    first_s: float | None = None
    for number, frame in enumerate(decoded_frames(container.decode(strict_decoding(video)))):
        check_size(frame.width, frame.height, limits)
        time_s = frame.time if frame.time is not None else number / float(video.average_rate or 25)
        first_s = time_s if first_s is None else first_s
        check_extent(number, time_s - first_s, limits)
        with decoder_errors_raise():
            yield time_s, _shaped(frame, shape)


def _shaped(frame: Any, shape: FrameShape) -> Any:
    from av.video.reformatter import ColorRange, Colorspace

    rows, columns = shape.height - frame.height, shape.width - frame.width
    is_padded = {rows, columns} <= {0, 1}
    if not is_padded or frame.format.name != shape.format:
        rgb = is_rgb(frame.format)
        frame = frame.reformat(
            width=frame.width if is_padded else shape.width,
            height=frame.height if is_padded else shape.height,
            format=shape.format,
            dst_colorspace=Colorspace.ITU709 if rgb else None,
            dst_color_range=ColorRange.MPEG if rgb else None,
        )
    return _padded(frame, shape) if is_padded and (rows or columns) else frame


def _padded(frame: Any, shape: FrameShape) -> Any:
    """The frame with its last row or column once more, which a scaled one would mix."""
    import av

    made = av.VideoFrame(shape.width, shape.height, shape.format)
    for old, new in zip(planes_of(frame), planes_of(made), strict=True):
        more = [(0, ours - theirs) for ours, theirs in zip(new.shape, old.shape, strict=True)]
        new[:] = np.pad(old, more, mode="edge")
    return made


def planes_of(frame: Any) -> list[npt.NDArray[Any]]:
    """The samples of each plane of a planar frame, in its own memory: writable if the frame is."""
    kind = np.dtype("<u2" if frame.format.components[0].bits > 8 else "u1")
    return [
        np.frombuffer(plane, kind).reshape(plane.height, plane.line_size // kind.itemsize)[:, : plane.width]
        for plane in frame.planes
    ]


def is_full_range(codec: Any) -> bool:
    """Whether code values reach from black at 0 to the highest one, and not from 16 to 235."""
    return bool(codec.format.name.startswith("yuvj") or codec.color_range == _FULL_RANGE)


def is_rgb(layout: Any) -> bool:
    """Whether a pixel format has colours that an encoder converts, to BT.709."""
    return bool(layout.is_rgb or layout.has_palette)
