"""Breaks text into lines by its width in a terminal; Chinese, which has no spaces, between characters."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator

from rich.cells import cell_len

#: Categories of Unicode: opening bracket, opening quote; closing bracket, closing quote, other punctuation.
_OPENING, _CLOSING = ("Ps", "Pi"), ("Pe", "Pf", "Po")


def wrap(text: str, width: int) -> list[str]:
    """The lines of `text`, each at most `width` columns; wide characters count two.

    No line starts with closing punctuation or ends with opening punctuation. A longer word, such as an
    address, is a line of its own and is not broken, so that it can be opened and copied.
    """
    lines = [""]
    for piece in _pieces(text):
        if lines[-1] and cell_len(lines[-1] + piece.rstrip()) > width:
            lines.append("")
        lines[-1] += piece
    return [line.rstrip() for line in lines]


def wrap_lines(text: str, width: int, *, indent: int = 0) -> str:
    """Every line of `text` broken at `width`. All lines of one line keep its leading spaces plus `indent`."""
    lines = []
    for line in text.split("\n"):
        words = line.lstrip(" ")
        space = " " * (indent + len(line) - len(words))
        lines += [(space + part).rstrip() for part in wrap(words, width - len(space))]
    return "\n".join(lines)


def _pieces(text: str) -> Iterator[str]:
    """The parts of the text between which a line may end; spaces belong to the part before them."""
    start = 0
    for index in range(1, len(text)):
        if _can_break(text[index - 1], text[index]):
            yield text[start:index]
            start = index
    yield text[start:]


def _can_break(before: str, after: str) -> bool:
    if before.isspace() or after.isspace():
        return before.isspace() and not after.isspace()
    return (
        (cell_len(before) == 2 or cell_len(after) == 2)
        and unicodedata.category(before) not in _OPENING
        and unicodedata.category(after) not in _CLOSING
    )
