"""PDQ: a perceptual hash of 256 bits. It hardly changes when a picture is scaled, re-encoded or slightly
edited.

This is the published algorithm in numpy: luminance, two passes of a box filter, 64 x 64 samples, and the low
frequencies of their cosine transform, each compared with the median. The package `pdqhash` computes the same
bits, but installing it needs a compiler.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt

from safelight.core.arrays import Pixels

Hash = npt.NDArray[np.uint8]
_Plane = npt.NDArray[np.float32]

#: Largest number of bits in which two hashes of one picture may differ, and lowest quality of a hash that is
#: used for matching. The authors of PDQ recommend both values, and publishers of hash lists use them.
MAX_DISTANCE_BITS = 31
MIN_QUALITY = 50
BYTES = 32
_SAMPLES, _FREQUENCIES = 64, 16
_PASSES = 2
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)


def pdq(pixels: Pixels) -> tuple[Hash, int]:
    """The 32-byte hash of an RGB picture, and its quality from 0 to 100."""
    coefficients, quality = _coefficients(pixels)
    return _pack_bits(coefficients), quality


def rotations(pixels: Pixels) -> tuple[npt.NDArray[np.uint8], int]:
    """Hashes of a picture in all eight rotations and mirror images, as an array (8, 32), and their common
    quality.
    """
    coefficients, quality = _coefficients(pixels)
    signs = np.where(np.arange(1, _FREQUENCIES + 1) % 2 == 0, 1, -1).astype(np.float32)
    hashes = []
    for transposed in (coefficients, coefficients.T):
        for down in (None, signs[:, None]):
            for across in (None, signs[None, :]):
                flipped = transposed if down is None else transposed * down
                hashes.append(_pack_bits(flipped if across is None else flipped * across))
    return np.stack(hashes), quality


def square(pixels: Pixels) -> Pixels:
    """A frame in the size at which it is hashed. In a small size of its own, the filter and the samples fall
    elsewhere than in the listed picture. In this one the window of the filter is 3, which shifts nothing.
    """
    import cv2

    return np.asarray(cv2.resize(pixels, (384, 384)), np.uint8)


def distances(known: npt.NDArray[np.uint8], one: Hash) -> npt.NDArray[np.int64]:
    """Hamming distances between one hash and each of the known hashes, (n, 32)."""
    differing = np.bitwise_xor(known.view(np.uint64), one.view(np.uint64))
    bits: npt.NDArray[np.int64] = np.bitwise_count(differing).sum(axis=1, dtype=np.int64)
    return bits


def hexadecimal(hashed: Hash) -> str:
    """The hash as text, in the format of published hash lists: 64 hexadecimal digits."""
    return hashed.tobytes().hex()


def _coefficients(pixels: Pixels) -> tuple[_Plane, int]:
    plane = pixels.astype(np.float32) @ _LUMA
    for _ in range(_PASSES):
        plane = _box_filter(plane)
    height, width = plane.shape
    places = np.arange(_SAMPLES) + 0.5
    sampled = plane[np.ix_((places * height / _SAMPLES).astype(int), (places * width / _SAMPLES).astype(int))]
    transform = _transform()
    return transform @ sampled @ transform.T, _quality(sampled)


def _box_filter(plane: _Plane) -> _Plane:
    """Box filter: the mean of the window around each pixel. At the edges, only the part of the window
    inside the picture counts.
    """
    import cv2

    windows = tuple(-(-side // (2 * _SAMPLES)) for side in plane.shape)
    if max(windows) == 1:
        return plane
    down, across = windows
    anchor = (across - (across + 2) // 2, down - (down + 2) // 2)

    def window_sum(one: _Plane) -> _Plane:
        sums = cv2.boxFilter(
            one, cv2.CV_64F, (across, down), anchor=anchor, normalize=False, borderType=cv2.BORDER_CONSTANT
        )
        return np.asarray(sums, np.float32)

    return window_sum(plane) / window_sum(np.ones_like(plane))


def _quality(sampled: _Plane) -> int:
    """Quality from 0 to 100. It is low for a picture with few edges, because its hash is not distinctive."""
    down = np.abs(np.trunc(np.diff(sampled, axis=0) * 100 / 255)).sum()
    across = np.abs(np.trunc(np.diff(sampled, axis=1) * 100 / 255)).sum()
    return min(int(down + across) // 90, 100)


@cache
def _transform() -> _Plane:
    row, column = np.arange(1, _FREQUENCIES + 1)[:, None], np.arange(_SAMPLES)[None, :]
    matrix: _Plane = (np.sqrt(2 / _SAMPLES) * np.cos(np.pi / 2 / _SAMPLES * row * (2 * column + 1))).astype(
        np.float32
    )
    return matrix


def _pack_bits(coefficients: _Plane) -> Hash:
    flat = coefficients.ravel()
    middle = np.sort(flat)[flat.size // 2 - 1]
    # The bits are reversed, so that the result equals the output of the reference programs.
    return np.packbits((flat > middle)[::-1])
