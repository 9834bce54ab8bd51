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
def test_pictures_of_any_size_without_faces_have_none(size: tuple[int, int]) -> None:
    assert model is not None
    detector = FaceDetector(model)
    pixels = np.full((*size, 3), 120, np.uint8)
    frame = Frame(index=0, time_s=0, pixels=pixels, width=size[1], height=size[0])
    assert detector.inspect_frame(frame) == []


@needs_model
def test_pictures_are_asked_for_larger_than_frames_and_not_in_the_quick_look() -> None:
    assert model is not None
    detector = FaceDetector(model)
    assert (detector.longest_side, detector.picture_side) == (640, 1280)
    assert detector.costly
    assert not detector.every_frame


def test_it_says_nothing_of_whose_face_it_is_in_frames() -> None:
    assert {(one.category, one.modality) for one in PLUGIN.capabilities} == {("likeness", Modality.IMAGE)}
