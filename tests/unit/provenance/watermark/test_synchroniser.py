"""What the synchroniser finds in fixed tiles."""

from __future__ import annotations

import numpy as np
import pytest

from safelight.provenance.watermark.pattern import TILE, WatermarkPattern, derive_seed
from safelight.provenance.watermark.synchroniser import Synchroniser

#: Number of the tiles, highest peak, and sum of the absolute soft bits, by the code that measured the false
#: accepts of docs/benchmarks/provenance.md. If they change, these have to be measured again.
MEASURED = [
    (0, 3.7510, 299.76),
    (1, 11.6346, 1918.81),
    (2, 4.2103, 250.73),
    (3, 8.6251, 843.10),
    (4, 4.0991, 199.29),
    (5, 10.8221, 1238.37),
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
    found = Synchroniser(pattern).synchronise(tiles, range(count))
    assert found.sigmas == pytest.approx(sigmas, abs=1e-3)
    assert np.abs(found.llr).sum() == pytest.approx(soft_bits, rel=1e-3)
