from __future__ import annotations

import numpy as np

from safelight.provenance.watermark.pattern import SHORT_SIDE
from safelight.provenance.watermark.residual import (
    CHUNK_S,
    MAX_CHUNKS,
    ChunkTime,
    ResidualSums,
    compute_residual,
)

FRAME = np.random.default_rng(1).integers(0, 255, (36, 64)).astype(np.uint8)


def test_large_frames_are_reduced_and_small_ones_are_kept() -> None:
    assert compute_residual(np.zeros((720, 1280), np.uint8)).shape == (SHORT_SIDE, 640)
    assert compute_residual(FRAME).shape == FRAME.shape


def test_a_dark_area_counts_less_because_it_has_hardly_any_mark() -> None:
    frame = FRAME // 32
    frame[:, :32] += 120
    bright, dark = np.abs(compute_residual(frame)[:, [8, 56]]).mean(axis=0)
    assert dark < bright / 3


def test_a_black_frame_gives_zeros_and_no_invalid_numbers() -> None:
    assert (compute_residual(np.zeros((40, 40), np.uint8)) == 0).all()


def test_frames_are_added_up_by_second() -> None:
    sums = ResidualSums()
    for time in (0.0, 0.5, 1.0, 3.2):
        sums.add(FRAME, time)
    assert sums.times == [ChunkTime(number=number) for number in (0, 1, 3)]
    assert np.allclose(sums.chunks[0], 2 * sums.chunks[1])


def test_intra_coded_frames_are_added_up_by_themselves() -> None:
    sums = ResidualSums()
    for number in range(12):
        sums.add(FRAME, number / 4, is_intra=number % 5 == 0)
    found = [(one.number, one.is_intra) for one in sums.times]
    assert found == [(0, True), (0, False), (1, False), (1, True), (2, False), (2, True)]
    assert np.allclose(sums.chunks[1], 3 * sums.chunks[0])


def test_an_intra_coded_frame_is_used_right_after_another_frame() -> None:
    sums = ResidualSums()
    sums.add(FRAME, 0.0)
    assert sums.wants(0.01, is_intra=True)
    sums.add(FRAME, 0.01, is_intra=True)
    assert not sums.wants(0.02, is_intra=True)


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


def test_each_second_has_at_most_two_sums() -> None:
    sums = ResidualSums()
    for number in range(8 * MAX_CHUNKS):
        sums.add(FRAME, number * CHUNK_S / 6, is_intra=number % 3 == 0)
    assert len(sums.chunks) == 2 * MAX_CHUNKS
    assert sums.is_full


def test_a_frame_of_another_size_is_left_out() -> None:
    sums = ResidualSums()
    sums.add(FRAME, 0.0)
    sums.add(FRAME.T.copy(), 1.0)
    assert len(sums.chunks) == 1
