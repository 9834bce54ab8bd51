"""Fonts for text that is drawn into pictures: Pillow's built-in one, installed ones, and a given file."""

from __future__ import annotations

import unicodedata
from pathlib import Path

from PIL import ImageFont

#: Files of fonts with Chinese characters on common systems.
HAN_FONTS = (
    "NotoSansCJK-Regular.ttc",
    "NotoSansCJKsc-Regular.otf",
    "NotoSansSC-Regular.otf",
    "wqy-microhei.ttc",
    "wqy-zenhei.ttc",
    "DroidSansFallbackFull.ttf",
    "SourceHanSansSC-Regular.otf",
    "PingFang.ttc",
    "STHeiti Light.ttc",
)
#: Files of fonts with accents, Greek and Cyrillic. Pillow's built-in font has only ASCII.
WIDE_FONTS = (
    "DejaVuSans.ttf",
    "NotoSans-Regular.ttf",
    "LiberationSans-Regular.ttf",
    "Arial.ttf",
    "Helvetica.ttc",
)
FOLDERS = ("/usr/share/fonts", "/usr/local/share/fonts", "/System/Library/Fonts", "/Library/Fonts")
#: Never a character, so every font draws its replacement glyph for it.
_NO_CHARACTER = "\uffff"

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont


def font_for(
    text: str, size: int, *, han: tuple[str, ...] = HAN_FONTS, wide: tuple[str, ...] = WIDE_FONTS
) -> Font | None:
    """A font that can draw `text`, or None. `han` and `wide` are the font files to try."""
    if text.isascii():
        return ImageFont.load_default(size)
    names = han if any(is_wide(c) for c in text) else wide
    for name in names:
        try:
            return ImageFont.truetype(name, size)
        except OSError:
            continue
    for path in (p for folder in FOLDERS for name in names for p in sorted(Path(folder).glob(f"**/{name}"))):
        try:
            return ImageFont.truetype(str(path), size)
        except OSError:
            continue
    return None


def missing_characters(font: ImageFont.FreeTypeFont, text: str) -> str:
    """The characters of `text` for which a font has no glyph."""
    replacement = _glyph(font, _NO_CHARACTER)
    return "".join(dict.fromkeys(c for c in text if not c.isspace() and _glyph(font, c) == replacement))


def is_wide(c: str) -> bool:
    """Whether a character is as wide as a Chinese one."""
    return unicodedata.east_asian_width(c) in "WF"


def _glyph(font: ImageFont.FreeTypeFont, character: str) -> tuple[object, bytes]:
    mask = font.getmask(character)
    return mask.size, bytes(mask)
