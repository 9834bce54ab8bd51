"""Compares words in a picture with the text that OCR read."""

from __future__ import annotations

import difflib
import re

#: Fraction of the words that OCR must read, and minimum similarity of each word: about one letter in four may
#: be wrong.
MOST, _ALIKE = 0.75, 0.75


def was_read(words: str, read: str) -> bool:
    """Whether OCR read three quarters of the words, in any order. Missing or extra spaces are ignored."""
    wanted = words.casefold().split()
    tokens = re.findall(r"\w+", read.casefold())
    joined = "".join(tokens)
    there = sum(word in joined or bool(difflib.get_close_matches(word, tokens, 1, _ALIKE)) for word in wanted)
    return bool(wanted) and there >= MOST * len(wanted)
