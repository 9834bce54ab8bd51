"""A small TrueType font of boxes of different widths, so that tests need no installed font."""

from __future__ import annotations

import struct
from pathlib import Path

_UNITS = 1000


def write_font(path: Path, characters: str) -> Path:
    """Write a font with these characters of the Basic Multilingual Plane; it has no others."""
    codes = sorted(set(map(ord, characters)))
    glyphs = [_box(40 * number + 200, 700) for number in range(len(codes) + 1)]
    offsets = [0]
    for glyph in glyphs:
        offsets.append(offsets[-1] + len(glyph))
    tables = {
        b"cmap": _cmap(codes),
        b"glyf": b"".join(glyphs),
        b"head": struct.pack(
            ">IIIIHHQQhhhhHHhhh",
            *(0x10000, 0x10000, 0, 0x5F0F3CF5, 0, _UNITS, 0, 0, 0, 0, _UNITS, _UNITS, 0, 8, 2, 1, 0),
        ),
        b"hhea": struct.pack(">IhhhHhhhhhhhhhhhH", 0x10000, 800, -200, 0, _UNITS, *[0] * 11, len(glyphs)),
        b"hmtx": b"".join(struct.pack(">Hh", _UNITS, 0) for _ in glyphs),
        b"loca": struct.pack(f">{len(offsets)}I", *offsets),
        b"maxp": struct.pack(">IH13H", 0x10000, len(glyphs), 4, 1, 0, 0, 2, *[0] * 8),
    }
    head = struct.pack(">IHHHH", 0x10000, len(tables), 64, 2, len(tables) * 16 - 64)
    at, directory, body = 12 + 16 * len(tables), b"", b""
    for name, data in sorted(tables.items()):
        directory += struct.pack(">4sIII", name, 0, at + len(body), len(data))
        body += data + b"\0" * (-len(data) % 4)
    path.write_bytes(head + directory + body)
    return path


def _box(width: int, height: int) -> bytes:
    corners = ((0, 0), (0, height), (width, height), (width, 0))
    across = [b[0] - a[0] for a, b in zip(((0, 0), *corners), corners, strict=False)]
    up = [b[1] - a[1] for a, b in zip(((0, 0), *corners), corners, strict=False)]
    data = struct.pack(">hhhhhHH4B", 1, 0, 0, width, height, 3, 0, 1, 1, 1, 1)
    data += struct.pack(">4h4h", *across, *up)
    return data + b"\0" * (-len(data) % 4)


def _cmap(codes: list[int]) -> bytes:
    ends, starts = [*codes, 0xFFFF], [*codes, 0xFFFF]
    deltas = [(number + 1 - code) % 65536 for number, code in enumerate(codes)] + [1]
    count = len(ends)
    table = struct.pack(f">{count}HH{count}H", *ends, 0, *starts)
    table += struct.pack(f">{count}H{count}H", *deltas, *[0] * count)
    head = struct.pack(">HHHHHHH", 4, 14 + len(table), 0, count * 2, 2, 0, 0)
    return struct.pack(">HHHHI", 0, 1, 3, 1, 12) + head + table
