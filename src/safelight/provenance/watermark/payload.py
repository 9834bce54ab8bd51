"""The payload: an id of 64 bits and a check of 32 bits, as a codeword."""

from __future__ import annotations

import hashlib

import numpy as np
import numpy.typing as npt

from .pattern import PAYLOAD_TONES, WatermarkPattern
from .polar_code import PolarCode

_ID_BYTES, _CHECK_BYTES = 8, 4
_CODE = PolarCode(PAYLOAD_TONES, 8 * (_ID_BYTES + _CHECK_BYTES))
#: More paths find a few more weak marks, and take proportionally longer.
_PATHS = 32


def encode(pattern: WatermarkPattern, content_id: int) -> npt.NDArray[np.uint8]:
    """The codeword of an id."""
    data = content_id.to_bytes(_ID_BYTES, "big")
    return _CODE.encode(np.unpackbits(np.frombuffer(data + _check(pattern, data), np.uint8)))


def decode(pattern: WatermarkPattern, llr: npt.NDArray[np.float32]) -> int | None:
    """The id whose check is right, or None. A random input gives an id once in 2**27 calls."""
    for word in np.packbits(_CODE.decode(llr, _PATHS), axis=1):
        data, check = word[:_ID_BYTES].tobytes(), word[_ID_BYTES:].tobytes()
        if _check(pattern, data) == check:
            return int.from_bytes(data, "big")
    return None


def _check(pattern: WatermarkPattern, data: bytes) -> bytes:
    return hashlib.blake2s(data, digest_size=_CHECK_BYTES, key=pattern.seed, person=b"check").digest()
