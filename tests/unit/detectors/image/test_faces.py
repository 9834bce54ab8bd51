from __future__ import annotations

import numpy as np
import pytest

from safelight.detectors.image.faces import PLUGIN, FaceDetector
from safelight.detectors.image.nudity import find_model_file
from safelight.detectors.protocol import Frame
from safelight.policy.findings import Modality

model = find_model_file()
needs_model = pytest.mark.skipif(model is None, reason="the package nudenet is not installed")


@needs_model
@pytest.mark.parametrize("size", [(1, 1), (40, 900), (720, 1280), (90, 160)])
def test_no_face_is_found_in_empty_pictures_of_any_size(size: tuple[int, int]) -> None:
    assert model is not None
    detector = FaceDetector(model)
    pixels = np.full((*size, 3), 120, np.uint8)
    frame = Frame(index=0, time_s=0, pixels=pixels, width=size[1], height=size[0])
    assert detector.inspect_frame(frame) == []


@needs_model
def test_images_are_larger_than_frames_and_left_out_of_the_quick_pass() -> None:
    assert model is not None
    detector = FaceDetector(model)
    assert (detector.longest_side, detector.picture_side) == (640, 1280)
    assert detector.costly
    assert not detector.every_frame


def test_it_fills_no_likeness_cell_for_frames() -> None:
    assert {(one.category, one.modality) for one in PLUGIN.capabilities} == {("likeness", Modality.IMAGE)}
