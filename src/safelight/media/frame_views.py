"""The views of a frame that players may show: over black or white if it is transparent, or one field.

Runs only inside a sandboxed child.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from safelight.core.arrays import Pixels

#: Decoders that read the transparency of VP8 and VP9, which is a second image for each frame in Matroska
#: and WebM. FFmpeg's own decoders ignore it.
_ALPHA_DECODERS = {"vp8": "libvpx", "vp9": "libvpx-vp9"}
#: A pixel belongs to one field only if it differs by more than the first value from the next line and by
#: less than the second from the line after it; and the share of such pixels from which the fields differ.
_LINE_DIFFERENCE, _FIELD_DIFFERENCE, _COMBED_SHARE = 16, 8, 0.001
#: Only every fourth column is compared.
_COLUMN_STEP = 4
#: The fields differ too if the mean of a block of one field, of four by four pixels, is outside of the means
#: of the lines above and below it by more than this. This finds fine patterns, which the comparison of single
#: pixels does not.
_BLOCK_SIDE, _BLOCK_DIFFERENCE = 4, 8


class FrameView(StrEnum):
    """How a frame is shown to the detectors."""

    #: The colours in the file, without its transparency, and both fields together.
    STORED = "stored"
    OVER_BLACK = "over_black"
    OVER_WHITE = "over_white"
    TOP_FIELD = "top_field"
    BOTTOM_FIELD = "bottom_field"


TRANSPARENT_VIEWS = (FrameView.OVER_BLACK, FrameView.OVER_WHITE)
FIELD_VIEWS = (FrameView.TOP_FIELD, FrameView.BOTTOM_FIELD)
_BACKGROUNDS = {FrameView.OVER_BLACK: 0, FrameView.OVER_WHITE: 255}


def has_separate_alpha(stream: Any) -> bool:
    """Whether the transparency of a stream is separate, so that FFmpeg's own decoder ignores it."""
    return stream.metadata.get("alpha_mode") == "1" and stream.codec_context.name in _ALPHA_DECODERS


def decode_with_alpha(container: Any, stream: Any) -> Iterator[Any]:
    """Decode the frames of a stream together with their separate transparency."""
    import av

    decoder: Any = av.CodecContext.create(_ALPHA_DECODERS[stream.codec_context.name], "r")
    decoder.options = stream.codec_context.options
    for packet in container.demux(stream):
        yield from decoder.decode(packet)


def needed_views(frame: Any, known: frozenset[FrameView]) -> frozenset[FrameView]:
    """The views other than `STORED` that differ from it for this frame. Those in `known` are not tested."""
    found: frozenset[FrameView] = frozenset()
    if not known.issuperset(TRANSPARENT_VIEWS) and _has_alpha(frame) and _is_transparent(frame):
        found |= frozenset(TRANSPARENT_VIEWS)
    if not known.issuperset(FIELD_VIEWS) and frame.interlaced_frame and _fields_differ(frame):
        found |= frozenset(FIELD_VIEWS)
    return found


def has_captions(frame: Any) -> bool:
    """Whether a frame has closed captions, which players show on request."""
    return "A53_CC" in frame.side_data


def view_frame(frame: Any, view: FrameView) -> Any:
    """The frame as this view shows it."""
    import av

    if view in TRANSPARENT_VIEWS and _has_alpha(frame):
        pixels = _composite(_pixels(frame, "rgba"), _BACKGROUNDS[view])
    elif view in FIELD_VIEWS and frame.interlaced_frame:
        # Each line of the field twice, so that places in the picture stay the same.
        lines = np.arange(frame.height) // 2 * 2 + (view is FrameView.BOTTOM_FIELD)
        pixels = _pixels(frame, "rgb24")[np.minimum(lines, frame.height - 1)]
    else:
        return frame
    viewed = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format="rgb24")
    viewed.pts, viewed.time_base = frame.pts, frame.time_base
    return viewed


def _composite(pixels: Pixels, background: int) -> Pixels:
    opacity = pixels[:, :, 3:].astype(np.uint16)
    mixed = pixels[:, :, :3] * opacity + background * (255 - opacity)
    return ((mixed + 127) // 255).astype(np.uint8)


def _pixels(frame: Any, pixel_format: str) -> Pixels:
    pixels: Pixels = frame.to_ndarray(format=pixel_format)
    return pixels


def _has_alpha(frame: Any) -> bool:
    return _format_has_alpha(frame.format.name)


@lru_cache
def _format_has_alpha(pixel_format: str) -> bool:
    import av

    # The colours of a palette may be transparent.
    named = av.VideoFormat(pixel_format)
    return pixel_format == "pal8" or any(component.is_alpha for component in named.components)


def _is_transparent(frame: Any) -> bool:
    return bool(_pixels(frame, "rgba")[:, :, 3].min() < 255)


def _fields_differ(frame: Any) -> bool:
    """Whether the two fields show different pictures: their lines then alternate."""
    pixels = _pixels(frame, "gray")
    if pixels.shape[0] < 3:
        return False
    luma = pixels[:, ::_COLUMN_STEP].astype(np.int16)
    next_line = np.abs(luma[:-2] - luma[1:-1])
    same_field = np.abs(luma[:-2] - luma[2:])
    combed = (next_line > _LINE_DIFFERENCE) & (same_field < _FIELD_DIFFERENCE)
    return float(combed.mean()) > _COMBED_SHARE or _block_means_differ(pixels)


def _block_means_differ(pixels: Pixels) -> bool:
    below = _block_means(pixels[1:-1:2])
    if not below.size:
        return False
    around = (_block_means(pixels[:-2:2]), _block_means(pixels[2::2]))
    outside = np.maximum(np.minimum(*around) - below, below - np.maximum(*around))
    return float((outside > _BLOCK_DIFFERENCE).mean()) > _COMBED_SHARE


def _block_means(lines: Pixels) -> npt.NDArray[np.float64]:
    rows, columns = (side // _BLOCK_SIDE for side in lines.shape)
    blocks = lines[: rows * _BLOCK_SIDE, : columns * _BLOCK_SIDE]
    means: npt.NDArray[np.float64] = blocks.reshape(rows, _BLOCK_SIDE, columns, _BLOCK_SIDE).mean(axis=(1, 3))
    return means
