"""Sinusoids that carry the watermark. Their phases and roles come from a secret seed.

The picture has canonical coordinates: its shorter side is `SHORT_SIDE` long. One tile of `TILE` by `TILE`
repeats over the picture. A tile is the sum of tones, one for each pair of frequencies in a ring. Tones for
synchronisation have known phases. Each payload tone carries one bit of the codeword: its phase is turned by
180 degrees or not.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from safelight.core.arrays import Floats

Indices = npt.NDArray[np.intp]

SHORT_SIDE = 360
TILE = 96
#: Frequencies in cycles per tile. Below, the pattern is seen as blotches; above, encoders remove it.
_MIN_RADIUS, _MAX_RADIUS = 6.0, 22.0
PAYLOAD_TONES = 512
#: After this time, the tile moves to another place, so that the mean of all frames shows less of the pattern.
SLOT_S = 2.0
#: Duration of a move at the end of a slot: one place fades into the next, because a jump would be seen.
FADE_S = 0.5
SLOTS = 8


def derive_seed(key: bytes, epoch: int) -> bytes:
    """The seed of the pattern of one epoch. The key cannot be computed from it."""
    if len(key) < 32:
        raise ValueError("a watermark key has at least 32 bytes")
    return hmac.new(key, b"safelight watermark 1, epoch %d" % epoch, hashlib.sha256).digest()


def _lattice() -> npt.NDArray[np.int64]:
    side = int(_MAX_RADIUS)
    u, v = (axis.ravel() for axis in np.meshgrid(np.arange(-side, side + 1), np.arange(side + 1)))
    radius = np.hypot(u, v)
    half = (v > 0) | (u > 0)
    return np.stack([u, v], axis=1)[half & (radius >= _MIN_RADIUS) & (radius <= _MAX_RADIUS)]


#: Every tone as cycles per tile, across and down. Mirroring the picture maps this set to itself.
TONES = _lattice()
RADII = np.hypot(TONES[:, 0], TONES[:, 1])


@dataclass(frozen=True, kw_only=True)
class WatermarkPattern:
    """The pattern of one seed. With it, marks of this seed can be read, forged and removed."""

    seed: bytes
    phases: Floats
    #: Indices into `TONES`. Payload tones are in the order of the bits of the codeword.
    sync: Indices
    payload: Indices
    #: Where the tile is in each slot of time, in canonical pixels, across and down.
    shifts: npt.NDArray[np.int64]

    @classmethod
    def from_seed(cls, seed: bytes) -> WatermarkPattern:
        n = len(TONES)
        # Not numpy's generator: its numbers may change with its version, and marks must stay readable.
        stream = hashlib.shake_256(b"pattern" + seed).digest(8 * n + 2 * n + 2 * SLOTS)
        order = np.argsort(np.frombuffer(stream[: 8 * n], "<u8"), kind="stable")
        phases = np.frombuffer(stream[8 * n : 10 * n], "<u2") * (2 * np.pi / 65536)
        shifts = np.frombuffer(stream[10 * n :], np.uint8).reshape(SLOTS, 2).astype(np.int64) % TILE
        return cls(
            seed=seed,
            phases=phases.astype(np.float32),
            sync=np.sort(order[PAYLOAD_TONES:]),
            payload=order[:PAYLOAD_TONES],
            shifts=shifts,
        )

    def start(self, content_id: int) -> tuple[int, int, int]:
        """First slot and place of the tile, which differ by id."""
        found = hashlib.blake2s(content_id.to_bytes(8, "big"), key=self.seed, person=b"start").digest()
        return found[0] % SLOTS, found[1] % TILE, found[2] % TILE

    def render_tile(self, codeword: npt.NDArray[np.uint8], scale: int) -> Floats:
        """One tile of mean 0 and variance 1, with `scale` pixels for each canonical pixel."""
        side = TILE * scale
        signs = np.ones(len(TONES))
        signs[self.payload] -= 2.0 * codeword
        values = signs * np.exp(1j * self.phases)
        spectrum = np.zeros((side, side), np.complex128)
        spectrum[TONES[:, 1] % side, TONES[:, 0] % side] = values
        tile = np.fft.ifft2(spectrum).real
        return np.asarray(tile / tile.std(), np.float32)
