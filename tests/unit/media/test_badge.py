"""The visible label: where it is drawn, in which languages, and which icons and fonts are refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageFont

from safelight.core.errors import BadInput, InvalidMedia
from safelight.core.i18n import LANGUAGES, load_messages
from safelight.media.badge import MAX_ICON_BYTES, MAX_ICON_SIDE, Badge, BadgeStyle, read_icon
from safelight.media.fonts import missing_characters
from support.rows import each_row
from support.tiny_font import write_font

TEXTS = {tag: load_messages("provenance", tag)("visible_label") for tag in LANGUAGES}
SIDES = st.integers(8, 1200).map(lambda half: 2 * half)


def icon(path: Path, size: tuple[int, int] = (64, 48)) -> Path:
    """A red disc on a transparent ground."""
    pixels = np.zeros((size[1], size[0], 4), np.uint8)
    down, across = np.mgrid[-1 : 1 : size[1] * 1j, -1 : 1 : size[0] * 1j]
    pixels[down**2 + across**2 < 0.9] = (220, 20, 30, 255)
    Image.fromarray(pixels).save(path, format="PNG")
    return path


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("badge")
    font = write_font(folder / "han.ttf", "".join(TEXTS.values()) + "AI")
    return {
        "font": str(font),
        "icon": str(icon(folder / "icon.png")),
        "banner": str(icon(folder / "banner.png", (800, 32))),
    }


def test_the_texts_are_different_in_each_language() -> None:
    assert TEXTS == {"en": "AI-generated", "zh-Hant": "AI 生成影片", "zh-Hans": "AI 生成视频"}


@settings(max_examples=60)
@given(SIDES, SIDES, st.sampled_from(LANGUAGES), st.sampled_from((None, "icon", "banner")), st.booleans())
def test_the_label_is_inside_of_the_frame_and_not_at_its_edges(
    files: dict[str, str], width: int, height: int, language: str, shape: str | None, shows_text: bool
) -> None:
    style = BadgeStyle(
        text=TEXTS[language],
        shows_text=shows_text or shape is None,
        font=None if language == "en" else files["font"],
        icon=None if shape is None else files[shape],
    )
    badge = Badge.draw(style, width, height)
    rows, columns = badge.opacity.shape[:2]
    assert badge.left >= 1
    assert badge.top >= 1
    assert badge.left + columns < width
    assert badge.top + rows < height
    assert badge.opacity.any()


@pytest.mark.parametrize("size", [(1280, 720), (720, 1280), (720, 720)])
def test_text_is_not_cut_off_and_an_icon_keeps_its_shape(
    files: dict[str, str], size: tuple[int, int]
) -> None:
    style = BadgeStyle(text=TEXTS["zh-Hans"], font=files["font"], icon=files["icon"])
    badge = Badge.draw(style, *size)
    red = badge.pixels[..., 0].astype(int) - badge.pixels[..., 1] > 120
    white = badge.pixels.min(axis=-1) > 230
    across, up = np.ptp(np.flatnonzero(red.any(axis=0))) + 1, np.ptp(np.flatnonzero(red.any(axis=1))) + 1
    assert across / up == pytest.approx(64 / 48, rel=0.1)
    assert np.flatnonzero(white.any(axis=0)).min() > np.flatnonzero(red.any(axis=0)).max()
    assert not white[:, -2:].any()
    assert min(size) / 40 < np.ptp(np.flatnonzero(white.any(axis=1))) < min(size) / 15


def test_an_icon_alone_has_no_text_and_no_background(files: dict[str, str]) -> None:
    badge = Badge.draw(BadgeStyle(text="x", shows_text=False, icon=files["icon"]), 640, 360)
    assert badge.opacity[0, 0] == 0
    assert badge.opacity.max() == 1
    assert not (badge.pixels[badge.opacity[..., 0] > 0.9].min(axis=-1) > 200).any()


@each_row
def test_an_icon_that_cannot_be_used_is_refused(tmp_path: Path, name: str, message: str) -> None:
    path = tmp_path / "icon.png"
    match name:
        case "text":
            path.write_text("no picture")
        case "jpeg":
            Image.new("RGB", (64, 64)).save(path, format="JPEG")
        case "cut":
            noise = np.random.default_rng(1).integers(0, 255, (64, 64, 4), np.uint8)
            Image.fromarray(noise).save(path)
            path.write_bytes(path.read_bytes()[:3000])
        case "heavy":
            path.write_bytes(icon(path).read_bytes() + b"\0" * MAX_ICON_BYTES)
        case "huge":
            Image.new("RGBA", (MAX_ICON_SIDE + 1, 20), "red").save(path)
        case "small":
            Image.new("RGBA", (64, 8), "red").save(path)
        case "moving":
            frames = [Image.new("RGBA", (64, 64), colour) for colour in ("red", "blue")]
            frames[0].save(path, save_all=True, append_images=frames[1:])
        case _:
            Image.new("RGBA", (64, 64), (255, 0, 0, 0)).save(path)
    with pytest.raises(BadInput, match=message):
        read_icon(path)


def test_a_font_without_a_glyph_is_refused_and_the_glyph_is_named(tmp_path: Path) -> None:
    path = write_font(tmp_path / "part.ttf", "AI 生成视")
    font = ImageFont.truetype(str(path), 20)
    assert missing_characters(font, TEXTS["zh-Hans"]) == "频"
    with pytest.raises(InvalidMedia, match="no glyph for “频”"):
        Badge.draw(BadgeStyle(text=TEXTS["zh-Hans"], font=str(path)), 640, 360)
    path.write_text("no font")
    with pytest.raises(InvalidMedia, match="font cannot be read"):
        Badge.draw(BadgeStyle(text="AI", font=str(path)), 640, 360)
