from __future__ import annotations

import numpy as np

from safelight.provenance.watermark import payload
from safelight.provenance.watermark.pattern import PAYLOAD_TONES, WatermarkPattern


def _soft(
    pattern: WatermarkPattern, content_id: int, noise: float
) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    signal = 1 - 2 * payload.encode(pattern, content_id).astype(np.float64)
    noisy = signal + np.random.default_rng(7).normal(0, noise, PAYLOAD_TONES)
    return np.asarray(2 * noisy / noise**2, np.float32)


def test_smallest_and_largest_id_are_read_back(pattern: WatermarkPattern) -> None:
    for content_id in (0, 2**64 - 1):
        assert payload.decode(pattern, _soft(pattern, content_id, 0.5)) == content_id


def test_an_id_is_read_back_if_a_fifth_of_the_bits_are_wrong(pattern: WatermarkPattern) -> None:
    llr = _soft(pattern, 12345, 1.25)
    wrong = np.mean((llr < 0) != payload.encode(pattern, 12345))
    assert 0.17 < wrong < 0.25
    assert payload.decode(pattern, llr) == 12345


def test_noise_gives_no_id(pattern: WatermarkPattern) -> None:
    rng = np.random.default_rng(8)
    assert all(
        payload.decode(pattern, rng.normal(0, 2, PAYLOAD_TONES).astype(np.float32)) is None for _ in range(10)
    )


def test_silence_gives_no_id(pattern: WatermarkPattern) -> None:
    assert payload.decode(pattern, np.zeros(PAYLOAD_TONES, np.float32)) is None


def test_the_check_depends_on_the_seed(pattern: WatermarkPattern) -> None:
    other = WatermarkPattern.from_seed(b"other")
    assert payload.decode(other, _soft(pattern, 12345, 0.5)) is None
