"""The Range header: one range of bytes, which is what video players send."""

from __future__ import annotations

import re

_RANGE = re.compile(r"bytes=\s*(\d{0,18})\s*-\s*(\d{0,18})\s*\Z")


class UnsatisfiableRange(Exception):
    """The range is outside the file. Not in the error tree: the route catches it and answers 416."""


def parse_range(header: str | None, size: int) -> tuple[int, int] | None:
    """(start, end), end exclusive; None if the whole file is to be sent.

    A malformed header or several ranges are ignored, as RFC 9110 allows.
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
            raise UnsatisfiableRange
        return size - length, size
    start = int(first)
    if last and int(last) < start:
        return None
    if start >= size:
        raise UnsatisfiableRange
    return start, min(int(last) + 1, size) if last else size
