"""Small files that take long to decode, and ordinary ones."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from safelight.core.errors import TooLarge
from safelight.media.image_structure import MAX_GIF_BLOCKS, MAX_PNG_CHUNKS
from safelight.media.images import ImageLimits, read_image

LIMITS = ImageLimits()


def gif(width: int, height: int, frames: bytes) -> bytes:
    screen = struct.pack("<HHBBB", width, height, 0x80, 0, 0)
    return b"GIF89a" + screen + b"\0\0\0\xff\xff\xff" + frames + b";"


def gif_frame(width: int = 1, height: int = 1) -> bytes:
    return b"," + struct.pack("<HHHHB", 0, 0, width, height, 0) + b"\x02\x02\x44\x01\x00"


def png_chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(texts: int, *, before: bytes = b"") -> bytes:
    header = png_chunk(b"IHDR", struct.pack(">IIBBBBB", 8, 8, 8, 2, 0, 0, 0))
    pixels = png_chunk(b"IDAT", zlib.compress((b"\0" + b"\1" * 24) * 8))
    text = b"".join(png_chunk(b"tEXt", b"k%d\0v" % number) for number in range(texts))
    return b"\x89PNG\r\n\x1a\n" + header + before + text + pixels + png_chunk(b"IEND", b"")


REFUSED = {
    "many frames on a large canvas": gif(3000, 3000, gif_frame() * 40),
    "many small frames": gif(10, 10, gif_frame() * 20_000),
    "a frame larger than its canvas": gif(1, 1, gif_frame() * 40 + gif_frame(3000, 3000)),
    "many comments": gif(10, 10, gif_frame() + b"\x21\xfe\x01a\x00" * MAX_GIF_BLOCKS),
    "one comment in many blocks": gif(10, 10, gif_frame() + b"\x21\xfe" + b"\x01a" * MAX_GIF_BLOCKS + b"\0"),
    "many unknown bytes": gif(10, 10, gif_frame() + b"x" * (MAX_GIF_BLOCKS + 1)),
    "many texts": png(200_000),
    "one text too many": png(MAX_PNG_CHUNKS - 2),
    "an animation that declares many frames": png(
        0, before=png_chunk(b"acTL", struct.pack(">II", 1 << 20, 0))
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_file_that_takes_long_to_decode_is_refused_before_that(name: str, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(REFUSED[name])
    with pytest.raises(TooLarge) as refused:
        read_image(tmp_path / "a", LIMITS)
    assert refused.value.status == 413


def test_an_animated_webp_with_too_many_pixels_is_refused(tmp_path: Path) -> None:
    frames = [Image.new("RGB", (100, 100), (shade, 0, 0)) for shade in range(0, 240, 12)]
    frames[0].save(tmp_path / "a.webp", save_all=True, append_images=frames[1:], lossless=True)
    read_image(tmp_path / "a.webp", LIMITS)
    with pytest.raises(TooLarge, match="20 frames of 100 x 100"):
        read_image(tmp_path / "a.webp", ImageLimits(animation_pixels=399_999))


SIZES = [(100, 100), (160, 90), (320, 180), (240, 320), (480, 270)]


@pytest.mark.parametrize("number", range(50))
def test_an_ordinary_gif_is_read(number: int, tmp_path: Path) -> None:
    """Sizes, numbers of frames, disposal, transparency and comments as GIFs on the web have them."""
    random = np.random.default_rng(number)
    width, height = SIZES[number % len(SIZES)]
    count = 2 + number % 9
    frames = []
    for index in range(count):
        indices = np.full((height, width), index, np.uint8)
        indices[: height // 4] = random.integers(0, 255, (height // 4, width))
        frame = Image.fromarray(indices)
        frame.putpalette(random.integers(0, 255, 768, dtype=np.uint8).tobytes())
        frames.append(frame)
    made = io.BytesIO()
    frames[0].save(
        made,
        "GIF",
        save_all=True,
        append_images=frames[1:],
        duration=40,
        loop=0,
        disposal=number % 4,
        interlace=number % 2,
        comment=b"made by a test" if number % 3 == 0 else b"",
    )
    (tmp_path / "a.gif").write_bytes(made.getvalue())
    facts, views = read_image(tmp_path / "a.gif", LIMITS)
    assert (facts.frames, facts.width, facts.height, facts.trailing_bytes) == (count, width, height, 0)
    assert len(views) >= min(count, LIMITS.frames)


def test_a_long_gif_of_720_lines_and_a_png_with_many_texts_are_within_the_limits(tmp_path: Path) -> None:
    (tmp_path / "a.gif").write_bytes(gif(1280, 720, gif_frame() * 300))
    assert read_image(tmp_path / "a.gif", LIMITS)[0].frames == 300
    (tmp_path / "a.png").write_bytes(png(MAX_PNG_CHUNKS - 3))
    assert read_image(tmp_path / "a.png", LIMITS)[0].width == 8
