"""Reads an image file: its properties and its pixels. Runs only inside a sandboxed child."""

from __future__ import annotations

import struct
import warnings
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from safelight.core.arrays import Pixels
from safelight.core.errors import InvalidMedia, TooLarge
from safelight.media.image_structure import check_animation, check_structure, find_image_end
from safelight.media.metadata import ImageMetadata, read_metadata, read_orientation

_FIRST_SIDEWAYS_ORIENTATION = 5
#: A JPEG with several pictures of one photo, such as that of a phone with a depth map.
_MANY_PICTURES = "MPO"

FORMATS = ("PNG", "JPEG", "WEBP", "GIF")


class ImageLimits(msgspec.Struct, frozen=True, kw_only=True):
    """Limits for an image; larger images are rejected."""

    bytes: int = 32 << 20
    pixels: int = 50_000_000
    #: Maximum number of frames of an animation that are scanned. If the animation has more, coverage records
    #: a gap.
    frames: int = 8
    #: Pixels of all frames of an animation together. A decoder needs all frames before the last one.
    animation_pixels: int = 300_000_000
    #: Longest side, in pixels, to which larger images are downscaled when they are read; small print stays
    #: legible.
    longest_side: int = 1920


class ImageInfo(msgspec.Struct, frozen=True, kw_only=True):
    """Properties of an image. Width and height are those of the displayed image, after EXIF rotation."""

    format: str
    bytes: int
    width: int
    height: int
    #: Number of frames; 1 for a still image. `looked_at` is the number of frames that were decoded.
    frames: int
    looked_at: int
    transparency: bool
    #: Bytes after the end of the image, such as the clip of a motion photo. No viewer shows them as picture.
    trailing_bytes: int = 0
    metadata: ImageMetadata = ImageMetadata()


def read_image(path: Path, limits: ImageLimits) -> tuple[ImageInfo, list[Pixels]]:
    """The properties of an image, and the pixels of every view of it: RGB, in display orientation.

    Raises `InvalidMedia` or `TooLarge`. If the image has transparency, each frame has three views, because
    viewers and generators may show any: one on white, one on black, and one that ignores the transparency.
    """
    from PIL import Image, UnidentifiedImageError

    size = path.stat().st_size
    if size > limits.bytes:
        raise TooLarge(f"The image has {size:,} bytes; at most {limits.bytes:,} are allowed.")
    if size == 0:
        raise InvalidMedia("The image is empty.")
    check_structure(path, animation_pixels=limits.animation_pixels)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(path, formats=FORMATS) as picture:
                info, views = _read_opened(picture, size, limits)
            pictures = info.frames if info.format == _MANY_PICTURES else 1
            end = find_image_end(path.read_bytes(), pictures=pictures)
            return msgspec.structs.replace(info, trailing_bytes=size - end), views
    except (InvalidMedia, TooLarge, MemoryError):
        raise
    except Image.DecompressionBombError as error:
        raise TooLarge(f"The image has more than {limits.pixels:,} pixels.") from error
    except UnidentifiedImageError as error:
        raise InvalidMedia(
            "This is not an image in a supported format.", remedy="Send PNG, JPEG, WebP or GIF."
        ) from error
    except (
        OSError,
        SyntaxError,
        TypeError,
        ValueError,
        EOFError,
        OverflowError,
        IndexError,
        struct.error,
    ) as error:
        raise InvalidMedia("The image is cut off or damaged: it cannot be decoded.") from error


def _read_opened(picture: Any, size: int, limits: ImageLimits) -> tuple[ImageInfo, list[Pixels]]:
    from PIL import Image

    format_name = str(picture.format)
    if picture.width * picture.height > limits.pixels:
        raise TooLarge(
            f"The image is {picture.width} x {picture.height}; at most {limits.pixels:,} pixels are allowed."
        )
    frames = int(getattr(picture, "n_frames", 1))
    check_animation(frames, picture.width, picture.height, most=limits.animation_pixels)
    transparency = picture.has_transparency_data
    metadata = read_metadata(picture)
    looked_at = min(frames, limits.frames)
    views: list[Pixels] = []
    width, height = picture.size
    # An animation is not turned. All pictures of one photo are turned as the first.
    orientation = read_orientation(picture) if frames == 1 or format_name == _MANY_PICTURES else 1
    turn = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_270,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_90,
    }.get(orientation)
    if orientation >= _FIRST_SIDEWAYS_ORIENTATION:
        width, height = height, width
    for number in _spaced_frames(frames, looked_at):
        if number:
            picture.seek(number)
        elif format_name == "JPEG":
            picture.draft("RGB", (limits.longest_side, limits.longest_side))
        upright = picture.copy() if turn is None else picture.transpose(turn)
        views += _views(upright, limits.longest_side)
    return (
        ImageInfo(
            format=format_name,
            bytes=size,
            width=width,
            height=height,
            frames=frames,
            looked_at=looked_at,
            transparency=transparency,
            metadata=metadata,
        ),
        views,
    )


def _spaced_frames(total: int, count: int) -> list[int]:
    """`count` frame numbers out of `total`, evenly spaced, including the first and the last."""
    if count <= 1:
        return [0]
    return sorted({round(step * (total - 1) / (count - 1)) for step in range(count)})


def _views(picture: Any, longest_side: int) -> list[Pixels]:
    """The RGB views of one frame."""
    from PIL import Image

    if picture.mode in ("I;16", "I;16B", "I;16L", "I", "F"):
        # Pillow clips 16-bit and 32-bit grey values, but viewers scale them, so they are scaled here.
        values = np.asarray(picture, dtype=np.float64)
        white_level = 65535.0 if values.max(initial=0.0) > 255 else 255.0
        picture = Image.fromarray((np.clip(values / white_level, 0, 1) * 255).astype(np.uint8))
    views = []
    if picture.has_transparency_data:
        picture = picture.convert("RGBA")
        if picture.getextrema()[3][0] < 255:
            for level in (255, 0):
                background = Image.new("RGBA", picture.size, (level, level, level, 255))
                views.append(Image.alpha_composite(background, picture).convert("RGB"))
    views.append(picture.convert("RGB"))
    for view in views:
        view.thumbnail((longest_side, longest_side), Image.Resampling.BOX, reducing_gap=None)
    return [np.asarray(view, dtype=np.uint8) for view in views]
