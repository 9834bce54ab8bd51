"""Emoji read as words: by their Unicode names, and plainer ones where the name is not what is meant."""

from __future__ import annotations

import unicodedata

_PLAINER = {
    "🔪": "knife", "🗡": "dagger", "⚔": "swords", "🔫": "gun", "💣": "bomb", "🧨": "firecracker",
    "💥": "explosion", "🩸": "blood", "☠": "skull and crossbones", "💀": "skull", "⚰": "coffin",
    "🪦": "gravestone", "🍆": "eggplant",
    "🍑": "peach", "💦": "sweat drops", "👙": "bikini", "👅": "tongue", "💋": "kiss", "🔞": "adults only",
    "💊": "pill", "💉": "syringe", "🚬": "cigarette", "🍺": "beer", "🌿": "herb", "🔥": "fire", "👶": "baby",
    "🧒": "child", "👦": "boy", "👧": "girl", "👩": "woman", "👨": "man", "👮": "police officer", "🪓": "axe",
    "🪚": "saw", "🏴": "black flag", "✂": "scissors", "⛓": "chains", "🐷": "pig", "🐒": "monkey",
    "🍼": "baby bottle", "卐": "swastika", "卍": "manji",
}  # fmt: skip
#: The other way round, where one word is all an emoji means.
PICTURES = {meaning: sign for sign, meaning in _PLAINER.items() if " " not in meaning}
_BLOCKS = ((0x1F300, 0x1FAFF), (0x2600, 0x27BF))
_DROPPED = ("emoji modifier", "variation selector", "regional indicator")


def word(character: str) -> str:
    """What an emoji means in words, or nothing where it is none."""
    if character in _PLAINER:
        return _PLAINER[character]
    code = ord(character)
    if not any(first <= code <= last for first, last in _BLOCKS):
        return ""
    name = unicodedata.name(character, "").lower()
    return "" if name.startswith(_DROPPED) else name.replace(" face", "").replace("-", " ")[:40]
