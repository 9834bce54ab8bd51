"""The formats of the tracks in an MP4, which FFmpeg does not report for data tracks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

_MAX_BOXES = 10_000


def read_sample_formats(path: Path) -> dict[int, str]:
    """The format of each track of an MP4 by track id, such as `tmcd`. An id of two tracks is left out."""
    formats: dict[int, str] = {}
    repeated: set[int] = set()
    with path.open("rb") as file:
        for moov in _boxes(file, b"moov", 0, path.stat().st_size):
            for track in _boxes(file, b"trak", *moov):
                number, sample_format = _track_id(file, track), _sample_format(file, track)
                if number in formats:
                    repeated.add(number)
                formats[number] = sample_format
    return {number: found for number, found in formats.items() if number not in repeated}


def _track_id(file: BinaryIO, track: tuple[int, int]) -> int:
    for start, _end in _boxes(file, b"tkhd", *track):
        file.seek(start)
        head = file.read(24)
        # Version 1 has times of 8 bytes.
        at = 20 if head[:1] == b"\x01" else 12
        return int.from_bytes(head[at : at + 4], "big")
    return 0


def _sample_format(file: BinaryIO, track: tuple[int, int]) -> str:
    """The format of the samples of a track; empty if it has none or several."""
    spans = [track]
    for box in (b"mdia", b"minf", b"stbl", b"stsd"):
        spans = [inner for span in spans for inner in _boxes(file, box, *span)]
    if len(spans) != 1:
        return ""
    file.seek(spans[0][0])
    head = file.read(16)
    return head[12:16].decode("latin-1") if int.from_bytes(head[4:8], "big") == 1 else ""


def _boxes(file: BinaryIO, wanted: bytes, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Start and end of the content of each box of this type in a byte range."""
    for _ in range(_MAX_BOXES):
        if start + 8 > end:
            return
        file.seek(start)
        head = file.read(16)
        size, header_bytes = int.from_bytes(head[:4], "big"), 8
        if size == 1:
            size, header_bytes = int.from_bytes(head[8:16], "big"), 16
        elif size == 0:
            size = end - start
        if size < header_bytes or start + size > end:
            return
        if head[4:8] == wanted:
            yield start + header_bytes, start + size
        start += size
