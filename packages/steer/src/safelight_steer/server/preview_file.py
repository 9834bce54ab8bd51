"""Writes a blurred preview of a stopped generation, for the case of a reviewer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from PIL import Image, ImageFilter

#: The longest side of a frame, in pixels, and how many frames are in the picture.
_LONGEST_SIDE, _MAX_FRAMES = 192, 4
#: The radius of the blur is the longest side divided by this: layout and colours stay visible, details do
#: not.
_BLUR_STRENGTH = 16.0


def write_preview(frames: Any, path: Path) -> None:
    """`frames`: a tensor (frames, 3, height, width), values from 0 to 1. A PNG with some of them in a row."""
    chosen = frames[:: -(-len(frames) // _MAX_FRAMES)]
    pixels = (chosen.clamp(0, 1) * 255).round().byte().permute(0, 2, 3, 1).cpu().numpy()
    scale = _LONGEST_SIDE / max(pixels.shape[1:3])
    width, height = (max(1, round(side * scale)) for side in (pixels.shape[2], pixels.shape[1]))
    page = Image.new("RGB", (width * len(pixels), height))
    for number, frame in enumerate(pixels):
        # Small frames are enlarged first, so that the blur is as strong in every size.
        picture = Image.fromarray(frame).resize((width, height))
        blurred = picture.filter(ImageFilter.GaussianBlur(_LONGEST_SIDE / _BLUR_STRENGTH))
        page.paste(blurred, (number * width, 0))
    page.save(path, "PNG")
