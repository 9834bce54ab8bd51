"""The mark of a known id is found where the blind detector cannot read it, and nowhere else."""

from __future__ import annotations

import math

import cv2
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from safelight.provenance.fingerprints.fingerprint_index import MAX_SHORTLIST
from safelight.provenance.fingerprints.picture_comparison import MAX_REGISTRATIONS
from safelight.provenance.recovery.known_mark_search import MAX_WHOLE
from safelight.provenance.watermark.assisted_detector import (
    MIN_CORRELATION,
    PLACES,
    AssistedDetector,
    RegisteredGeometry,
    correlate,
)
from safelight.provenance.watermark.detector import MAX_UNREAD, WatermarkDetector
from safelight.provenance.watermark.pattern import PAYLOAD_TONES, WatermarkPattern
from safelight.provenance.watermark.residual import ResidualSums

from .conftest import CONTENT_ID, Luma, add_up

#: Of the test clip: its shorter side is that of the canonical picture.
WIDTH, HEIGHT = 640, 360
UNCHANGED = RegisteredGeometry(perspective=np.eye(3), width=WIDTH, height=HEIGHT)


def _noisy(frames: list[Luma], levels: float) -> list[Luma]:
    random = np.random.default_rng(3)
    return [
        np.clip(one + random.normal(0, levels, one.shape), 0, 255).astype(np.uint8) for one in frames[::6]
    ]


def _filmed(frame: Luma) -> Luma:
    return np.asarray(cv2.warpPerspective(frame, np.linalg.inv(FILMED), (WIDTH, HEIGHT)), np.uint8)


#: From the copy to the marked picture.
FILMED = np.array([[1.05, 0.02, -20.0], [0.01, 1.08, -15.0], [1e-4, 5e-5, 1.0]])


def test_a_weak_mark_of_a_known_id_is_found_where_it_cannot_be_read(
    marked: list[Luma], pattern: WatermarkPattern
) -> None:
    sums = add_up(_noisy(marked, 120))
    result = WatermarkDetector(pattern).search(sums, lambda: False)
    assert result.found is None
    assert correlate(pattern, CONTENT_ID, result.unread) >= MIN_CORRELATION
    assert correlate(pattern, CONTENT_ID ^ 1, result.unread) < MIN_CORRELATION
    assert AssistedDetector(pattern).correlation(sums, UNCHANGED, CONTENT_ID) >= MIN_CORRELATION


def test_a_mirrored_copy_is_found_in_the_mirror_only(marked: list[Luma], pattern: WatermarkPattern) -> None:
    sums, detector = add_up([one[:, ::-1].copy() for one in marked]), AssistedDetector(pattern)
    mirrored = RegisteredGeometry(perspective=np.eye(3), width=WIDTH, height=HEIGHT, mirrored=True)
    assert detector.correlation(sums, mirrored, CONTENT_ID) >= MIN_CORRELATION
    assert detector.correlation(sums, UNCHANGED, CONTENT_ID) < MIN_CORRELATION


def test_a_mark_is_found_under_a_registered_perspective_and_in_one_frame(
    marked: list[Luma], pattern: WatermarkPattern
) -> None:
    sums = add_up([_filmed(one) for one in marked])
    geometry = RegisteredGeometry(perspective=FILMED, width=WIDTH, height=HEIGHT)
    assert AssistedDetector(pattern).correlation(sums, geometry, CONTENT_ID) >= MIN_CORRELATION
    sums = ResidualSums()
    sums.add(marked[30], 0.0)
    assert AssistedDetector(pattern).correlation(sums, UNCHANGED, CONTENT_ID) >= MIN_CORRELATION


def test_no_mark_another_id_and_another_seed_are_not_found(
    plain: list[Luma], marked: list[Luma], pattern: WatermarkPattern
) -> None:
    ours, other = AssistedDetector(pattern), AssistedDetector(WatermarkPattern.from_seed(b"other"))
    for detector, frames, content_id in (
        (ours, plain, CONTENT_ID),
        (ours, marked, CONTENT_ID ^ 1),
        (other, marked, CONTENT_ID),
    ):
        assert detector.correlation(add_up(frames), UNCHANGED, content_id) < MIN_CORRELATION
    flat = [add_up([np.full((HEIGHT, WIDTH), level, np.uint8)] * 2) for level in (0, 255)]
    for sums in (*flat, ResidualSums()):
        assert ours.correlation(sums, UNCHANGED, CONTENT_ID) < MIN_CORRELATION


def test_no_soft_bits_fit_no_id(pattern: WatermarkPattern) -> None:
    assert correlate(pattern, CONTENT_ID, []) == 0.0
    assert correlate(pattern, CONTENT_ID, [np.zeros(PAYLOAD_TONES, np.float32)]) == 0.0


def test_a_search_of_twenty_videos_accepts_wrongly_less_than_once_in_a_million() -> None:
    trials = MAX_SHORTLIST * (MAX_REGISTRATIONS * PLACES + MAX_UNREAD) + MAX_WHOLE * PLACES
    # Each term of the correlation is a soft bit with the sign of a secret, random phase. For a sum of terms
    # with random signs, Hoeffding's inequality gives exp(-c²/2) for each trial.
    assert trials * math.exp(-(MIN_CORRELATION**2) / 2) < 1e-6


@given(st.integers(0, 2**32 - 1), st.sampled_from([0.0, 1.0, 3.0]))
@settings(max_examples=20, deadline=None)
def test_sums_with_random_signs_stay_below_the_limit_that_the_arithmetic_uses(
    seed: int, outliers: float
) -> None:
    random = np.random.default_rng(seed)
    soft = np.abs(random.standard_normal(PAYLOAD_TONES)) ** (1 + outliers)
    signs = random.choice([-1.0, 1.0], (2000, PAYLOAD_TONES))
    share = np.mean(signs @ soft / np.linalg.norm(soft) >= 2.5)
    # 2000 trials: the limit and five standard errors of it.
    limit = math.exp(-(2.5**2) / 2)
    assert share <= limit + 5 * math.sqrt(limit / 2000)
