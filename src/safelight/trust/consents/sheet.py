"""Draws frames of a clip into one picture, in which a reviewer reads the phrase and sees the face."""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

_COLUMNS = 3
_MAX_FRAMES = 9
#: Wide enough to read a phrase that is held before the camera.
_FRAME_WIDTH = 480


def draw_sheet(frames: Sequence[npt.NDArray[np.uint8]]) -> bytes:
    """A grid of at most nine frames, spread over the clip, as WebP. The frames have one size."""
    from PIL import Image

    places = np.linspace(0, len(frames) - 1, min(len(frames), _MAX_FRAMES)).round().astype(int)
    chosen = [Image.fromarray(frames[place]) for place in dict.fromkeys(places.tolist())]
    width = min(_FRAME_WIDTH, chosen[0].width)
    height = max(1, round(chosen[0].height * width / chosen[0].width))
    columns = min(_COLUMNS, len(chosen))
    rows = -(-len(chosen) // columns)
    sheet = Image.new("RGB", (columns * width, rows * height))
    for number, frame in enumerate(chosen):
        sheet.paste(frame.resize((width, height)), (number % columns * width, number // columns * height))
    written = io.BytesIO()
    sheet.save(written, "WEBP", quality=80)
    return written.getvalue()
