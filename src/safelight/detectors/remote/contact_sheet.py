"""Encodes keyframes for a vision guard: several on one contact sheet, or each as a single picture."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from safelight.detectors.protocol import Keyframe

if TYPE_CHECKING:
    # The extra `server` installs Pillow.
    from PIL.Image import Image as Picture

#: Frames on a sheet, columns of a sheet, and longest side of one frame in pixels.
MAX_SHEET_FRAMES, COLUMNS, MAX_FRAME_SIDE_PX = 16, 4, 384
_QUALITY = 80


def pick_evenly(keyframes: Sequence[Keyframe], limit: int) -> tuple[int, ...]:
    """Indices of at most `limit` keyframes, evenly spaced, including the first and the last. Pure."""
    indices = np.linspace(0, len(keyframes) - 1, min(limit, len(keyframes))).round().astype(int)
    return tuple(dict.fromkeys(indices.tolist()))


def draw_contact_sheet(keyframes: Sequence[Keyframe]) -> bytes:
    """A JPEG contact sheet of 1 to `MAX_SHEET_FRAMES` keyframes, row by row. Raises `ValueError` for other
    counts.
    """
    from PIL import Image

    if not 0 < len(keyframes) <= MAX_SHEET_FRAMES:
        raise ValueError(f"a contact sheet has 1 to {MAX_SHEET_FRAMES} frames")
    columns = min(COLUMNS, len(keyframes))
    small = [_scaled_down(keyframe, MAX_FRAME_SIDE_PX) for keyframe in keyframes]
    width, height = max(one.width for one in small), max(one.height for one in small)
    page = Image.new("RGB", (width * columns, height * -(-len(small) // columns)))
    for place, picture in enumerate(small):
        page.paste(picture, (place % columns * width, place // columns * height))
    return _encode_jpeg(page)


def encode_keyframe(keyframe: Keyframe, side: int = 768) -> bytes:
    """One keyframe as a JPEG."""
    return _encode_jpeg(_scaled_down(keyframe, side))


def data_url(jpeg: bytes) -> str:
    return "data:image/jpeg;base64," + base64.b64encode(jpeg).decode()


def _scaled_down(keyframe: Keyframe, side: int) -> Picture:
    from PIL import Image

    picture = Image.fromarray(keyframe.pixels())
    picture.thumbnail((side, side))
    return picture


def _encode_jpeg(picture: Picture) -> bytes:
    into = io.BytesIO()
    picture.save(into, "JPEG", quality=_QUALITY)
    return into.getvalue()
