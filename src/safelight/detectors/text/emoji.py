"""Reads emoji as words: their Unicode names, or a plainer word for their usual meaning."""

from __future__ import annotations

import unicodedata

_PLAIN_MEANINGS = {
    "🔪": "knife", "🗡": "dagger", "⚔": "swords", "🔫": "gun", "💣": "bomb", "🧨": "firecracker",
    "💥": "explosion", "🩸": "blood", "☠": "skull and crossbones", "💀": "skull", "⚰": "coffin",
    "🪦": "gravestone", "🍆": "eggplant",
    "🍑": "peach", "💦": "sweat drops", "👙": "bikini", "👅": "tongue", "💋": "kiss", "🔞": "adults only",
    "💊": "pill", "💉": "syringe", "🚬": "cigarette", "🍺": "beer", "🌿": "herb", "🔥": "fire", "👶": "baby",
    "🧒": "child", "👦": "boy", "👧": "girl", "👩": "woman", "👨": "man", "👮": "police officer", "🪓": "axe",
    "🪚": "saw", "🏴": "black flag", "✂": "scissors", "⛓": "chains", "🐷": "pig", "🐒": "monkey",
    "🍼": "baby bottle", "卐": "swastika", "卍": "manji",
}  # fmt: skip
#: Maps a word to the emoji with this meaning. Emoji whose meaning takes several words are left out.
EMOJI_BY_WORD = {meaning: sign for sign, meaning in _PLAIN_MEANINGS.items() if " " not in meaning}
_BLOCKS = ((0x1F300, 0x1FAFF), (0x2600, 0x27BF))
_DROPPED = ("emoji modifier", "variation selector", "regional indicator")


def describe_emoji(character: str) -> str:
    """The meaning of an emoji in words; empty if the character is not an emoji."""
    if character in _PLAIN_MEANINGS:
        return _PLAIN_MEANINGS[character]
    code = ord(character)
    if not any(first <= code <= last for first, last in _BLOCKS):
        return ""
    name = unicodedata.name(character, "").lower()
    return "" if name.startswith(_DROPPED) else name.replace(" face", "").replace("-", " ")[:40]
