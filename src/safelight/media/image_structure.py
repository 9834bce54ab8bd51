"""The parts of an image file, from its bytes: how many there are, because a small file can take long to
decode, and where the last one ends, because a photo may have a clip behind it.

Runs only inside a sandboxed child.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from safelight.core.errors import TooLarge

#: Encoders write at least 8 KiB of pixels into a chunk, so the largest accepted PNG has about 4,000.
MAX_PNG_CHUNKS = 10_000
#: Most blocks of a GIF have 255 bytes, so the largest accepted GIF has about 130,000.
MAX_GIF_BLOCKS = 200_000
#: Decoding a smaller frame takes as long as one of this size.
_MIN_FRAME_PIXELS = 20_000
_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
#: A marker of a JPEG, not a byte of its pixels. Only the end and one other marker have no length.
_JPEG_MARKER = re.compile(rb"\xff+([^\x00\xd0-\xd7\xff])")
_JPEG_START, _JPEG_END, _JPEG_WITHOUT_LENGTH = b"\xff\xd8", 0xD9, 0x01
_GIF_HEADER_BYTES, _GIF_IMAGE, _GIF_EXTENSION, _GIF_END = 13, 0x2C, 0x21, 0x3B


def check_structure(path: Path, *, animation_pixels: int) -> None:
    """Raise `TooLarge` if a PNG or GIF has too many chunks, or a GIF too many pixels in all its frames.

    Damage is left to the decoder.
    """
    with path.open("rb") as file:
        head = file.read(len(_PNG_SIGNATURE))
    if head == _PNG_SIGNATURE:
        _find_png_end(path.read_bytes())
    elif head[:4] == b"GIF8":
        _find_gif_end(path.read_bytes(), animation_pixels)


def find_image_end(data: bytes, *, pictures: int = 1) -> int:
    """The offset of the first byte after an image, or after several pictures of one JPEG.

    The length of the data if it has no end: damage is left to the decoder.
    """
    end = len(data)
    if data.startswith(_PNG_SIGNATURE):
        end = _find_png_end(data)
    elif data.startswith(b"GIF8"):
        end = _find_gif_end(data, sys.maxsize)
    elif data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        length = int.from_bytes(data[4:8], "little")
        end = 8 + length + (length & 1)
    elif data.startswith(_JPEG_START):
        end = _find_jpeg_end(data, 0)
        for _ in range(pictures - 1):
            # Cameras fill the space between them.
            start = data.find(_JPEG_START, end)
            end = _find_jpeg_end(data, start) if start >= 0 else end
    return min(end, len(data))


def check_animation(frames: int, width: int, height: int, *, most: int) -> None:
    """Raise `TooLarge` if all frames of an animation have more than `most` pixels together."""
    if frames > 1 and frames * max(width * height, _MIN_FRAME_PIXELS) > most:
        raise TooLarge(
            f"The animation has {frames:,} frames of {width} x {height} pixels; "
            f"all frames together may have at most {most:,} pixels.",
            remedy="Send fewer or smaller frames, or send a clip as MP4.",
        )


def _find_jpeg_end(data: bytes, start: int) -> int:
    offset = start + len(_JPEG_START)
    while marker := _JPEG_MARKER.search(data, offset):
        offset = marker.end()
        if marker[1][0] == _JPEG_END:
            return offset
        if marker[1][0] != _JPEG_WITHOUT_LENGTH:
            offset += int.from_bytes(data[offset : offset + 2], "big")
    return len(data)


def _find_png_end(data: bytes) -> int:
    offset, chunks, kind = len(_PNG_SIGNATURE), 0, b""
    while offset + 8 <= len(data) and kind != b"IEND":
        chunks += 1
        _check_chunks(chunks, MAX_PNG_CHUNKS)
        kind = data[offset + 4 : offset + 8]
        offset += 12 + int.from_bytes(data[offset : offset + 4], "big")
    return offset


def _find_gif_end(data: bytes, animation_pixels: int) -> int:
    width, height = _two_numbers(data, 6)
    offset = _GIF_HEADER_BYTES + _palette_bytes(data[10:11])
    frames = blocks = 0
    while offset < len(data) and data[offset] != _GIF_END:
        kind = data[offset]
        blocks += 1
        if kind == _GIF_IMAGE:
            frames += 1
            (left, top), (across, down) = _two_numbers(data, offset + 1), _two_numbers(data, offset + 5)
            # Decoders enlarge the canvas for a frame that does not fit.
            width, height = max(width, left + across), max(height, top + down)
            offset += 11 + _palette_bytes(data[offset + 9 : offset + 10])
        elif kind == _GIF_EXTENSION:
            offset += 2
        else:
            # Decoders skip unknown bytes.
            offset += 1
            _check_chunks(blocks, MAX_GIF_BLOCKS)
            continue
        while offset < len(data) and data[offset]:
            offset += 1 + data[offset]
            blocks += 1
            _check_chunks(blocks, MAX_GIF_BLOCKS)
        offset += 1
    check_animation(frames, width, height, most=animation_pixels)
    return offset + 1


def _two_numbers(data: bytes, offset: int) -> tuple[int, int]:
    first, second = data[offset : offset + 2], data[offset + 2 : offset + 4]
    return int.from_bytes(first, "little"), int.from_bytes(second, "little")


def _palette_bytes(flags: bytes) -> int:
    return 3 << (flags[0] & 7) + 1 if flags and flags[0] & 0x80 else 0


def _check_chunks(chunks: int, most: int) -> None:
    if chunks > most:
        raise TooLarge(
            f"The image file has more than {most:,} chunks.", remedy="Save the image again without metadata."
        )
