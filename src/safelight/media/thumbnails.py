"""Small pictures of a clip: thumbnail, sheet, and blurred evidence. Only inside a sandboxed child."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from safelight.media.probe import MediaInfo

Pixels = npt.NDArray[np.uint8]


def spread(facts: MediaInfo, count: int) -> tuple[int, set[int]]:
    """How many frames a clip has by its headers, and the numbers of so many spread evenly over it."""
    total = max(facts.frames or round(facts.duration_s * facts.fps), 1)
    return total, {round((number + 0.5) * total / count) for number in range(count)}


def write_webp(pixels: Pixels, into: Path, *, quality: int = 80) -> Path:
    """The RGB pixels as a WebP file."""
    from PIL import Image

    Image.fromarray(pixels).save(into, "WEBP", quality=quality, method=4)
    return into


def thumbnail(pixels: Pixels, into: Path, *, longest_side: int = 480) -> Path:
    """One frame, small."""
    return write_webp(np.asarray(_small(pixels, longest_side)), into)


def sheet(frames: list[Pixels], into: Path, *, columns: int = 5, longest_side: int = 240) -> Path:
    """Frames in reading order on one page; all of one size, taken from the first."""
    from PIL import Image

    small = [_small(pixels, longest_side) for pixels in frames]
    width, height = small[0].size
    rows = -(-len(small) // columns)
    page = Image.new("RGB", (width * min(columns, len(small)), height * rows))
    for place, picture in enumerate(small):
        fitted = picture if picture.size == (width, height) else picture.resize((width, height))
        page.paste(fitted, (place % columns * width, place // columns * height))
    return write_webp(np.asarray(page, dtype=np.uint8), into, quality=75)


def write_blurred(pixels: Pixels, into: Path, *, longest_side: int = 640, strength: float = 24.0) -> Path:
    """A still for reviewers: layout and colours can be told, detail cannot."""
    from PIL import ImageFilter

    picture = _small(pixels, longest_side)
    radius = max(picture.size) / strength
    return write_webp(np.asarray(picture.filter(ImageFilter.GaussianBlur(radius))), into, quality=60)


def _small(pixels: Pixels, longest_side: int) -> Any:
    from PIL import Image

    picture = Image.fromarray(pixels)
    picture.thumbnail((longest_side, longest_side))
    return picture
