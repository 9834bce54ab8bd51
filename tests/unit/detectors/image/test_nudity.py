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


def seen(*boxes: tuple[str, float, tuple[float, float, float, float]]) -> list[nudity.Detection]:
    return nudity.decode_detections(output(*boxes), 320, 180, 0.3)


def test_boxes_are_fractions_of_the_picture_without_padding() -> None:
    [thing] = seen(("breast", 0.8, (160, 90, 80, 90)))
    assert thing.box == pytest.approx((0.375, 0.25, 0.25, 0.5))
    assert (thing.kind.category, thing.kind.kind) == ("sexual", "breast")


def test_faces_are_one_class_whatever_gender_the_model_guesses() -> None:
    things = seen(("face_male", 0.5, (100, 90, 60, 80)), ("face_female", 0.7, (101, 91, 60, 80)))
    assert [(thing.kind.kind, thing.score) for thing in things] == [("face", pytest.approx(0.7))]


def test_male_chests_low_scores_and_boxes_outside_the_picture_are_not_reported() -> None:
    for name, score, y in (("male_chest", 0.95, 90), ("belly", 0.95, 90), ("buttocks", 0.29, 90)):
        assert seen((name, score, (160, y, 80, 90))) == []
    assert seen(("breast", 0.8, (160, 300, 40, 40))) == []


def test_overlapping_boxes_are_one_and_separate_ones_two() -> None:
    assert len(seen(("breast", 0.8, (100, 90, 60, 60)), ("breast", 0.6, (104, 92, 60, 60)))) == 1
    assert len(seen(("breast", 0.8, (60, 90, 40, 40)), ("breast", 0.6, (200, 90, 40, 40)))) == 2


def test_non_finite_output_is_an_error() -> None:
    broken = output(("breast", 0.8, (160, 90, 80, 90)))
    broken[0, 3] = np.nan
    with pytest.raises(ValueError, match="not finite"):
        nudity.decode_detections(broken, 320, 180, 0.3)
    with pytest.raises(ValueError, match="not finite"):
        nudity.supporting_score(broken, 320, 180, (0.1, 0.1, 0.2, 0.2), [3], mirrored=False)


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


@given(width=st.integers(1, 700), height=st.integers(1, 700), halvings=st.integers(0, 5))
def test_a_smaller_view_halves_the_area_and_fits_the_network(width: int, height: int, halvings: int) -> None:
    pixels = np.full((height, width, 3), 255, np.uint8)
    picture, inner_width, inner_height = nudity.letterbox(pixels, halvings=halvings)
    assert max(inner_width, inner_height) == round(320 * 2 ** (-halvings / 2))
    assert picture.shape[2] % 32 == picture.shape[3] % 32 == 0


def test_large_detections_get_smaller_views_and_small_ones_do_not() -> None:
    views = {part: nudity.rescaled_views((0.0, 0.0, part, 1.0), 320, 320) for part in (1.0, 0.5, 0.02)}
    assert [view.halvings for view in views[1.0]] == [3, 4, 5]
    assert [view.halvings for view in views[0.02]] == [0, 0, 0]
    assert all(small.halvings <= large.halvings for small, large in zip(views[0.5], views[1.0], strict=True))
    assert [view.mirrored for view in views[0.5]] == [True, False, True]


@given(st.tuples(*[st.floats(0, 1)] * 4), st.integers(1, 320), st.integers(1, 320))
def test_every_view_has_a_size_that_the_network_can_use(
    box: tuple[float, float, float, float], width: int, height: int
) -> None:
    assert all(0 <= view.halvings <= 5 for view in nudity.rescaled_views(box, width, height))


def test_another_view_supports_a_detection_in_the_same_place() -> None:
    there = output(("breast", 0.6, (240, 90, 80, 90)), ("breast", 0.9, (60, 90, 60, 60)))
    right, left, between = (0.625, 0.25, 0.25, 0.5), (0.125, 0.25, 0.25, 0.5), (0.4, 0.25, 0.1, 0.5)

    def support(box: tuple[float, float, float, float], kind: int = 3, *, mirrored: bool = False) -> float:
        return round(nudity.supporting_score(there, 320, 180, box, [kind], mirrored=mirrored), 3)

    assert support(right) == 0.6
    assert support(right, kind=2) == support(between) == 0.0
    there = output(("breast", 0.6, (240, 90, 80, 90)))
    assert (support(left, mirrored=True), support(right, mirrored=True)) == (0.6, 0.0)


def scores(
    *boxes: tuple[str, float], looks: float, asked: list[nudity.RescaledView] | None = None
) -> list[float]:
    """Detections of objects that fill the picture, if the further views give another score."""

    def look(view: nudity.RescaledView) -> nudity.ModelOutput:
        side = round(320 * 2 ** (-view.halvings / 2))
        first = view == nudity.RescaledView(0, False)
        if asked is not None:
            asked.append(view)
        box = (side / 2, side / 2, float(side), float(side))
        return output(*((name, score if first else looks, box) for name, score in boxes)), side, side

    return [round(one.score, 3) for one in nudity.filter_detections(look, 0.3)]


def test_a_body_part_has_the_mean_of_four_views_and_a_face_its_own_score() -> None:
    assert scores(("breast", 0.8), ("face_male", 0.7), looks=0.4) == [0.5, 0.7]
    assert scores(("breast", 0.9), looks=0.0) == [], "no other view supports it"
    assert scores(("breast", 0.25), looks=0.9) == [], "further views add no detections"


def test_further_views_run_only_after_a_body_part_detection() -> None:
    asked: list[nudity.RescaledView] = []
    assert scores(("face_male", 0.9), looks=0.9, asked=asked) == [0.9]
    assert len(asked) == 1
    asked.clear()
    scores(("breast", 0.9), ("buttocks", 0.9), looks=0.9, asked=asked)
    assert len(asked) == len(set(asked)) == 4
