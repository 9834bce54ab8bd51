"""Counts the parts of an image file from its bytes, because a small file can take long to decode.

Runs only inside a sandboxed child.
"""

from __future__ import annotations

from pathlib import Path

from safelight.core.errors import TooLarge

#: Encoders write at least 8 KiB of pixels into a chunk, so the largest accepted PNG has about 4,000.
MAX_PNG_CHUNKS = 10_000
#: Most blocks of a GIF have 255 bytes, so the largest accepted GIF has about 130,000.
MAX_GIF_BLOCKS = 200_000
#: Decoding a smaller frame takes as long as one of this size.
_MIN_FRAME_PIXELS = 20_000
_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_GIF_HEADER_BYTES, _GIF_IMAGE, _GIF_EXTENSION, _GIF_END = 13, 0x2C, 0x21, 0x3B


def check_structure(path: Path, *, animation_pixels: int) -> None:
    """Raise `TooLarge` if a PNG or GIF has too many chunks, or a GIF too many pixels in all its frames.

    Damage is left to the decoder.
    """
    with path.open("rb") as file:
        head = file.read(len(_PNG_SIGNATURE))
    if head == _PNG_SIGNATURE:
        _check_png(path.read_bytes())
    elif head[:4] == b"GIF8":
        _check_gif(path.read_bytes(), animation_pixels)


def check_animation(frames: int, width: int, height: int, *, most: int) -> None:
    """Raise `TooLarge` if all frames of an animation have more than `most` pixels together."""
    if frames > 1 and frames * max(width * height, _MIN_FRAME_PIXELS) > most:
        raise TooLarge(
            f"The animation has {frames:,} frames of {width} x {height} pixels; "
            f"all frames together may have at most {most:,} pixels.",
            remedy="Send fewer or smaller frames, or send a clip as MP4.",
        )


def _check_png(data: bytes) -> None:
    offset, chunks = len(_PNG_SIGNATURE), 0
    while offset + 8 <= len(data):
        chunks += 1
        _check_chunks(chunks, MAX_PNG_CHUNKS)
        offset += 12 + int.from_bytes(data[offset : offset + 4], "big")


def _check_gif(data: bytes, animation_pixels: int) -> None:
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
