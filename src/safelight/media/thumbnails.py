"""Thumbnails, contact sheets and blurred evidence images of a clip. Runs only inside a sandboxed child."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from safelight.core.arrays import Pixels
from safelight.media.probe import MediaInfo

#: The radius of a blur is the longest side of the image divided by this.
_BLUR_STRENGTH = 24.0
#: Of a clip that declares no frame rate.
_USUAL_FPS = 25.0


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


def pick_review_frames(info: MediaInfo, *, around: int | None, count: int, per_s: float) -> list[int]:
    """The numbers of the frames that a reviewer is shown: `count` of them, `per_s` of a second of the clip,
    with the frame `around` in the middle; if that is None, evenly spaced over the whole clip.
    """
    total, even = pick_frame_indices(info, count)
    if around is None:
        return sorted(min(number, total - 1) for number in even)
    step = max(1, round((info.fps or _USUAL_FPS) / per_s))
    first = min(around, total - 1) - count // 2 * step
    return sorted({min(max(first + number * step, 0), total - 1) for number in range(count)})


def write_review_sheet(
    source: Path,
    into: Path,
    *,
    is_clip: bool,
    around: int | None,
    count: int,
    per_s: float,
    columns: int,
    longest_side: int,
    grey: bool,
) -> dict[str, Any]:
    """Write frames of a clip, or an image, on one page for reviewers. See `pick_review_frames`.

    Returns the numbers of the frames, their columns, and the frames per second of the clip and of the page.
    """
    if is_clip:
        frames, fps = _read_clip(source, longest_side, around=around, count=count, per_s=per_s)
    else:
        frames, fps = {0: _read_image(source, longest_side)}, _USUAL_FPS
    pixels = list(frames.values())
    if grey:
        pixels = [np.repeat(one.mean(axis=2, keepdims=True).astype(np.uint8), 3, axis=2) for one in pixels]
    columns = min(columns, len(pixels))
    write_contact_sheet(pixels, into, columns=columns, longest_side=longest_side)
    step = max(1, round(fps / per_s))
    return {"frames": list(frames), "columns": columns, "fps": fps, "per_s": fps / step}


def _read_clip(
    source: Path, longest_side: int, *, around: int | None, count: int, per_s: float
) -> tuple[dict[int, Pixels], float]:
    from safelight.media.decode import VideoDecoder
    from safelight.media.probe import ACCEPTED_CLIP_LIMITS

    walk = VideoDecoder(source, ACCEPTED_CLIP_LIMITS)
    wanted = pick_review_frames(walk.info, around=around, count=count, per_s=per_s)
    found: dict[int, Pixels] = {}
    last = None
    for last in walk.frames():
        if last.index in wanted:
            found[last.index] = last.resized(longest_side)
        if last.index >= wanted[-1]:
            break
    if last is not None and last.index < wanted[-1]:
        # The clip has fewer frames than it declares.
        found[last.index] = last.resized(longest_side)
    return found, walk.info.fps or _USUAL_FPS


def _read_image(source: Path, longest_side: int) -> Pixels:
    from safelight.media.images import ImageLimits, read_image

    return read_image(source, ImageLimits(longest_side=longest_side))[1][0]
