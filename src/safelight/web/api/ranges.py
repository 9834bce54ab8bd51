"""Parses the Range header. Only one range of bytes is supported, which is what video players send."""

from __future__ import annotations

import re

_RANGE = re.compile(r"bytes=\s*(\d{0,18})\s*-\s*(\d{0,18})\s*\Z")


class UnsatisfiableRange(Exception):
    """The range is outside the file. Not in the error tree: the route catches it and responds with 416."""


def parse_range(header: str | None, size: int) -> tuple[int, int] | None:
    """The range as (start, end), `end` exclusive; None if the response must have the whole file.

    RFC 9110 allows a server to ignore a malformed header or several ranges; this function does so.
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
