"""Stills as the pictures a server is sent: one contact sheet, or a few of them each by itself."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from safelight.detectors.protocol import Keyframe

if TYPE_CHECKING:
    # Pillow comes with the extra `server`.
    from PIL.Image import Image as Picture

#: Stills on a sheet, its columns, and the longest side of one.
MOST, COLUMNS, SIDE = 16, 4, 384
_QUALITY = 80


def pick_evenly(stills: Sequence[Keyframe], most: int) -> tuple[int, ...]:
    """Places of so many stills, evenly over all of them, the first and the last among them. Pure."""
    places = np.linspace(0, len(stills) - 1, min(most, len(stills))).round().astype(int)
    return tuple(dict.fromkeys(places.tolist()))


def sheet(stills: Sequence[Keyframe]) -> bytes:
    """A JPEG with these stills, at most `MOST`, in order, row by row. Raises `ValueError`."""
    from PIL import Image

    if not 0 < len(stills) <= MOST:
        raise ValueError(f"a sheet has 1 to {MOST} stills")
    columns = min(COLUMNS, len(stills))
    small = [_small(still, SIDE) for still in stills]
    width, height = max(one.width for one in small), max(one.height for one in small)
    page = Image.new("RGB", (width * columns, height * -(-len(small) // columns)))
    for place, picture in enumerate(small):
        page.paste(picture, (place % columns * width, place // columns * height))
    return _jpeg(page)


def single(still: Keyframe, side: int = 768) -> bytes:
    """One still as a JPEG."""
    return _jpeg(_small(still, side))


def data_url(jpeg: bytes) -> str:
    return "data:image/jpeg;base64," + base64.b64encode(jpeg).decode()


def _small(still: Keyframe, side: int) -> Picture:
    from PIL import Image

    picture = Image.fromarray(still.pixels())
    picture.thumbnail((side, side))
    return picture


def _jpeg(picture: Picture) -> bytes:
    into = io.BytesIO()
    picture.save(into, "JPEG", quality=_QUALITY)
    return into.getvalue()
