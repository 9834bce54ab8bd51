"""Homoglyphs: letters of other scripts that resemble Latin letters. Folding replaces them."""

from __future__ import annotations

_PAIRS = (
    # Cyrillic
    ("аАӓ", "a"), ("вВ", "b"), ("сС", "c"), ("ԁ", "d"), ("еЕёЁ", "e"), ("ԍ", "g"), ("һНн", "h"),
    ("іІїЇ", "i"), ("јЈ", "j"), ("кК", "k"), ("ӏӀ", "l"), ("мМ", "m"), ("оО", "o"), ("рР", "p"),
    ("ԛ", "q"), ("г", "r"), ("ѕЅ", "s"), ("тТ", "t"), ("ѵ", "v"), ("ԝ", "w"), ("хХ", "x"), ("уУ", "y"),
    # Greek
    ("αΑ", "a"), ("βΒ", "b"), ("ϲϹ", "c"), ("εΕ", "e"), ("Η", "h"), ("ιΙ", "i"), ("ϳ", "j"), ("κΚ", "k"),
    ("Μ", "m"), ("Ν", "n"), ("οΟσ", "o"), ("ρΡ", "p"), ("τΤ", "t"), ("υΥ", "u"), ("ν", "v"), ("ω", "w"),
    ("χΧ", "x"), ("γ", "y"), ("Ζ", "z"),
    # Armenian, Hebrew, Lisu and other letters that generators of "fancy" text use
    ("ց", "g"), ("հ", "h"), ("ո", "n"), ("օ", "o"), ("ս", "u"), ("ք", "p"), ("ѡ", "w"),
    # Latin letters that Unicode does not decompose into plain letters
    ("ɑᴀ", "a"), ("ƅʙ", "b"), ("ᴄ", "c"), ("đᴅ", "d"), ("ᴇɛ", "e"), ("ꜰƒ", "f"), ("ɡɢ", "g"),
    ("ʜ", "h"), ("ıɩɪ", "i"), ("ᴊȷ", "j"), ("ᴋ", "k"), ("łʟ", "l"), ("ᴍ", "m"), ("ɴ", "n"),
    ("øᴏɵ", "o"), ("ᴘ", "p"), ("ʀ", "r"), ("ꜱ", "s"), ("ᴛŧ", "t"), ("ᴜ", "u"), ("ᴠ", "v"), ("ᴡ", "w"),
    ("ʏ", "y"), ("ᴢ", "z"),
)  # fmt: skip

LOOKALIKES = {strange: plain for group, plain in _PAIRS for strange in group} | {
    "æ": "ae",
    "œ": "oe",
    "’": "'",
    "‘": "'",
    "ʼ": "'",
    "“": '"',
    "”": '"',
    "‐": "-",
    "‑": "-",
    "–": "-",
    "—": "-",
    "−": "-",
}
