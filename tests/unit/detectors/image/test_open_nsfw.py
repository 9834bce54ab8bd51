from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
import pytest
from bench import frames

from safelight.detectors.image.open_nsfw import MIN_SCORE, OpenNsfwDetector, find_model_file, model_input
from safelight.detectors.protocol import Frame
from support.rows import each_row
from support.verdicts import decided


@cache
def shipped(min_score: float = MIN_SCORE) -> OpenNsfwDetector:
    path = find_model_file()
    assert path is not None
    return OpenNsfwDetector(path, min_score=min_score)


@pytest.fixture(scope="module")
def detector() -> OpenNsfwDetector:
    return shipped(0.0)


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
    for name in ("china.jpg", "flower.jpg"):
        pixels = np.ascontiguousarray(datasets.load_sample_image(name), np.uint8)
        assert list(shipped().inspect_frame(frame(pixels))) == []


def drawn(draw: Callable[..., frames.Floats], number: int) -> Frame:
    return frame(np.clip(draw(np.random.default_rng([5, number]), number), 0, 255).astype(np.uint8))


@pytest.mark.parametrize("draw", [frames.statue, frames.rabbit, frames.medicine, frames.face])
def test_drawings_that_resemble_bodies_are_not_reported(draw: Callable[..., frames.Floats]) -> None:
    for number in range(4):
        assert list(shipped().inspect_frame(drawn(draw, number))) == []


@pytest.mark.parametrize(("draw", "number"), [(frames.sand, 7), (frames.skin, 11)])
def test_sand_and_skin_that_are_reported_are_held_and_not_blocked(
    draw: Callable[..., frames.Floats], number: int
) -> None:
    # The model confuses some of them; docs/benchmarks/pictures.md has the share.
    [found] = shipped().inspect_frame(drawn(draw, number))
    assert found.score > 0.6
    assert decided("output", found).action == "hold"


def test_a_black_and_a_white_frame_are_not_held(detector: OpenNsfwDetector) -> None:
    for shade in (0, 255):
        [found] = detector.inspect_frame(frame(np.full((270, 480, 3), shade, np.uint8)))
        assert found.score < 0.2
