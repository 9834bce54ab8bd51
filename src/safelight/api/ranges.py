"""The Range header, as far as a player needs it: one range of bytes."""

from __future__ import annotations

import re

_RANGE = re.compile(r"bytes=\s*(\d{0,18})\s*-\s*(\d{0,18})\s*\Z")


class Unsatisfiable(Exception):
    """The range is outside the file. Not in the error tree: the route catches it and answers 416."""


def parse(header: str | None, size: int) -> tuple[int, int] | None:
    """(start, end), end exclusive; None where the whole file is to be sent.

    What is malformed or asks for several ranges is ignored, as RFC 9110 allows.
    """
    match = _RANGE.match(header.strip()) if header else None
    if match is None:
        return None
    first, last = match.groups()
    if not first and not last:
        return None
    if not first:
        length = min(int(last), size)
        if length == 0:
            raise Unsatisfiable
        return size - length, size
    start = int(first)
    if last and int(last) < start:
        return None
    if start >= size:
        raise Unsatisfiable
    return start, min(int(last) + 1, size) if last else size
