"""The payload: an id of 64 bits and a check of 32 bits, as a codeword."""

from __future__ import annotations

import hashlib

import numpy as np
import numpy.typing as npt

from safelight.core.arrays import Floats

from .pattern import PAYLOAD_TONES, WatermarkPattern

Bits = npt.NDArray[np.uint8]
_ID_BYTES, _CHECK_BYTES = 8, 4
#: More paths find a few more weak marks, and take proportionally longer.
_PATHS = 32

# Polar code with list decoding (Arikan 2009; Tal and Vardy 2015).


class PolarCode:
    """Encodes `data_bits` bits as `length` bits, a power of two."""

    def __init__(self, length: int, data_bits: int) -> None:
        positions = np.arange(length)
        # Reliability of each position by polarization weight (He et al. 2017).
        weight = sum((positions >> bit & 1) * 2 ** (bit / 4) for bit in range(length.bit_length()))
        self.length = length
        self._is_data = np.zeros(length, bool)
        self._is_data[np.argsort(weight, kind="stable")[length - data_bits :]] = True

    def encode(self, data: Bits) -> Bits:
        word = np.zeros(self.length, np.uint8)
        word[self._is_data] = data
        half = 1
        while half < self.length:
            pairs = word.reshape(-1, 2, half)
            pairs[:, 0] ^= pairs[:, 1]
            half *= 2
        return word

    def decode(self, llr: Floats, paths: int) -> Bits:
        """The most likely data words, one per row, the best first.

        `llr` has the logarithm of the likelihood ratio of each bit; positive means 0.
        """
        search = _ListSearch(self._is_data, paths)
        search.visit(llr.astype(np.float32)[None, :], 0)
        order = np.argsort(search.penalty, kind="stable")
        return np.stack(search.data, axis=1)[order]


class _ListSearch:
    """Successive cancellation that follows several paths. Each row of an array is one path."""

    def __init__(self, is_data: npt.NDArray[np.bool_], paths: int) -> None:
        self._is_data = is_data
        self._paths = paths
        self.penalty = np.zeros(1, np.float32)
        self.data: list[Bits] = []

    def visit(self, llr: Floats, start: int) -> tuple[Bits, npt.NDArray[np.intp]]:
        """Decide the bits of one subtree. Returns its codewords, and from which path each path now comes."""
        length = llr.shape[1]
        if not self._is_data[start : start + length].any():
            self.penalty = self.penalty + np.maximum(-llr, 0).sum(axis=1)
            return np.zeros(llr.shape, np.uint8), np.arange(len(llr))
        if length == 1:
            return self._decide(llr[:, 0])
        half = length // 2
        left, right = llr[:, :half], llr[:, half:]
        upper, first = self.visit(np.copysign(np.minimum(np.abs(left), np.abs(right)), left * right), start)
        left, right = left[first], right[first]
        lower, second = self.visit(np.where(upper, right - left, right + left), start + half)
        return np.concatenate([upper[second] ^ lower, lower], axis=1), first[second]

    def _decide(self, llr: Floats) -> tuple[Bits, npt.NDArray[np.intp]]:
        """Continue each path with 0 and with 1, and keep the best."""
        count = len(llr)
        penalty = np.concatenate([self.penalty + np.maximum(-llr, 0), self.penalty + np.maximum(llr, 0)])
        kept = np.arange(2 * count)
        if len(kept) > self._paths:
            kept = np.argpartition(penalty, self._paths)[: self._paths]
        source, bits = kept % count, (kept >= count).astype(np.uint8)
        self.penalty = penalty[kept]
        self.data = [column[source] for column in self.data] + [bits]
        return bits[:, None], source


_CODE = PolarCode(PAYLOAD_TONES, 8 * (_ID_BYTES + _CHECK_BYTES))


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
