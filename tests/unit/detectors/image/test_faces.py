from __future__ import annotations

from functools import cache
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from safelight.detectors.image import blazeface, centerface
from safelight.detectors.image.face_boxes import ScoredFace, is_same_face, remove_duplicates, turn_back
from safelight.detectors.image.faces import BOTH, PLUGIN, join_faces
from safelight.detectors.models.catalogue import find_model
from safelight.detectors.protocol import Frame
from safelight.policy.findings import Finding, ImageBox, Modality
from support.synthetic_faces import ANN, BEN, Pixels, portrait


@cache
def shipped() -> Any:
    return PLUGIN.load({})


def found(pixels: Pixels, *, reference: bool = True) -> list[Finding]:
    """The faces that are reported, in the order of their voices."""
    height, width = pixels.shape[:2]
    frame = Frame(index=0, time_s=0, pixels=pixels, width=width, height=height, is_reference=reference)
    return sorted(shipped().inspect_frame(frame), key=voice_of)


def voice_of(finding: Finding) -> str:
    return str(finding.attributes["voice"])


def box_of(finding: Finding) -> ImageBox:
    [box] = finding.evidence
    assert isinstance(box, ImageBox)
    return box


def is_over_the_middle(finding: Finding) -> bool:
    box = box_of(finding)
    return abs(box.x + box.w / 2 - 0.5) < 0.1 and abs(box.y + box.h / 2 - 0.5) < 0.1


@pytest.mark.parametrize("size", [(1, 1), (40, 900), (720, 1280), (90, 160)])
@pytest.mark.parametrize("reference", [True, False])
def test_no_face_is_found_in_empty_pictures_of_any_size(size: tuple[int, int], reference: bool) -> None:
    for shade in (0, 120, 255):
        assert found(np.full((*size, 3), shade, np.uint8), reference=reference) == []


@pytest.mark.parametrize("turns", range(4))
def test_both_models_find_a_face_in_a_reference_whichever_way_it_is_turned(turns: int) -> None:
    faces = found(np.ascontiguousarray(np.rot90(portrait(ANN), turns)))
    assert [voice_of(face) for face in faces] == [BOTH]
    for face in faces:
        assert is_over_the_middle(face)
        assert face.score >= 0.6
        assert face.attributes["kind"] == "face"


def test_a_face_in_a_frame_is_found_upright() -> None:
    faces = found(portrait(ANN, side=340), reference=False)
    assert [voice_of(face) for face in faces] == [BOTH]
    assert all(map(is_over_the_middle, faces))


def test_two_people_are_two_faces_and_a_face_of_12_pixels_is_none() -> None:
    wall = np.full((480, 960, 3), (150, 165, 180), np.uint8)
    wall[:, :480] = portrait(ANN, side=480)
    wall[:, 480:] = np.fliplr(portrait(ANN, side=480))
    assert [voice_of(face) for face in found(wall)] == [BOTH, BOTH]
    wall[:] = (150, 165, 180)
    wall[200:224, 400:424] = portrait(ANN, side=24)
    assert found(wall) == []


def test_a_drawn_face_and_a_photograph_in_a_picture_count_as_faces() -> None:
    # No model here tells a drawn face or a picture in a picture from a person.
    page = np.full((600, 600, 3), 245, np.uint8)
    page[60:400, 130:470] = portrait(ANN, side=340)
    page[60:64, 130:470] = page[396:400, 130:470] = 20
    faces = found(page)
    assert [voice_of(face) for face in faces] == [BOTH]
    assert all(box_of(face).y + box_of(face).h < 400 / 600 for face in faces)


def test_a_mask_without_eyes_is_no_face() -> None:
    mask = portrait(BEN)
    mask[100:300, 100:300] = (230, 228, 224)
    assert found(mask) == []


def test_a_frame_of_which_a_part_changed_has_the_same_faces() -> None:
    picture = np.asarray(cv2.resize(portrait(ANN, side=340), (640, 640)), np.uint8)
    detector = PLUGIN.load({})

    def boxes(index: int) -> list[tuple[float, ...]]:
        frame = Frame(index=index, time_s=index / 24, pixels=picture, width=640, height=640)
        return [box_of(one).sides for one in detector.inspect_frame(frame)]

    first = boxes(0)
    assert len(first) == 1
    picture[600:610, 600:610] = 255
    again = boxes(1)
    # CenterFace did not inspect the face again.
    assert again == first


def test_images_are_larger_than_frames_and_left_out_of_the_quick_pass() -> None:
    detector = shipped()
    assert (detector.longest_side, detector.picture_side) == (640, 960)
    assert detector.costly
    assert not detector.every_frame


def test_it_fills_no_likeness_cell_for_frames() -> None:
    assert {(one.category, one.modality) for one in PLUGIN.capabilities} == {("likeness", Modality.IMAGE)}


def test_a_higher_score_can_be_asked_for() -> None:
    pixels = portrait(ANN)
    frame = Frame(index=0, time_s=0, pixels=pixels, width=400, height=400, is_reference=True)
    assert list(PLUGIN.load({"min_score": 0.99}).inspect_frame(frame)) == []


Floats = npt.NDArray[np.float32]
ROWS, COLUMNS = 6, 8


def values(*shape: int, low: float = -1e6, high: float = 1e6) -> st.SearchStrategy[Floats]:
    return arrays.arrays(np.float32, shape, elements=st.floats(low, high, width=32))


def assert_valid(decoded: list[ScoredFace], least: float) -> None:
    for score, (x, y, w, h) in decoded:
        assert least <= score <= 1
        assert min(x, y) >= 0
        assert min(w, h) > 0
        assert max(x + w, y + h) <= 1 + 1e-9
    kept = remove_duplicates(decoded)
    assert set(kept) <= set(decoded)
    if decoded:
        assert kept[0].score == max(face.score for face in decoded)
    assert remove_duplicates(kept) == kept


@given(
    heat=values(ROWS, COLUMNS, low=0, high=2),
    sizes=values(2, ROWS, COLUMNS),
    offsets=values(2, ROWS, COLUMNS),
    width=st.integers(1, 4 * COLUMNS),
    height=st.integers(1, 4 * ROWS),
)
def test_faces_of_centerface_are_inside_the_picture_and_the_best_is_kept(
    heat: Floats, sizes: Floats, offsets: Floats, width: int, height: int
) -> None:
    assert_valid(centerface.decode_faces(heat, sizes, offsets, width, height, 0.5), 0.5)


@given(logits=values(2304, 1), boxes=values(2304, 4, low=-500, high=500), side=st.integers(1, 96))
def test_faces_of_blazeface_are_inside_the_picture_and_the_best_is_kept(
    logits: Floats, boxes: Floats, side: int
) -> None:
    logits[:2290] = -10
    picture = (0.0, (96 - side) / 192, 1.0, 2 * side / 192)
    assert_valid(blazeface.decode_faces(logits, boxes, picture, 0.5), 0.5)


def test_output_that_is_not_finite_is_an_error() -> None:
    heat, pair = np.full((2, 2), np.nan, np.float32), np.zeros((2, 2, 2), np.float32)
    with pytest.raises(ValueError, match="not finite"):
        centerface.decode_faces(heat, pair, pair, 8, 8, 0.5)
    with pytest.raises(ValueError, match="not finite"):
        blazeface.decode_faces(heat[:, :1], heat, (0, 0, 1, 1), 0.5)


unit = st.floats(0, 0.5)
scored = st.lists(st.builds(ScoredFace, st.floats(0.5, 1), st.tuples(unit, unit, unit, unit)), max_size=5)


@given(center=scored, blaze=scored)
def test_faces_of_two_models_are_joined_by_their_place_and_none_is_lost(
    center: list[ScoredFace], blaze: list[ScoredFace]
) -> None:
    joined = list(join_faces(center, blaze))
    assert [face for voice, face in joined if voice != "blazeface"] == center
    alone = [face for voice, face in joined if voice == "blazeface"]
    for face in blaze:
        assert face in alone or any(is_same_face(face, other) for other in center)
    for voice, face in joined:
        others = blaze if voice in (BOTH, "centerface") else center
        if voice == BOTH:
            assert any(is_same_face(face, other) for other in others)
        if voice == "blazeface":
            assert not any(is_same_face(face, other) for other in others)


def test_two_faces_in_different_places_are_not_joined() -> None:
    left, right = ScoredFace(0.9, (0.1, 0.1, 0.2, 0.2)), ScoredFace(0.8, (0.6, 0.1, 0.2, 0.2))
    wider = ScoredFace(0.7, (0.05, 0.05, 0.3, 0.3))
    assert list(join_faces([left], [right])) == [("centerface", left), ("blazeface", right)]
    assert list(join_faces([left, right], [wider])) == [(BOTH, left), ("centerface", right)]


@given(st.tuples(unit, unit, unit, unit), st.integers(0, 3))
def test_a_turned_box_comes_back(box: tuple[float, float, float, float], turns: int) -> None:
    turned = turn_back(ScoredFace(0.9, box), 4 - turns) if turns else ScoredFace(0.9, box)
    assert turn_back(turned, turns).box == pytest.approx(box, abs=1e-9)


def test_a_turned_box_is_where_numpy_turns_its_pixels() -> None:
    picture = np.zeros((40, 80), np.uint8)
    picture[10:20, 4:24] = 1
    for turns in range(4):
        rows, columns = np.nonzero(np.rot90(picture, turns))
        high, wide = np.rot90(picture, turns).shape
        sides = (
            columns.min() / wide,
            rows.min() / high,
            np.ptp(columns) / wide + 1 / wide,
            np.ptp(rows) / high + 1 / high,
        )
        back = turn_back(ScoredFace(1.0, sides), turns).box
        assert back == pytest.approx((4 / 80, 10 / 40, 20 / 80, 10 / 40))


def test_a_file_that_is_no_model_is_refused() -> None:
    folder = find_model("centerface", None)
    assert folder is not None
    model = (folder / "centerface.onnx").read_bytes()
    for broken in (model[:-100], b"\xff" * 40, b"<html>"):
        with pytest.raises(ValueError, match="not an ONNX model"):
            centerface.free_input_size(broken)
