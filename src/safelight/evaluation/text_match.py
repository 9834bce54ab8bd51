"""Compares words in a picture with the text that OCR read."""

from __future__ import annotations

import difflib
import re

#: Fraction of the words that OCR must read, each exactly or with about one wrong letter in four.
MOST, _ALIKE = 0.75, 0.75


def was_read(words: str, read: str) -> bool:
    """Whether three quarters of the words were read, in any order; missing or extra spaces are ignored."""
    wanted = words.casefold().split()
    tokens = re.findall(r"\w+", read.casefold())
    joined = "".join(tokens)
    there = sum(word in joined or bool(difflib.get_close_matches(word, tokens, 1, _ALIKE)) for word in wanted)
    return bool(wanted) and there >= MOST * len(wanted)
