from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from safelight.core.errors import InvalidMedia, TooLarge
from safelight.media.images import ImageLimits, read_image
from safelight.media.metadata import strip_metadata

LIMITS = ImageLimits()


@pytest.fixture
def picture() -> Image.Image:
    return Image.fromarray(np.random.default_rng(2).integers(0, 255, (60, 100, 3), dtype=np.uint8))


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.webp", "a.gif"])
def test_all_four_formats_are_read(tmp_path: Path, picture: Image.Image, name: str) -> None:
    picture.save(tmp_path / name)
    facts, [pixels] = read_image(tmp_path / name, LIMITS)
    assert (facts.width, facts.height, facts.frames, facts.looked_at) == (100, 60, 1, 1)
    assert pixels.shape == (60, 100, 3)
    assert facts.trailing_bytes == 0


@pytest.mark.parametrize("mode", ["L", "P", "1", "CMYK", "I;16", "LA"])
def test_unusual_pixels_become_rgb(tmp_path: Path, picture: Image.Image, mode: str) -> None:
    name = "a.jpg" if mode == "CMYK" else "a.png"
    made = Image.fromarray(np.full((60, 100), 40000, np.uint16)) if mode == "I;16" else picture.convert(mode)
    made.save(tmp_path / name)
    _, views = read_image(tmp_path / name, LIMITS)
    assert views[0].shape == (60, 100, 3)
    if mode == "I;16":
        assert abs(int(views[0].mean()) - 155) <= 1


def test_the_cameras_rotation_is_undone(tmp_path: Path, picture: Image.Image) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    picture.save(tmp_path / "a.jpg", exif=exif)
    facts, [pixels] = read_image(tmp_path / "a.jpg", LIMITS)
    assert (facts.width, facts.height) == (60, 100)
    assert pixels.shape == (100, 60, 3)


ODD_ORIENTATIONS = {
    "text": (2, 2, b"6\0\0\0"),
    "bytes": (1, 4, b"\6\6\6\6"),
    "undefined": (7, 4, b"\6\0\0\0"),
    "none": (3, 0, b"\0\0\0\0"),
    "a fraction": (11, 1, struct.pack("<f", 6.5)),
    "too large": (3, 1, b"\x5a\0\0\0"),
}


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.webp"])
@pytest.mark.parametrize("odd", ODD_ORIENTATIONS)
def test_a_rotation_that_is_no_number_from_1_to_8_is_ignored(
    tmp_path: Path, picture: Image.Image, name: str, odd: str
) -> None:
    kind, count, value = ODD_ORIENTATIONS[odd]
    entry = struct.pack("<HHI", 0x0112, kind, count) + value
    picture.save(tmp_path / name, exif=b"Exif\0\0II*\0\x08\0\0\0\1\0" + entry + bytes(4))
    facts, [pixels] = read_image(tmp_path / name, LIMITS)
    assert (facts.width, facts.height) == (100, 60)
    assert pixels.shape == (60, 100, 3)


def test_all_pictures_of_one_photo_are_turned(tmp_path: Path, picture: Image.Image) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    second = picture.resize((50, 30))
    picture.save(tmp_path / "a.jpg", "MPO", save_all=True, append_images=[second], exif=exif)
    facts, views = read_image(tmp_path / "a.jpg", LIMITS)
    assert (facts.width, facts.height, facts.frames, facts.trailing_bytes) == (60, 100, 2, 0)
    assert [view.shape for view in views] == [(100, 60, 3), (50, 30, 3)]


@pytest.mark.parametrize(
    "name", ["a.png", "a.jpg", "progressive.jpg", "a.webp", "a.gif", "two.jpg", "moving.webp"]
)
def test_bytes_after_the_end_are_counted_and_not_copied(
    tmp_path: Path, picture: Image.Image, name: str
) -> None:
    more = (
        {"append_images": [picture.rotate(8)], "save_all": True} if name in ("two.jpg", "moving.webp") else {}
    )
    kind = "MPO" if name == "two.jpg" else None
    picture.save(tmp_path / name, kind, progressive=name == "progressive.jpg", **more)
    data = (tmp_path / name).read_bytes()
    assert read_image(tmp_path / name, LIMITS)[0].trailing_bytes == 0
    clip = b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom" + 1000 * b"clip\xff\xd9\xff\xd8\0"
    (tmp_path / name).write_bytes(data + clip)
    facts, views = read_image(tmp_path / name, LIMITS)
    assert facts.trailing_bytes == len(clip)
    assert views[0].shape == (60, 100, 3)
    copied = strip_metadata(data + clip)
    assert copied == strip_metadata(data)
    assert b"clip" not in copied
    (tmp_path / name).write_bytes(copied)
    assert read_image(tmp_path / name, LIMITS)[0].frames == (2 if name == "moving.webp" else 1)


def test_pixels_hidden_by_transparency_are_views_too(tmp_path: Path) -> None:
    hidden = np.zeros((20, 20, 4), np.uint8)
    hidden[:, :, 0] = 255
    Image.fromarray(hidden).save(tmp_path / "a.png")
    facts, views = read_image(tmp_path / "a.png", LIMITS)
    assert facts.transparency
    assert [view.mean(axis=(0, 1)).tolist() for view in views] == [
        [255, 255, 255],
        [0, 0, 0],
        [255, 0, 0],
    ]


def test_a_long_animation_reports_how_many_frames_were_read(tmp_path: Path, picture: Image.Image) -> None:
    frames = [picture.rotate(8 * turn) for turn in range(20)]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    facts, views = read_image(tmp_path / "a.gif", LIMITS)
    assert (facts.frames, facts.looked_at, len(views)) == (20, 8, 8)


def test_large_images_are_downscaled_on_reading(tmp_path: Path) -> None:
    Image.new("RGB", (5000, 2500), (9, 99, 199)).save(tmp_path / "a.jpg")
    facts, [pixels] = read_image(tmp_path / "a.jpg", LIMITS)
    assert (facts.width, facts.height) == (5000, 2500)
    assert pixels.shape == (960, 1920, 3)


def test_a_text_file_is_rejected_as_image(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_text("hello")
    with pytest.raises(InvalidMedia, match="not an image in a supported format"):
        read_image(tmp_path / "a.png", LIMITS)


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.webp"])
@pytest.mark.parametrize("part", [0.1, 0.5, 0.9])
def test_a_truncated_image_is_invalid(tmp_path: Path, picture: Image.Image, name: str, part: float) -> None:
    picture.save(tmp_path / name)
    data = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(data[: int(len(data) * part)])
    with pytest.raises(InvalidMedia):
        read_image(tmp_path / name, LIMITS)


@pytest.mark.parametrize("side", [9000, 60000])
def test_an_enormous_header_is_rejected_before_memory_is_allocated(tmp_path: Path, side: int) -> None:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    (tmp_path / "a.png").write_bytes(
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(bytes(100)))
        + chunk(b"IEND", b"")
    )
    with pytest.raises(TooLarge, match="pixels"):
        read_image(tmp_path / "a.png", LIMITS)


def test_too_large_and_empty_files_are_rejected(tmp_path: Path, picture: Image.Image) -> None:
    picture.save(tmp_path / "a.png")
    with pytest.raises(TooLarge, match="bytes"):
        read_image(tmp_path / "a.png", ImageLimits(bytes=100))
    (tmp_path / "b.png").touch()
    with pytest.raises(InvalidMedia, match="empty"):
        read_image(tmp_path / "b.png", LIMITS)
