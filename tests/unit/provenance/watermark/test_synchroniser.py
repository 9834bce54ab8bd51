"""What the synchroniser finds in fixed tiles."""

from __future__ import annotations

import numpy as np
import pytest

from safelight.provenance.watermark import payload
from safelight.provenance.watermark.pattern import TILE, WatermarkPattern, derive_seed
from safelight.provenance.watermark.residual import ChunkTime
from safelight.provenance.watermark.synchroniser import Synchroniser

#: Number of the tiles, highest peak, and sum of the absolute soft bits. If they change, the false accepts of
#: docs/benchmarks/provenance.md have to be measured again.
MEASURED = [
    (0, 3.7510, 299.76),
    (1, 11.6346, 1922.03),
    (2, 4.2103, 268.64),
    (3, 8.6251, 843.10),
    (4, 4.0991, 213.16),
    (5, 10.8221, 1505.49),
]


@pytest.mark.parametrize(("number", "sigmas", "soft_bits"), MEASURED)
def test_peaks_and_soft_bits_are_those_of_the_measured_code(
    number: int, sigmas: float, soft_bits: float
) -> None:
    random = np.random.default_rng(number)
    pattern = WatermarkPattern.from_seed(derive_seed(b"%032d" % number, 1))
    count = 1 + number % 3
    tiles = random.normal(0, 30, (count, TILE, TILE)).astype(np.float32)
    if number % 2:  # with a mark
        tiles += pattern.render_tile(random.integers(0, 2, 512).astype(np.uint8), 1) * 6
    found = Synchroniser(pattern).synchronise(tiles, [ChunkTime(number=one) for one in range(count)])
    assert found.sigmas == pytest.approx(sigmas, abs=1e-3)
    assert np.abs(found.llr).sum() == pytest.approx(soft_bits, rel=1e-3)


def test_a_mark_that_only_the_intra_coded_frames_have_is_read() -> None:
    random = np.random.default_rng(1)
    pattern = WatermarkPattern.from_seed(derive_seed(bytes(32), 1))
    content_id = 0x0123456789ABCDEF
    tile = pattern.render_tile(payload.encode(pattern, content_id), 1)
    noise = random.normal(0, 4, (4, TILE, TILE)).astype(np.float32)
    tiles = np.concatenate([tile[None] + noise[:1] / 2, noise])
    numbers = (0, 0, 1, 2, 3)
    times = [ChunkTime(number=one, is_intra=place == 0) for place, one in enumerate(numbers)]
    found = Synchroniser(pattern).synchronise(tiles, times)
    assert payload.decode(pattern, found.llr) == content_id
    alike = Synchroniser(pattern).synchronise(tiles, [ChunkTime(number=one) for one in numbers])
    assert alike.sigmas < found.sigmas


def test_peaks_near_a_place_name_each_place_once() -> None:
    random = np.random.default_rng(2)
    pattern = WatermarkPattern.from_seed(derive_seed(bytes(32), 1))
    times = [ChunkTime(number=0, is_intra=True), ChunkTime(number=0), ChunkTime(number=1)]
    tiles = random.normal(0, 1, (3, TILE, TILE)).astype(np.float32)
    peaks = Synchroniser(pattern).peaks_near(tiles, times, (4, 90), 12)
    assert len({(one.place, one.start) for one in peaks}) == len(peaks)
    assert all(
        (one.place[0] - 4 + 12) % TILE <= 24 and (one.place[1] - 90 + 12) % TILE <= 24 for one in peaks
    )
