"""The mark is found in changed pictures. Encoders are in the measurement, `safelight eval provenance`."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import cv2
import numpy as np
import pytest

from safelight.provenance.watermark.detector import WatermarkDetector, WatermarkSearch, search_marks
from safelight.provenance.watermark.pattern import WatermarkPattern
from safelight.provenance.watermark.residual import ResidualSums

from .conftest import CONTENT_ID, FPS, Luma, add_up


def _never() -> bool:
    return False


def _rotate(frame: Luma) -> Luma:
    height, width = frame.shape
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), 2.0, 1.0)
    return np.asarray(cv2.warpAffine(frame, turn, (width, height)), np.uint8)


def _put_bars(frame: Luma) -> Luma:
    small = cv2.resize(frame, (500, 282), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.copyMakeBorder(small, 60, 60, 70, 70, cv2.BORDER_CONSTANT), np.uint8)


def test_a_whole_a_smaller_and_a_later_clip_are_read_without_a_search(
    marked: list[Luma], pattern: WatermarkPattern
) -> None:
    small = [
        np.asarray(cv2.resize(one, (320, 180), interpolation=cv2.INTER_AREA), np.uint8) for one in marked
    ]
    for frames in (marked, small, marked[FPS // 2 + FPS :]):
        found = WatermarkDetector(pattern).read(add_up(frames))
        assert found is not None
        assert (found.content_id, found.mirrored) == (CONTENT_ID, False)


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda frame: frame[:, ::-1].copy(), id="mirrored"),
        pytest.param(lambda frame: frame[60:300, 107:533].copy(), id="cropped"),
        pytest.param(_rotate, id="rotated"),
        pytest.param(_put_bars, id="bars"),
        pytest.param(
            lambda frame: np.asarray(cv2.resize(frame, (576, 360), interpolation=cv2.INTER_AREA), np.uint8),
            id="stretched",
        ),
        pytest.param(
            lambda frame: np.clip(30 + 0.7 * frame.astype(np.float32), 0, 255).astype(np.uint8),
            id="contrast",
        ),
    ],
)
def test_a_changed_picture_is_found(
    marked: list[Luma], pattern: WatermarkPattern, change: Callable[[Luma], Luma]
) -> None:
    found = WatermarkDetector(pattern).search(add_up([change(frame) for frame in marked]), _never).found
    assert found is not None
    assert found.content_id == CONTENT_ID


def test_an_unmarked_clip_and_one_of_another_seed_have_no_mark(
    marked: list[Luma], plain: list[Luma], pattern: WatermarkPattern
) -> None:
    other = WatermarkPattern.from_seed(b"other")
    for frames, searched in ((plain, pattern), (marked, other)):
        assert WatermarkDetector(searched).search(add_up(frames), _never).found is None


def test_each_geometry_is_tried_with_all_patterns(
    marked: list[Luma], plain: list[Luma], pattern: WatermarkPattern
) -> None:
    others = [WatermarkDetector(WatermarkPattern.from_seed(one)) for one in (b"newer", b"newest")]
    detectors = [*others, WatermarkDetector(pattern)]
    cropped = add_up([frame[60:300, 107:533].copy() for frame in marked])
    *without, last = search_marks(detectors, cropped, _never)
    assert last.found is not None
    assert last.found.content_id == CONTENT_ID
    assert all(one.found is None for one in without)
    asked = itertools.count()
    results = search_marks(detectors, add_up(plain), lambda: next(asked) > 20)
    assert len({len(one.unread) for one in results}) == 1


def test_the_search_ends_when_its_time_is_over(marked: list[Luma], pattern: WatermarkPattern) -> None:
    asked = []

    def is_over() -> bool:
        asked.append(True)
        return True

    cropped = add_up([frame[60:300, 107:533].copy() for frame in marked])
    result = WatermarkDetector(pattern).search(cropped, is_over)
    assert result.found is None
    assert len(result.unread) == 2  # the picture and its mirror image
    assert len(asked) == 1


@pytest.mark.parametrize("level", [0, 128, 255])
def test_flat_pictures_and_no_pictures_have_no_mark(pattern: WatermarkPattern, level: int) -> None:
    detector = WatermarkDetector(pattern)
    assert detector.search(add_up([np.full((90, 160), level, np.uint8)] * 3), _never).found is None
    assert detector.search(ResidualSums(), _never) == WatermarkSearch(found=None)
    assert detector.read(ResidualSums()) is None
