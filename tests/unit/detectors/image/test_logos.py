from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from safelight.core.errors import InvalidField, NotFound
from safelight.detectors.image.logo_store import EnrolledLogo, LogoKind, LogoStore
from safelight.detectors.image.logo_words import LogoWordDetector
from safelight.detectors.image.logos import LogoDetector
from safelight.detectors.image.template_matching import make_view
from safelight.detectors.protocol import Frame
from safelight.policy.findings import ImageBox, Match
from support.rows import each_row
from support.texts import findings, marked

Grey = npt.NDArray[np.uint8]


def emblem(*, other: bool = False) -> Grey:
    """A drawing, black on white: a crooked star in a broken ring, or another shape."""
    made = np.full((240, 240), 255, np.uint8)
    if other:
        for number in range(6):
            cv2.rectangle(made, (20 + 36 * number, 30 + 20 * (number % 3)), (44 + 36 * number, 210), 0, -1)
        return made
    cv2.ellipse(made, (120, 120), (100, 100), 0, 20, 300, 0, 18)
    points = [(120, 40), (140, 100), (200, 110), (150, 145), (175, 205), (118, 165), (70, 200), (88, 140)]
    cv2.fillPoly(made, [np.array([*points, (45, 105), (100, 98)])], 0)
    cv2.circle(made, (118, 125), 14, 255, -1)
    return made


def mark(name: str = "star", kind: LogoKind = LogoKind.BRAND, words: tuple[str, ...] = ()) -> EnrolledLogo:
    view = make_view(emblem())
    assert view is not None
    return EnrolledLogo(name=name, kind=kind, words=words, enrolled_at=1.0, views=(view,))


def shown(thing: Grey, *, side: int = 150, turn: float = 0.0, light: bool = False) -> Frame:
    """A picture with the drawing in it, on a textured background."""
    rng = np.random.default_rng(4)
    coarse = rng.normal(0, 1, (12, 16)).astype(np.float32)
    ground = np.clip(120 + 25 * cv2.resize(coarse, (640, 360), interpolation=cv2.INTER_CUBIC), 0, 255)
    matrix = cv2.getRotationMatrix2D((120, 120), turn, side / 240)
    matrix[:, 2] += (400 - 120, 180 - 120)
    cover = cv2.warpAffine(255 - thing, matrix, (640, 360)).astype(np.float32) / 255
    painted = ground * (1 - cover) + (235 if light else 20) * cover
    pixels = np.repeat(painted.astype(np.uint8)[..., None], 3, axis=2)
    return Frame(index=0, time_s=0.0, pixels=pixels, width=640, height=360)


@pytest.fixture
def marks(tmp_path: Path) -> LogoStore:
    kept = LogoStore(tmp_path / "logos")
    kept.put(mark())
    return kept


@each_row
def test_an_enrolled_logo_is_found_in_its_place(
    marks: LogoStore, side: int, turn: float, light: bool
) -> None:
    [found] = LogoDetector(marks.folder).inspect_frame(shown(emblem(), side=side, turn=turn, light=light))
    assert (found.category, found.attributes["kind"]) == ("ip/brand", "logo:star")
    box, match = found.evidence
    assert isinstance(box, ImageBox)
    assert isinstance(match, Match)
    assert abs(box.x + box.w / 2 - 400 / 640) < 0.06
    assert abs(box.y + box.h / 2 - 0.5) < 0.1
    assert (match.list, match.entry) == ("logos", "star")


def test_other_pictures_do_not_match_a_logo(marks: LogoStore) -> None:
    detector = LogoDetector(marks.folder)
    assert detector.inspect_frame(shown(emblem(other=True))) == []
    blank = np.full((360, 640, 3), 90, np.uint8)
    assert detector.inspect_frame(Frame(index=0, time_s=0, pixels=blank, width=640, height=360)) == []
    for level in (0, 255):
        assert make_view(np.full((200, 200), level, np.uint8)) is None, "it cannot be enrolled"


def test_a_character_is_of_its_own_category_and_a_large_one_is_the_subject(tmp_path: Path) -> None:
    kept = LogoStore(tmp_path)
    kept.put(mark(kind=LogoKind.CHARACTER))
    detector = LogoDetector(tmp_path)
    [large] = detector.inspect_frame(shown(emblem(), side=330))
    [small] = detector.inspect_frame(shown(emblem(), side=100))
    assert (large.category, large.attributes["role"]) == ("ip/character", "subject")
    assert small.attributes["role"] == "passing"


def test_enrolling_and_removing_apply_at_once(tmp_path: Path) -> None:
    kept, detector = LogoStore(tmp_path / "logos"), LogoDetector(tmp_path / "logos")
    assert "safelight logos add" in detector.idle
    assert detector.inspect_frame(shown(emblem())) == []
    kept.put(mark())
    assert detector.idle == ""
    assert detector.inspect_frame(shown(emblem()))
    kept.remove("star")
    assert detector.idle
    with pytest.raises(NotFound):
        kept.remove("star")
    with pytest.raises(InvalidField):
        kept.remove("../star")


def said(text: str, folder: Path, field: str = "prompt") -> list[tuple[str, float]]:
    found = findings(LogoWordDetector(folder), text, field)
    return [(words, one.score) for one in found for words in marked(one, text)]


def test_logo_words_match_whole_words_at_their_original_place(tmp_path: Path) -> None:
    LogoStore(tmp_path).put(mark(words=("Acme Roundel", "Zyx")))
    assert said("A cup with the ACME roundel on it", tmp_path) == [("ACME roundel", 0.9)]
    assert said("acmeroundel", tmp_path) == [("acmeroundel", 0.9)]
    assert said("the acme of roundels, zyxel", tmp_path) == []
    # A misread letter is tolerated only in long words of text in the picture.
    assert said("ACME R0UNDEL", tmp_path, "on_screen")[0][0] == "ACME R0UNDEL"
    assert said("Zyy", tmp_path, "on_screen") == []
    assert said("acme roumdel", tmp_path) == []
