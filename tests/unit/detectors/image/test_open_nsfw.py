from __future__ import annotations

import numpy as np
import pytest

from safelight.detectors.image.open_nsfw import OpenNsfwDetector, find_model_file, model_input
from safelight.detectors.protocol import Frame
from support.rows import each_row


@pytest.fixture(scope="module")
def detector() -> OpenNsfwDetector:
    path = find_model_file()
    assert path is not None
    return OpenNsfwDetector(path, min_score=0.0)


def frame(pixels: np.ndarray[tuple[int, ...], np.dtype[np.uint8]]) -> Frame:
    return Frame(index=0, time_s=0.0, pixels=pixels, width=pixels.shape[1], height=pixels.shape[0])


def test_the_input_is_the_middle_of_the_picture_in_blue_green_red() -> None:
    red = np.zeros((90, 160, 3), np.uint8)
    red[..., 0] = 255
    made = model_input(red)
    assert made.shape == (1, 224, 224, 3)
    assert made[0, 0, 0].tolist() == [-104.0, -117.0, 132.0]


@each_row
def test_pictures_of_every_shape_get_a_score(detector: OpenNsfwDetector, shape: tuple[int, ...]) -> None:
    [found] = detector.inspect_frame(frame(np.full(shape, 90, np.uint8)))
    assert 0 <= found.score < 0.3
    assert found.attributes["kind"] == "whole-picture"


def test_harmless_photographs_are_not_reported() -> None:
    datasets = pytest.importorskip("sklearn.datasets")
    path = find_model_file()
    assert path is not None
    shipped = OpenNsfwDetector(path)
    for name in ("china.jpg", "flower.jpg"):
        pixels = np.ascontiguousarray(datasets.load_sample_image(name), np.uint8)
        assert list(shipped.inspect_frame(frame(pixels))) == []
