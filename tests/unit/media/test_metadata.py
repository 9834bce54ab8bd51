from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageOps, PngImagePlugin

from safelight.errors import InvalidMedia
from safelight.media.images import ImageLimits, read_image
from safelight.media.metadata import ImageMetadata, strip_metadata

GENERATED = (
    '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:Description Iptc4xmpExt:DigitalSourceType='
    '"http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"/></x:xmpmeta>'
)


def picture() -> Image.Image:
    across = np.tile(np.linspace(0, 255, 64, dtype=np.uint8), (40, 1))
    return Image.fromarray(np.stack([across, across[::-1], 255 - across], axis=-1))


def exif(*, orientation: int = 1, gps: bool = True) -> Image.Exif:
    made = Image.Exif()
    made[0x010F], made[0x0110], made[0x0131], made[0x0112] = "Acme", "Acme One", "Develop 3", orientation
    if gps:
        place = made.get_ifd(0x8825)
        place[1], place[2], place[3], place[4] = "N", (48.0, 51.0, 29.0), "E", (2.0, 17.0, 40.0)
    return made


def saved(kind: str, **more: Any) -> bytes:
    out = BytesIO()
    picture().save(out, kind, **more)
    return out.getvalue()


def said(data: bytes, folder: Path) -> ImageMetadata:
    (folder / "a").write_bytes(data)
    return read_image(folder / "a", ImageLimits())[0].metadata


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_what_a_picture_says_is_told_and_where_it_was_taken_is_not(tmp_path: Path, kind: str) -> None:
    told = said(saved(kind, exif=exif()), tmp_path)
    assert told == ImageMetadata(camera="Acme Acme One", software="Develop 3", location=True)
    assert "48" not in str(told)


@pytest.mark.parametrize("kind", ["JPEG", "WEBP"])
def test_a_picture_that_says_a_model_made_it_is_told_as_saying_so(tmp_path: Path, kind: str) -> None:
    told = said(saved(kind, xmp=GENERATED.encode()), tmp_path)
    assert (told.source_type, told.says_generated) == ("trainedAlgorithmicMedia", True)


def test_what_a_picture_program_was_told_says_that_it_made_it(tmp_path: Path) -> None:
    text = PngImagePlugin.PngInfo()
    text.add_text("parameters", "a quiet harbour, seed 7")
    assert said(saved("PNG", pnginfo=text), tmp_path).says_generated
    assert said(saved("PNG"), tmp_path) == ImageMetadata()


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_a_bare_copy_says_nothing_and_shows_the_same(tmp_path: Path, kind: str) -> None:
    data = saved(kind, exif=exif(), xmp=GENERATED.encode(), **({} if kind == "PNG" else {"quality": 90}))
    made = strip_metadata(data)
    assert said(made, tmp_path) == ImageMetadata()
    assert b"Acme" not in made
    with Image.open(BytesIO(data)) as before, Image.open(BytesIO(made)) as after:
        assert (np.asarray(before.convert("RGB")) == np.asarray(after.convert("RGB"))).all()


@pytest.mark.parametrize("orientation", [3, 6, 8])
def test_a_turned_photograph_stays_turned(orientation: int) -> None:
    data = saved("JPEG", exif=exif(orientation=orientation))
    with Image.open(BytesIO(data)) as before, Image.open(BytesIO(strip_metadata(data))) as after:
        assert after.getexif().get(0x0112) == orientation
        assert not after.getexif().get_ifd(0x8825)
        assert ImageOps.exif_transpose(before).size == ImageOps.exif_transpose(after).size


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF"])
def test_a_file_that_says_nothing_is_not_touched(kind: str) -> None:
    data = saved(kind)
    assert strip_metadata(data) == data


def test_the_second_picture_that_a_camera_hangs_behind_goes_too() -> None:
    whole = saved("JPEG") + saved("JPEG", exif=exif())
    assert b"Acme" not in strip_metadata(whole)


@given(st.sampled_from(["JPEG", "PNG", "WEBP"]), st.data())
def test_damage_is_refused_or_copied_and_never_anything_else(kind: str, data: st.DataObject) -> None:
    whole = bytearray(saved(kind, exif=exif()))
    place = data.draw(st.integers(2, len(whole) - 1))
    whole[place] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(12, len(whole)))
    try:
        strip_metadata(bytes(whole[:cut]))
    except InvalidMedia:
        pass
