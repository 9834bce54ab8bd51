"""PDQ hashes of one frame, and of the versions of it that apps make. Pure.

A registered frame is hashed whole, without black bars, and cropped around its centre. A frame that is
searched is hashed whole, without bars, and mirrored. So a copy that was cropped, mirrored or put between bars
has a hash that is near to one of the registered frame.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from safelight.core.arrays import Pixels
from safelight.detectors.image.pdq import BYTES, rotations

Hashes = npt.NDArray[np.uint8]

#: Lowest quality of a hash (0 to 100). It is lower than for hash lists, so that dark and smooth clips have
#: hashes too; a match needs several frames.
_MIN_QUALITY = 15
#: Shares of each side that are kept by the crops. A hash still matches if the real crop differs by about 3 %.
_CROPS = (0.95, 0.9, 0.85, 0.8, 0.75, 0.667, 0.5)
#: A line is part of a bar if its mean and its spread are below these values, in steps of luma: nearly black
#: after compression.
_MAX_BAR_LUMA, _MAX_BAR_SPREAD = 28.0, 6.0
#: At least this share of each side is left when bars are removed.
_MIN_PICTURE = 0.3
#: Positions of the whole and the mirrored picture in the result of `rotations`.
_PLAIN, _MIRRORED = 0, 1
_NONE: Hashes = np.zeros((0, BYTES), np.uint8)


def registered_hashes(pixels: Pixels) -> Hashes:
    """The hashes of a frame of a delivered file, one in each row; none if it has too little detail."""
    inner = strip_bars(pixels)
    views = [pixels] if inner.shape == pixels.shape else [pixels, inner]
    views += [_crop(inner, share) for share in _CROPS]
    return _stack(each[_PLAIN : _PLAIN + 1] for each in _distinctive(views))


def searched_hashes(pixels: Pixels) -> Hashes:
    """The hashes of a frame of an unknown file, one in each row; none if it has too little detail."""
    inner = strip_bars(pixels)
    views = [pixels] if inner.shape == pixels.shape else [pixels, inner]
    return _stack(each[[_PLAIN, _MIRRORED]] for each in _distinctive(views))


def strip_bars(pixels: Pixels) -> Pixels:
    """The picture without black bars. A picture that is nearly all black is returned unchanged."""
    luma = pixels.mean(axis=2)
    rows, columns = _inner(luma), _inner(luma.T)
    inner = pixels[rows, columns]
    if min(inner.shape[0] / pixels.shape[0], inner.shape[1] / pixels.shape[1]) < _MIN_PICTURE:
        return pixels
    return inner


def _inner(luma: npt.NDArray[np.floating]) -> slice:
    is_picture = (luma.mean(axis=1) > _MAX_BAR_LUMA) | (luma.std(axis=1) > _MAX_BAR_SPREAD)
    places = np.flatnonzero(is_picture)
    return slice(int(places[0]), int(places[-1]) + 1) if places.size else slice(0, 0)


def _crop(pixels: Pixels, share: float) -> Pixels:
    height, width = pixels.shape[:2]
    top, left = round(height * (1 - share) / 2), round(width * (1 - share) / 2)
    return pixels[top : height - top, left : width - left]


def _distinctive(views: list[Pixels]) -> Iterator[Hashes]:
    for view in views:
        hashes, quality = rotations(view)
        if quality >= _MIN_QUALITY:
            yield hashes


def _stack(found: Iterator[Hashes]) -> Hashes:
    hashes = list(found)
    return np.concatenate(hashes) if hashes else _NONE
