"""Counts the bytes of an MP4 after the first film, for example a second film that no player shows."""

from __future__ import annotations

from pathlib import Path

#: A fragmented MP4 has one box for each fragment.
_MAX_BOXES = 100_000
_FIRST_BOXES = (b"ftyp", b"moov")


def count_trailing_bytes(path: Path) -> int:
    """The number of bytes after the first film in an MP4: from a second header or invalid box.

    0 for a file that is not an MP4, or that has no complete film before them. Boxes beyond a limit count.
    """
    size, start = path.stat().st_size, 0
    seen: set[bytes] = set()
    with path.open("rb") as file:
        for _ in range(_MAX_BOXES):
            file.seek(start)
            head = file.read(16)
            length, box = int.from_bytes(head[:4], "big"), head[4:8]
            if length == 1:
                length = int.from_bytes(head[8:16], "big")
            elif length == 0:
                length = size - start
            has_film = {b"moov", b"mdat"} <= seen or {b"moov", b"moof"} <= seen
            if has_film and ((box in seen and box in _FIRST_BOXES) or _is_no_box(box, length, size - start)):
                return size - start
            if length < 8 or start + length >= size:
                return 0
            seen.add(box)
            start += length
    return size - start


def _is_no_box(box: bytes, length: int, left: int) -> bool:
    return not 8 <= length <= left or len(box) < 4 or not box.replace(b"\xa9", b"c").isalnum()
