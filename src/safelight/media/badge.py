"""The visible label: text, icon or both at the bottom left. Used only inside a sandboxed child."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from safelight.core.arrays import Pixels
from safelight.core.errors import InvalidMedia, TooLarge
from safelight.media.image_structure import check_structure

#: An icon is drawn at most some 200 pixels high, so a larger file is a mistake.
MAX_ICON_BYTES = 1 << 20
MAX_ICON_SIDE = 2048
#: With fewer pixels, an icon is not legible.
MIN_ICON_SIDE = 16
#: Height of the letters as a share of the shorter side of the frame: legible in a small player on a phone.
_TEXT_SHARE = 1 / 20
_MIN_TEXT_PX, _LEAST_TEXT_PX = 9, 6
#: Distance from the edges of the frame, as a share of its shorter side.
_MARGIN_SHARE = 1 / 36
#: Heights as multiples of the height of the letters.
_BOX_HEIGHT, _ICON_IN_BOX, _ICON_ALONE = 1.8, 1.4, 2.4
_BACKGROUND = (18, 20, 24, 184)
_WHITE = (255, 255, 255, 255)
#: Frames on which the label is drawn for a check: wide, tall, square.
_CHECKED_FRAMES = ((1920, 1080), (1080, 1920), (480, 480))


class BadgeStyle(msgspec.Struct, frozen=True, kw_only=True):
    """What the visible label shows."""

    text: str
    #: Whether the text is drawn; without it, only the icon is.
    shows_text: bool = True
    #: File of the font; None for one of the system, or Pillow's own.
    font: str | None = None
    #: PNG file of the icon, drawn left of the text.
    icon: str | None = None


@dataclass(frozen=True, kw_only=True)
class Badge:
    """A label drawn for one frame size. `opacity` has the shape (height, width, 1), from 0 to 1."""

    pixels: Pixels
    opacity: npt.NDArray[np.float32]
    top: int
    left: int

    @classmethod
    def draw(cls, style: BadgeStyle, width: int, height: int) -> Badge:
        """The label for frames of this size. Raises `InvalidMedia` or `TooLarge` for a font or an icon that
        cannot be used.
        """
        margin = max(round(min(width, height) * _MARGIN_SHARE), 1)
        picture = _draw(style, max(width - 2 * margin, 1), max(height - 2 * margin, 1), min(width, height))
        drawn = np.asarray(picture, dtype=np.uint8)
        return cls(
            pixels=drawn[..., :3],
            opacity=np.divide(drawn[..., 3:], 255, dtype=np.float32),
            top=max(height - margin - drawn.shape[0], 0),
            left=min(margin, width - drawn.shape[1]),
        )


def check_badge_in_child(argument: Any, _link: object) -> None:
    """Entry point in a sandboxed child: raises what `Badge.draw` raises for this style."""
    style = msgspec.convert(argument, BadgeStyle)
    for width, height in _CHECKED_FRAMES:
        Badge.draw(style, width, height)


def read_icon(path: Path) -> Any:
    """The icon as a Pillow picture in RGBA. Raises `InvalidMedia` or `TooLarge`."""
    from PIL import Image

    size = path.stat().st_size
    if size > MAX_ICON_BYTES:
        raise TooLarge(f"The icon has {size:,} bytes; at most {MAX_ICON_BYTES:,} are allowed.")
    check_structure(path, animation_pixels=0)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(path, formats=("PNG",)) as opened:
                _check_size(opened)
                icon: Any = opened.convert("RGBA")
    except (OSError, SyntaxError, ValueError, EOFError, Image.DecompressionBombError) as error:
        raise InvalidMedia("The icon cannot be read.", remedy="Use a PNG file.") from error
    if icon.getextrema()[3][1] == 0:
        raise InvalidMedia("The icon is completely transparent.", remedy="Use another PNG file.")
    return icon


def _check_size(icon: Any) -> None:
    if max(icon.size) > MAX_ICON_SIDE:
        raise TooLarge(
            f"The icon is {icon.width} x {icon.height} pixels; at most {MAX_ICON_SIDE} per side are allowed."
        )
    if min(icon.size) < MIN_ICON_SIDE:
        raise InvalidMedia(
            f"The icon is {icon.width} x {icon.height} pixels; at least {MIN_ICON_SIDE} per side are needed."
        )
    if getattr(icon, "n_frames", 1) > 1:
        raise InvalidMedia("The icon is an animation.", remedy="Use a PNG file with one picture.")


def _draw(style: BadgeStyle, room: int, room_below: int, shorter_side: int) -> Any:
    """The label in RGBA, at most `room` wide and `room_below` high."""
    from PIL import Image, ImageDraw

    size = max(round(shorter_side * _TEXT_SHARE), _MIN_TEXT_PX)
    icon = None if style.icon is None else read_icon(Path(style.icon))
    if icon is not None and not style.shows_text:
        return _fit(icon, room, min(round(size * _ICON_ALONE), room_below))
    font, beside = _font(style, size), _icon_width(icon, size)
    while size > _LEAST_TEXT_PX and beside + font.getlength(style.text) + size > room:
        size -= 1
        font, beside = _font(style, size), _icon_width(icon, size)
    box_width = min(round(beside + font.getlength(style.text)) + size, room)
    box_height = min(round(size * _BOX_HEIGHT), room_below)
    box = Image.new("RGBA", (max(box_width, 1), max(box_height, 1)), _BACKGROUND)
    ImageDraw.Draw(box).text(
        ((beside + box_width) / 2, box_height / 2), style.text, fill=_WHITE, font=font, anchor="mm"
    )
    if icon is not None:
        small = _fit(icon, min(beside, box_width), min(round(size * _ICON_IN_BOX), box_height))
        box.alpha_composite(small, ((box_height - small.height) // 2, (box_height - small.height) // 2))
    return box


def _icon_width(icon: Any, size: int) -> int:
    """Pixels that an icon takes beside text of this size, with the space around it."""
    if icon is None:
        return 0
    shape: float = icon.width / icon.height
    return round(size * (_ICON_IN_BOX * shape + (_BOX_HEIGHT - _ICON_IN_BOX) / 2))


def _fit(icon: Any, width: int, height: int) -> Any:
    """The icon in its own shape, as large as fits."""
    from PIL import Image

    scale = min(width / icon.width, height / icon.height)
    size = max(int(icon.width * scale), 1), max(int(icon.height * scale), 1)
    return icon.resize(size, Image.Resampling.LANCZOS)


def _font(style: BadgeStyle, size: int) -> Any:
    """The font of the text. Raises `InvalidMedia` if no font has its characters."""
    from PIL import ImageFont

    from safelight.media.fonts import font_for, missing_characters

    if style.font is None:
        font: Any = font_for(style.text, size)
        if font is None:
            raise InvalidMedia(
                f"No installed font has the characters of “{style.text}”.",
                remedy="Install one, such as Debian's fonts-noto-cjk, or set sealing.label_font.",
            )
        return font
    try:
        font = ImageFont.truetype(style.font, size)
    except OSError as error:
        raise InvalidMedia(
            "The font cannot be read.", remedy="Set sealing.label_font to a TrueType or OpenType file."
        ) from error
    missing = missing_characters(font, style.text)
    if missing:
        raise InvalidMedia(
            f"The font has no glyph for “{missing}”.", remedy="Set sealing.label_font to another font."
        )
    return font
