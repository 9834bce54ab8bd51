"""Decodes hidden text: base64, hex, percent encoding, character references, flags as letters, rot13, and
characters that nobody sees.

Each decoding that results in words becomes one more view with offsets into the original text. Linear time.
"""

from __future__ import annotations

import base64
import binascii
import codecs
import html
import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from urllib.parse import unquote_to_bytes

from safelight.detectors.protocol import TextView

from .hidden_characters import hidden_texts

#: The share of letters and spaces in a text. Of bits, four readings are tried: one may have many by chance.
_LETTERS, _LETTERS_IN_BITS = 0.75, 0.9
#: Most encoded places of one kind in a text, and most characters of one place that are decoded.
MAX_PLACES, MAX_ENCODED_CHARS = 16, 8192
_BASE64 = re.compile(r"(?<![\w+/-])[A-Za-z0-9+/_-]{12,}={0,2}(?![\w+/=-])")
_HEX = re.compile(r"(?<!\w)(?:0x|\\x)?[0-9a-fA-F]{2}(?:[ :,]?(?:0x|\\x)?[0-9a-fA-F]{2}){5,}(?!\w)")
_PERCENT = re.compile(r"(?:[\w.+-]{0,40}%[0-9a-fA-F]{2}){3,}[\w.+-]{0,40}")
_CHARACTER_REFERENCE = re.compile(r"(?:&#?\w{2,8};[ ]?){3,}|(?:\\u[0-9a-fA-F]{4}){3,}")
#: The letters of which two are a flag: many in a row, or kept apart so that they become none.
_FLAG_LETTER = "[\U0001f1e6-\U0001f1ff]"
_FLAG_LETTERS = re.compile(
    f"{_FLAG_LETTER}{{4,}}|{_FLAG_LETTER}(?:[ \\-\u200b-\u200d\u2060]{_FLAG_LETTER}){{3,}}"
)
_WORD = re.compile(r"[A-Za-z]{4,40}")
#: Number of words in the sample. A whole text is decoded if rot13 makes the words of the sample more similar
#: to English by this value on average.
MAX_SAMPLE_WORDS, _MIN_GAIN = 200, 0.15
_ENGLISH_PAIRS = frozenset(
    """
    th he in er an re on at en nd ti es or te of ed is it al ar st to nt ng se ha as ou io le ve co me de hi
    ri ro ic ne ea ra ce li ch ll be ma si om ur ca el ta la ns ge ec il pe ol no na us di wa em ac ss tr ly
    un ad ho ut so ow ai ir ee lo po mo wo sh ki bo da fo pr ot am ig ex
    """.split()  # noqa: SIM905 - a list would take a line for each
)


def decode_views(text: str) -> Iterator[TextView]:
    """One view for each kind of encoding that hides words in the text."""
    for kind, shape, read in _DECODERS:
        found = _decode_places(text, shape, read)
        if found:
            yield _view(kind, found, len(text))
    for kind, letters, places in hidden_texts(text):
        if _is_language(letters, share=_LETTERS_IN_BITS if kind == "bits" else _LETTERS):
            yield TextView(kind=kind, text=letters, offsets=[*places, places[-1] + 1])
    rotated = _find_rot13(text)
    if rotated:
        yield _view("rot13", rotated, len(text))


def _decode_places(
    text: str, shape: re.Pattern[str], read: Callable[[str], str]
) -> list[tuple[str, int, int]]:
    found = []
    for number, hit in enumerate(shape.finditer(text)):
        if number >= MAX_PLACES:
            break
        words = read(hit.group()[:MAX_ENCODED_CHARS])
        if _is_language(words) and words.casefold() != hit.group().casefold():
            found.append((words, hit.start(), hit.end()))
    return found


def _from_base64(text: str) -> str:
    clean = text.rstrip("=").replace("-", "+").replace("_", "/")
    try:
        return base64.b64decode(clean + "=" * (-len(clean) % 4), validate=True).decode("utf-8")
    except (binascii.Error, ValueError):
        return ""


def _from_hex(text: str) -> str:
    digits = re.sub(r"0x|\\x|[ :,]", "", text)
    try:
        return bytes.fromhex(digits[: len(digits) // 2 * 2]).decode("utf-8")
    except ValueError:
        return ""


def _from_percent(text: str) -> str:
    try:
        return unquote_to_bytes(text.replace("+", " ")).decode("utf-8")
    except ValueError:
        return ""


def _from_references(text: str) -> str:
    if text.startswith("\\u"):
        return (
            "".join(chr(int(code, 16)) for code in text.split("\\u")[1:]).encode("utf-8", "ignore").decode()
        )
    return html.unescape(text)


def _from_flag_letters(text: str) -> str:
    return "".join(chr(ord(sign) - 0x1F1E6 + ord("a")) for sign in text if sign >= "\U0001f1e6")


_DECODERS: tuple[tuple[str, re.Pattern[str], Callable[[str], str]], ...] = (
    ("base64", _BASE64, _from_base64),
    ("hex", _HEX, _from_hex),
    ("url", _PERCENT, _from_percent),
    ("references", _CHARACTER_REFERENCE, _from_references),
    ("flags", _FLAG_LETTERS, _from_flag_letters),
)


def _is_language(text: str, *, share: float = _LETTERS) -> bool:
    if len(text) < 4 or not text.isprintable():
        return False
    good = sum(letter.isalpha() or letter == " " for letter in text)
    return good >= share * len(text)


def _find_rot13(text: str) -> list[tuple[str, int, int]]:
    """Words that resemble English only after rot13. If most words of a range do, the text between them is
    decoded too.
    """
    words = [(hit.group(), hit.start(), hit.end()) for hit in _WORD.finditer(text)]
    sample = [word for word, _start, _end in words[:MAX_SAMPLE_WORDS]]
    plain, rotated = (sum(map(_english_share, some)) for some in (sample, map(_rot13, sample)))
    if len(sample) >= 4 and plain < 0.35 * len(sample) and rotated - plain > _MIN_GAIN * len(sample):
        return [(_rot13(text), 0, len(text))]
    strange = [
        index
        for index, (word, _start, _end) in enumerate(words)
        if _english_share(word) < 0.3 and _english_share(_rot13(word)) >= 0.45
    ]
    if len(strange) >= 2 and 2 * len(strange) >= strange[-1] - strange[0]:
        start, end = words[strange[0]][1], words[strange[-1]][2]
        if 3 * len(strange) >= len(words):
            start, end = 0, len(text)
        return [(_rot13(text[start:end]), start, end)]
    # A single strange word in a readable text is more often a name than rot13, so the limits are stricter.
    certain = [words[index] for index in strange]
    certain = [
        one
        for one in certain
        if len(one[0]) >= 5 and _english_share(one[0]) <= 0.15 and _is_clearly_rot13(one[0])
    ]
    return [(_rot13(word), start, end) for word, start, end in certain[:MAX_PLACES]]


def _is_clearly_rot13(word: str) -> bool:
    return _english_share(_rot13(word)) >= 0.7


def _rot13(text: str) -> str:
    return codecs.encode(text, "rot13")


@lru_cache(maxsize=8_192)
def _english_share(word: str) -> float:
    """The share of pairs of letters that are frequent in English. Words recur in many texts."""
    lower = word.lower()
    return sum(lower[index : index + 2] in _ENGLISH_PAIRS for index in range(len(lower) - 1)) / (
        len(lower) - 1
    )


def _view(kind: str, places: list[tuple[str, int, int]], length: int) -> TextView:
    letters: list[str] = []
    offsets: list[int] = []
    for words, start, end in places:
        if letters:
            letters.append(" ")
            offsets.append(start)
        letters += words
        offsets += [start + index * (end - start) // max(len(words), 1) for index in range(len(words))]
    offsets.append(min(places[-1][2], length))
    return TextView(kind=kind, text="".join(letters), offsets=offsets)
