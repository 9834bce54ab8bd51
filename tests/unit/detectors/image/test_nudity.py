from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from safelight.detectors.image import nudity

CLASSES = {"face_female": 1, "buttocks": 2, "breast": 3, "male_chest": 5, "belly": 13, "face_male": 12}


def output(*boxes: tuple[str, float, tuple[float, float, float, float]]) -> npt.NDArray[np.float32]:
    made = np.zeros((22, 50), dtype=np.float32)
    for place, (name, score, box) in enumerate(boxes):
        made[:4, place] = box
        made[4 + CLASSES[name], place] = score
    return made


def seen(*boxes: tuple[str, float, tuple[float, float, float, float]]) -> list[nudity.Seen]:
    return nudity.decode(output(*boxes), 320, 180, 0.3)


def test_boxes_are_parts_of_the_picture_not_of_the_padding() -> None:
    [thing] = seen(("breast", 0.8, (160, 90, 80, 90)))
    assert thing.box == pytest.approx((0.375, 0.25, 0.25, 0.5))
    assert (thing.kind.category, thing.kind.kind) == ("sexual", "breast")


@pytest.mark.parametrize("name", ["male_chest", "belly"])
def test_bare_chests_of_men_and_bellies_are_nothing(name: str) -> None:
    assert seen((name, 0.95, (160, 90, 80, 90))) == []


def test_faces_are_one_class_whatever_gender_the_model_guesses() -> None:
    things = seen(("face_male", 0.5, (100, 90, 60, 80)), ("face_female", 0.7, (101, 91, 60, 80)))
    assert [(thing.kind.kind, thing.score) for thing in things] == [("face", pytest.approx(0.7))]


def test_overlapping_boxes_are_one_and_separate_ones_two() -> None:
    assert len(seen(("breast", 0.8, (100, 90, 60, 60)), ("breast", 0.6, (104, 92, 60, 60)))) == 1
    assert len(seen(("breast", 0.8, (60, 90, 40, 40)), ("breast", 0.6, (200, 90, 40, 40)))) == 2


def test_scores_below_the_floor_are_not_reported() -> None:
    assert seen(("buttocks", 0.29, (100, 90, 60, 60))) == []


def test_a_box_outside_the_picture_is_dropped() -> None:
    assert seen(("breast", 0.8, (160, 300, 40, 40))) == []


def test_numbers_that_are_none_are_an_error() -> None:
    broken = output(("breast", 0.8, (160, 90, 80, 90)))
    broken[0, 3] = np.nan
    with pytest.raises(ValueError, match="numbers that are none"):
        nudity.decode(broken, 320, 180, 0.3)


@given(width=st.integers(1, 700), height=st.integers(1, 700))
def test_the_letterbox_keeps_the_aspect_and_fits_the_network(width: int, height: int) -> None:
    pixels = np.full((height, width, 3), 255, np.uint8)
    picture, inner_width, inner_height = nudity.letterbox(pixels)
    assert max(inner_width, inner_height) == 320
    assert picture.shape[2] % 32 == picture.shape[3] % 32 == 0
    assert picture.shape[2] - inner_height < 32
    assert picture.shape[3] - inner_width < 32
    assert abs(inner_width * height - inner_height * width) <= max(width, height)
    assert picture[0, :, :inner_height, :inner_width].min() == pytest.approx(1.0)
    assert picture[0, :, inner_height:].sum() == picture[0, :, :, inner_width:].sum() == 0


def test_the_model_sees_red_as_the_first_channel() -> None:
    red = np.zeros((32, 32, 3), np.uint8)
    red[:, :, 0] = 255
    picture, _, _ = nudity.letterbox(red)
    assert picture[0].mean(axis=(1, 2)).tolist() == [1.0, 0.0, 0.0]


def test_what_the_mirrored_picture_does_not_show_counts_half() -> None:
    body = nudity.Seen(nudity._Kind("sexual", "breast", ""), 0.8, (0.1, 0.2, 0.3, 0.4))
    face = nudity.Seen(nudity._Kind("likeness", "face", ""), 0.8, (0.1, 0.2, 0.3, 0.4))
    there = nudity.Seen(body.kind, 0.6, (0.6, 0.2, 0.3, 0.4))
    elsewhere = nudity.Seen(body.kind, 0.9, (0.1, 0.2, 0.3, 0.4))
    assert [one.score for one in nudity.averaged([body, face], [there, elsewhere])] == pytest.approx(
        [0.7, 0.8]
    )
    assert [one.score for one in nudity.averaged([body], [elsewhere])] == pytest.approx([0.4])
