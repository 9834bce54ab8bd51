from __future__ import annotations

import numpy as np

from safelight.provenance.watermark.pattern import SHORT_SIDE
from safelight.provenance.watermark.residual import (
    CHUNK_S,
    MAX_CHUNKS,
    WEIGHTINGS,
    ResidualSums,
    compute_residual,
)

FRAME = np.random.default_rng(1).integers(0, 255, (36, 64)).astype(np.uint8)


def test_large_frames_are_reduced_and_small_ones_are_kept() -> None:
    assert compute_residual(np.zeros((720, 1280), np.uint8)).shape == (len(WEIGHTINGS), SHORT_SIDE, 640)
    assert compute_residual(FRAME).shape == (len(WEIGHTINGS), *FRAME.shape)


def test_detail_counts_less_with_the_second_weighting() -> None:
    frame = FRAME.copy()
    frame[:, 32:] = 128 + (frame[:, 32:].astype(int) - 128) // 16
    even, reduced = (np.abs(plane[:, [8, 56]]).mean(axis=0) for plane in compute_residual(frame))
    assert reduced[1] / reduced[0] > even[1] / even[0]


def test_a_black_frame_gives_zeros_and_no_invalid_numbers() -> None:
    assert (compute_residual(np.zeros((40, 40), np.uint8)) == 0).all()


def test_frames_are_added_up_by_second() -> None:
    sums = ResidualSums()
    for time in (0.0, 0.5, 1.0, 3.2):
        sums.add(FRAME, time)
    assert sums.numbers == [0, 1, 3]
    assert np.allclose(sums.chunks[0], 2 * sums.chunks[1])


def test_more_frames_than_needed_are_skipped() -> None:
    sums = ResidualSums()
    sums.add(FRAME, 0.0)
    assert not sums.wants(0.01)
    assert sums.wants(0.1)


def test_reading_ends_after_the_last_chunk() -> None:
    sums = ResidualSums()
    for number in range(2 * MAX_CHUNKS + 4):
        sums.add(FRAME, number * CHUNK_S / 2)
    assert len(sums.chunks) == MAX_CHUNKS
    assert sums.is_full
    assert not sums.wants(1000.0)


def test_a_frame_of_another_size_is_left_out() -> None:
    sums = ResidualSums()
    sums.add(FRAME, 0.0)
    sums.add(FRAME.T.copy(), 1.0)
    assert len(sums.chunks) == 1
