"""Opening a still picture: what it is, and its pixels. Only inside a sandboxed child."""

from __future__ import annotations

import struct
import warnings
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from safelight.errors import InvalidMedia, TooLarge
from safelight.media.metadata import Metadata, read_metadata

Pixels = npt.NDArray[np.uint8]

_ORIENTATION, _SIDEWAYS = 0x0112, 5

FORMATS = ("PNG", "JPEG", "WEBP", "GIF")


class PictureLimits(msgspec.Struct, frozen=True, kw_only=True):
    """What a picture may be at most."""

    bytes: int = 32 << 20
    pixels: int = 50_000_000
    #: Frames of an animated picture that are looked at; more leave a hole.
    frames: int = 8
    #: Larger pictures are made smaller than this on reading; small print stays legible.
    longest_side: int = 1920


class PictureFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What a picture is. Width and height are as shown, after the camera's rotation."""

    format: str
    bytes: int
    width: int
    height: int
    #: 1 for a still; `looked_at` of them were decoded.
    frames: int
    looked_at: int
    transparency: bool
    metadata: Metadata = Metadata()


def read_picture(path: Path, limits: PictureLimits) -> tuple[PictureFacts, list[Pixels]]:
    """The facts, and every view that a viewer or a generator may see, RGB, upright.

    Raises `InvalidMedia` or `TooLarge`. A picture with transparency has two views of each frame: laid on
    white, and with the transparency ignored.
    """
    from PIL import Image, ImageOps, UnidentifiedImageError

    size = path.stat().st_size
    if size > limits.bytes:
        raise TooLarge(f"The picture has {size:,} bytes; at most {limits.bytes:,} are allowed.")
    if size == 0:
        raise InvalidMedia("The picture is empty.")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(path, formats=FORMATS) as picture:
                kind = str(picture.format)
                if picture.width * picture.height > limits.pixels:
                    raise TooLarge(
                        f"The picture is {picture.width} x {picture.height}; "
                        f"at most {limits.pixels:,} pixels are allowed."
                    )
                frames = int(getattr(picture, "n_frames", 1))
                clear = picture.has_transparency_data
                said = read_metadata(picture)
                looked_at = min(frames, limits.frames)
                views: list[Pixels] = []
                width, height = picture.size
                if picture.getexif().get(_ORIENTATION, 1) >= _SIDEWAYS and frames == 1:
                    width, height = height, width
                for number in _spread(frames, looked_at):
                    if number:
                        picture.seek(number)
                    elif kind == "JPEG":
                        picture.draft("RGB", (limits.longest_side, limits.longest_side))
                    upright = ImageOps.exif_transpose(picture) if frames == 1 else picture.copy()
                    views += _views(upright, limits.longest_side)
    except (InvalidMedia, TooLarge, MemoryError):
        raise
    except Image.DecompressionBombError as error:
        raise TooLarge(f"The picture has more than {limits.pixels:,} pixels.") from error
    except UnidentifiedImageError as error:
        raise InvalidMedia(
            "This is not a picture of a known kind.", remedy="Send PNG, JPEG, WebP or GIF."
        ) from error
    except (OSError, SyntaxError, ValueError, EOFError, OverflowError, IndexError, struct.error) as error:
        raise InvalidMedia("The picture is cut off or damaged: it cannot be decoded.") from error
    return (
        PictureFacts(
            format=kind,
            bytes=size,
            width=width,
            height=height,
            frames=frames,
            looked_at=looked_at,
            transparency=clear,
            metadata=said,
        ),
        views,
    )


def _spread(total: int, wanted: int) -> list[int]:
    """`wanted` frame numbers of `total`, the first and the last among them."""
    if wanted <= 1:
        return [0]
    return sorted({round(step * (total - 1) / (wanted - 1)) for step in range(wanted)})


def _views(picture: Any, longest_side: int) -> list[Pixels]:
    from PIL import Image

    if picture.mode in ("I;16", "I;16B", "I;16L", "I", "F"):
        # Pillow clips deep greys where viewers scale them.
        deep = np.asarray(picture, dtype=np.float64)
        top = 65535.0 if deep.max(initial=0.0) > 255 else 255.0
        picture = Image.fromarray((np.clip(deep / top, 0, 1) * 255).astype(np.uint8))
    views = []
    if picture.has_transparency_data:
        picture = picture.convert("RGBA")
        if picture.getextrema()[3][0] < 255:
            white = Image.new("RGBA", picture.size, (255, 255, 255, 255))
            views.append(Image.alpha_composite(white, picture).convert("RGB"))
    views.append(picture.convert("RGB"))
    for view in views:
        view.thumbnail((longest_side, longest_side), Image.Resampling.BOX, reducing_gap=None)
    return [np.asarray(view, dtype=np.uint8) for view in views]
