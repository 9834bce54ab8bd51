"""Extracts the colours of a reference picture. The bytes are untrusted, so this runs only in the sandboxed
child.
"""

from __future__ import annotations

import warnings
from typing import Any

from safelight.core import errors

MOST_PIXELS = 64_000_000
FORMATS = ("PNG", "JPEG", "WEBP")


def palette(argument: Any, _link: Any = None) -> list[list[int]]:
    """Up to five RGB colours of the picture at `argument["path"]`, from dark to bright. Raises
    `InvalidMedia`.
    """
    from PIL import Image, UnidentifiedImageError

    Image.MAX_IMAGE_PIXELS = MOST_PIXELS
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(argument["path"], formats=FORMATS) as image:
                image.draft("RGB", (256, 256))
                small = image.convert("RGB").resize((64, 64), Image.Resampling.BOX)
    except Image.DecompressionBombError as error:
        raise _unreadable("has too many pixels") from error
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError, Warning) as error:
        raise _unreadable("is not a complete PNG, JPEG or WebP picture") from error
    few = small.quantize(5, method=Image.Quantize.MEDIANCUT).convert("RGB")
    counted = few.getcolors(maxcolors=16) or []
    colours = [c for _, c in sorted(counted, key=lambda pair: -pair[0]) if isinstance(c, tuple)]
    colours.sort(key=lambda c: 0.2126 * c[0] + 0.7152 * c[1] + 0.0722 * c[2])
    return [[int(v) for v in c[:3]] for c in colours]


def _unreadable(what: str) -> errors.InvalidMedia:
    return errors.InvalidMedia(
        f"The reference {what}.", param="input_reference", remedy="Send a PNG, JPEG or WebP picture."
    )
