"""PDQ: 256 bits that stay nearly the same when a picture is scaled, re-encoded or a little changed.

The published algorithm, in numpy: luminance, two passes of a box filter, 64 x 64 samples, the low
frequencies of their cosine transform against their median. The package `pdqhash` gives the same bits, and
is only to be had as source for a compiler.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt

Pixels = npt.NDArray[np.uint8]
Hash = npt.NDArray[np.uint8]
_Plane = npt.NDArray[np.float32]

#: Bits that two hashes of one picture may differ in, and the least quality of a hash that is matched at all:
#: what the makers of PDQ recommend, and what exchanges use.
DISTANCE = 31
QUALITY = 50
BYTES = 32
_SAMPLES, _KEPT = 64, 16
_PASSES = 2
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)


def pdq(pixels: Pixels) -> tuple[Hash, int]:
    """The 32 bytes of an RGB picture, as `hashes_of` packs them, and their quality from 0 to 100."""
    coefficients, quality = _coefficients(pixels)
    return _packed(coefficients), quality


def rotations(pixels: Pixels) -> tuple[npt.NDArray[np.uint8], int]:
    """The hashes of a picture in all eight ways it can be turned and mirrored, (8, 32), and their quality."""
    coefficients, quality = _coefficients(pixels)
    signs = np.where(np.arange(1, _KEPT + 1) % 2 == 0, 1, -1).astype(np.float32)
    ways = []
    for way in (coefficients, coefficients.T):
        for down in (None, signs[:, None]):
            for across in (None, signs[None, :]):
                flipped = way if down is None else way * down
                ways.append(_packed(flipped if across is None else flipped * across))
    return np.stack(ways), quality


def distances(known: npt.NDArray[np.uint8], one: Hash) -> npt.NDArray[np.int64]:
    """In how many bits each of the known hashes, (n, 32), differs from one."""
    apart = np.bitwise_xor(known.view(np.uint64), one.view(np.uint64))
    counted: npt.NDArray[np.int64] = np.bitwise_count(apart).sum(axis=1, dtype=np.int64)
    return counted


def hexadecimal(hashed: Hash) -> str:
    """The hash as exchanges write it: 64 hexadecimal digits."""
    return hashed.tobytes().hex()


def _coefficients(pixels: Pixels) -> tuple[_Plane, int]:
    plane = pixels.astype(np.float32) @ _LUMA
    for _ in range(_PASSES):
        plane = _boxed(plane)
    height, width = plane.shape
    places = np.arange(_SAMPLES) + 0.5
    sampled = plane[np.ix_((places * height / _SAMPLES).astype(int), (places * width / _SAMPLES).astype(int))]
    transform = _transform()
    return transform @ sampled @ transform.T, _quality(sampled)


def _boxed(plane: _Plane) -> _Plane:
    """The mean of a window around each place; at the edges, of what there is of it."""
    import cv2

    windows = tuple(-(-side // (2 * _SAMPLES)) for side in plane.shape)
    if max(windows) == 1:
        return plane
    down, across = windows
    anchor = (across - (across + 2) // 2, down - (down + 2) // 2)

    def summed(one: _Plane) -> _Plane:
        made = cv2.boxFilter(
            one, cv2.CV_64F, (across, down), anchor=anchor, normalize=False, borderType=cv2.BORDER_CONSTANT
        )
        return np.asarray(made, np.float32)

    return summed(plane) / summed(np.ones_like(plane))


def _quality(sampled: _Plane) -> int:
    """How much there is to see: a picture without edges has no hash worth matching."""
    down = np.abs(np.trunc(np.diff(sampled, axis=0) * 100 / 255)).sum()
    across = np.abs(np.trunc(np.diff(sampled, axis=1) * 100 / 255)).sum()
    return min(int(down + across) // 90, 100)


@cache
def _transform() -> _Plane:
    row, column = np.arange(1, _KEPT + 1)[:, None], np.arange(_SAMPLES)[None, :]
    made: _Plane = (np.sqrt(2 / _SAMPLES) * np.cos(np.pi / 2 / _SAMPLES * row * (2 * column + 1))).astype(
        np.float32
    )
    return made


def _packed(coefficients: _Plane) -> Hash:
    flat = coefficients.ravel()
    middle = np.sort(flat)[flat.size // 2 - 1]
    # The last bit comes first, as the reference programs print it.
    return np.packbits((flat > middle)[::-1])
