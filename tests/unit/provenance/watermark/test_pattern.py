from __future__ import annotations

import hashlib

import numpy as np
import pytest

from safelight.provenance.watermark import payload
from safelight.provenance.watermark.pattern import (
    PAYLOAD_TONES,
    TILE,
    TONES,
    WatermarkPattern,
    derive_seed,
)


def test_a_seed_always_gives_the_same_pattern() -> None:
    """Marks must stay readable with later versions of numpy and of this package."""
    pattern = WatermarkPattern.from_seed(b"seed")
    codeword = payload.encode(pattern, 1)
    parts = (pattern.payload.tolist(), pattern.shifts.tolist(), codeword.tolist(), pattern.start(1))
    assert hashlib.sha256(repr(parts).encode()).hexdigest()[:16] == "adedb57e85b3975b"
    assert [round(float(phase), 3) for phase in pattern.phases[:3]] == [1.092, 5.207, 3.8]


def test_every_tone_is_either_for_synchronisation_or_for_payload(pattern: WatermarkPattern) -> None:
    assert len(pattern.payload) == PAYLOAD_TONES
    assert sorted([*pattern.sync, *pattern.payload]) == list(range(len(TONES)))


def test_seeds_differ_by_key_and_epoch_and_do_not_contain_the_key() -> None:
    key, other = bytes(range(32)), bytes(32)
    seeds = {derive_seed(key, 1), derive_seed(key, 2), derive_seed(other, 1)}
    assert len(seeds) == 3
    assert all(key not in seed for seed in seeds)


def test_a_short_key_is_refused() -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        derive_seed(b"short", 1)


def test_tiles_of_two_ids_differ_and_have_unit_variance(pattern: WatermarkPattern) -> None:
    one, other = (pattern.render_tile(payload.encode(pattern, number), 1) for number in (1, 2))
    assert one.shape == (TILE, TILE)
    assert abs(float(one.std()) - 1) < 1e-3
    assert abs(float(one.mean())) < 1e-3
    assert float(np.corrcoef(one.ravel(), other.ravel())[0, 1]) < 0.6


def test_the_mean_of_the_marks_of_many_ids_has_little_of_the_pattern_left(pattern: WatermarkPattern) -> None:
    total = np.zeros((TILE, TILE))
    for number in range(60):
        slot, across, down = pattern.start(number)
        shift = pattern.shifts[slot] + (across, down)
        total += np.roll(pattern.render_tile(payload.encode(pattern, number), 1), shift[::-1], (0, 1))
    assert (total / 60).std() < 0.25
