"""Whether words that stand in a picture were read."""

from __future__ import annotations

import difflib
import re

#: Of the words so many have to be read, each letter by letter or with about one letter in four wrong.
MOST, _ALIKE = 0.75, 0.75


def legible(words: str, read: str) -> bool:
    """Three in four of the words are there, in any order; blanks that were lost or added do not matter."""
    wanted = words.casefold().split()
    tokens = re.findall(r"\w+", read.casefold())
    joined = "".join(tokens)
    there = sum(word in joined or bool(difflib.get_close_matches(word, tokens, 1, _ALIKE)) for word in wanted)
    return bool(wanted) and there >= MOST * len(wanted)
