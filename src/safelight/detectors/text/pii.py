"""Finds private data by its pattern: telephone, card and identity numbers, e-mail addresses."""

from __future__ import annotations

import re
from collections.abc import Iterator

_SHAPES = (
    (
        "telephone number",
        re.compile(r"(?<![\w.])(?:\+\d{1,3}[ .-]?)?\(?\d{3}\)?[ .-]\d{3}[ .-]\d{4}(?![\w-])"),
    ),
    ("telephone number", re.compile(r"(?<![\w.+])\+\d{1,3}(?:[ .-]?\d{2,4}){3,5}(?![\w-])")),
    ("telephone number", re.compile(r"(?<![0-9a-z])1[3-9]\d{9}(?![0-9a-z])")),
    ("social security number", re.compile(r"(?<![\w-])\d{3}-\d{2}-\d{4}(?![\w-])")),
    ("identity number", re.compile(r"(?<![0-9a-z])[1-9]\d{5}(?:19|20)\d{2}[01]\d[0-3]\d{4}[\dxX](?!\w)")),
    ("mail address", re.compile(r"(?<![\w.])[\w.+-]{1,64}@[a-z0-9-]{1,63}(?:\.[a-z]{2,24}){1,3}(?!\w)")),
)
_CARD = re.compile(r"(?<![0-9a-z.])(?:\d{4}[ -]?){3}\d{1,7}(?![0-9a-z.])")


def find_identifiers(text: str) -> Iterator[tuple[str, int, int]]:
    """(kind, start, end) of each item of private data in a folded text."""
    for kind, shape in _SHAPES:
        for hit in shape.finditer(text):
            yield kind, hit.start(), hit.end()
    for hit in _CARD.finditer(text):
        digits = [int(letter) for letter in hit.group() if letter.isdecimal()]
        if 13 <= len(digits) <= 19 and _luhn(digits):
            yield "card number", hit.start(), hit.end()


def _luhn(digits: list[int]) -> bool:
    doubled = (digit * 2 - 9 * (digit > 4) for digit in digits[-2::-2])
    return any(digits) and (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0
