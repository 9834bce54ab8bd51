from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from safelight.provenance.watermark.clip_marking import visible_change

SIDE = 32
_COLUMNS = np.arange(SIDE)


def _grating(amplitude: float, period: float) -> npt.NDArray[np.float32]:
    wave = amplitude * np.cos(2 * np.pi * _COLUMNS / period)
    return np.tile(wave, (SIDE, 1)).astype(np.float32)


def _grey(level: float) -> npt.NDArray[np.float32]:
    return np.full((SIDE, SIDE), level, np.float32)


def test_no_change_is_invisible_and_a_block_has_one_value() -> None:
    found = visible_change(_grey(128), np.zeros((SIDE, SIDE), np.float32))
    assert found.shape == (16,)
    assert (found == 0).all()


def test_a_shift_of_the_mean_by_its_threshold_is_just_visible() -> None:
    # The first coefficient is eight times the mean; its threshold is 1.40.
    assert visible_change(_grey(128), _grey(1.40 / 8)) == pytest.approx(1, rel=1e-3)


def test_texture_hides_what_is_seen_in_a_flat_area_and_coarse_is_seen_before_fine() -> None:
    change = _grating(2, 8)
    flat = visible_change(_grey(128), change).mean()
    assert visible_change(_grey(128) + _grating(60, 8), change).mean() < flat / 2
    assert visible_change(_grey(128), _grating(2, 2.3)).mean() < flat / 2


@given(st.floats(0.01, 50))
def test_visibility_is_proportional_to_the_change(factor: float) -> None:
    change = _grating(1, 8)
    once, more = (visible_change(_grey(100), part) for part in (change, factor * change))
    assert more == pytest.approx(factor * once, rel=1e-3)


def test_the_same_change_is_seen_more_in_the_dark_and_black_has_a_threshold() -> None:
    change = _grating(1, 8)
    dark, bright = (visible_change(_grey(level), change).mean() for level in (40, 200))
    assert dark > bright
    assert np.isfinite(visible_change(_grey(0), change)).all()
