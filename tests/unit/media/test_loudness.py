from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from safelight.media.audio import Mixer
from safelight.media.loudness import LoudnessMeter, find_onsets
from support.rows import each_row

RATE = 48_000


def test_a_tone_of_known_loudness_is_measured() -> None:
    """EBU Tech 3341: a stereo sine of 1 kHz at -23 dBFS peak is -23 LUFS."""
    import av

    times_s = np.arange(RATE * 5 + 700) / RATE
    tone = (10 ** (-23 / 20) * np.sin(2 * math.pi * 1000 * times_s)).astype(np.float32)
    meter = LoudnessMeter()
    for start in range(0, tone.size, 1024):
        part = tone[start : start + 1024]
        frame = av.AudioFrame.from_ndarray(np.stack([part, part]), format="fltp", layout="stereo")
        frame.sample_rate = RATE
        meter.feed(frame)
    loudness = meter.result()
    assert loudness.integrated_lufs == pytest.approx(-23.0, abs=0.1)
    assert loudness.true_peak_dbtp == pytest.approx(-23.0, abs=0.2)
    assert loudness.onsets == ()


def test_an_empty_meter_has_no_values() -> None:
    loudness = LoudnessMeter().result()
    assert (loudness.integrated_lufs, loudness.true_peak_dbtp, loudness.onsets) == (None, None, ())


@each_row
def test_an_onset_is_loud_and_sudden(momentary_lufs: list[float], found: int) -> None:
    assert len(find_onsets(momentary_lufs)) == found


@given(st.lists(st.floats(min_value=-90, max_value=5), max_size=300))
def test_onsets_are_in_order_and_within(momentary_lufs: list[float]) -> None:
    times = [onset.at_s for onset in find_onsets(momentary_lufs)]
    assert times == sorted(times)
    assert all(0 <= time <= len(momentary_lufs) * 0.1 for time in times)


@given(
    st.integers(min_value=1, max_value=8),
    st.lists(st.sampled_from([-1.0, -0.5, 0.0, 0.5, 1.0]), min_size=8, max_size=8),
)
def test_the_downmix_keeps_every_channel(channels: int, signs: list[float]) -> None:
    voice = (0.5 * np.sin(np.arange(RATE) / 20)).astype(np.float32)
    planes = np.stack([voice * np.float32(sign) for sign in signs[:channels]])
    mixer = Mixer()
    parts = [mixer.downmix(planes[:, start : start + 1024], RATE) for start in range(0, RATE, 1024)]
    mixed = np.concatenate(parts)
    assert np.abs(mixed).max(initial=0.0) <= 1.0 + 1e-6
    loudest = float(np.abs(planes).max())
    late = mixed[RATE // 2 :]
    assert float(np.abs(late).max()) >= 0.25 * loudest
