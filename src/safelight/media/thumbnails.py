"""Thumbnails, contact sheets and blurred evidence images of a clip. Runs only inside a sandboxed child."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from safelight.media.probe import MediaInfo

Pixels = npt.NDArray[np.uint8]

#: The radius of a blur is the longest side of the image divided by this.
_BLUR_STRENGTH = 24.0


def pick_frame_indices(info: MediaInfo, count: int) -> tuple[int, set[int]]:
    """The declared number of frames of a clip, and `count` evenly spaced frame numbers."""
    total = max(info.frames or round(info.duration_s * info.fps), 1)
    return total, {round((number + 0.5) * total / count) for number in range(count)}


def write_webp(pixels: Pixels, into: Path, *, quality: int = 80) -> Path:
    """Write RGB pixels as a WebP file."""
    from PIL import Image

    Image.fromarray(pixels).save(into, "WEBP", quality=quality, method=4)
    return into


def write_thumbnail(pixels: Pixels, into: Path, *, longest_side: int = 480) -> Path:
    """Write one frame, downscaled."""
    return write_webp(np.asarray(_downscale(pixels, longest_side)), into)


def write_contact_sheet(
    frames: list[Pixels], into: Path, *, columns: int = 5, longest_side: int = 240, blurred: bool = False
) -> Path:
    """Write frames on one page, in reading order; all frames are resized to the size of the first one.

    `blurred`: blur each frame as strongly as an image of `write_blurred`.
    """
    from PIL import Image

    tiles = [_downscale(pixels, longest_side) for pixels in frames]
    if blurred:
        tiles = [_blurred(picture) for picture in tiles]
    width, height = tiles[0].size
    rows = -(-len(tiles) // columns)
    page = Image.new("RGB", (width * min(columns, len(tiles)), height * rows))
    for index, picture in enumerate(tiles):
        fitted = picture if picture.size == (width, height) else picture.resize((width, height))
        page.paste(fitted, (index % columns * width, index // columns * height))
    return write_webp(np.asarray(page, dtype=np.uint8), into, quality=75)


def write_blurred(pixels: Pixels, into: Path, *, longest_side: int = 640) -> Path:
    """Write a blurred frame for reviewers: layout and colours stay visible, details do not."""
    return write_webp(np.asarray(_blurred(_downscale(pixels, longest_side))), into, quality=60)


def _blurred(picture: Any) -> Any:
    from PIL import ImageFilter

    return picture.filter(ImageFilter.GaussianBlur(max(picture.size) / _BLUR_STRENGTH))


def _downscale(pixels: Pixels, longest_side: int) -> Any:
    from PIL import Image

    picture = Image.fromarray(pixels)
    picture.thumbnail((longest_side, longest_side))
    return picture
