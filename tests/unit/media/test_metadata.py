from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageOps, PngImagePlugin

from safelight.core.errors import InvalidMedia
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
def test_metadata_is_read_without_the_location_itself(tmp_path: Path, kind: str) -> None:
    metadata = said(saved(kind, exif=exif()), tmp_path)
    assert metadata == ImageMetadata(camera="Acme Acme One", software="Develop 3", location=True)
    assert "48" not in str(metadata)


@pytest.mark.parametrize("kind", ["JPEG", "WEBP"])
def test_a_declared_ai_source_type_is_reported(tmp_path: Path, kind: str) -> None:
    metadata = said(saved(kind, xmp=GENERATED.encode()), tmp_path)
    assert (metadata.source_type, metadata.says_generated) == ("trainedAlgorithmicMedia", True)
    prompt = PngImagePlugin.PngInfo()
    prompt.add_text("parameters", "a quiet harbour, seed 7")
    assert said(saved("PNG", pnginfo=prompt), tmp_path).says_generated
    assert said(saved("PNG"), tmp_path) == ImageMetadata()


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_a_stripped_copy_has_no_metadata_and_the_same_pixels(tmp_path: Path, kind: str) -> None:
    data = saved(kind, exif=exif(), xmp=GENERATED.encode(), **({} if kind == "PNG" else {"quality": 90}))
    made = strip_metadata(data)
    assert said(made, tmp_path) == ImageMetadata()
    assert b"Acme" not in made
    with Image.open(BytesIO(data)) as before, Image.open(BytesIO(made)) as after:
        assert (np.asarray(before.convert("RGB")) == np.asarray(after.convert("RGB"))).all()


@pytest.mark.parametrize("orientation", [3, 6, 8])
def test_the_orientation_of_a_photograph_is_kept(orientation: int) -> None:
    data = saved("JPEG", exif=exif(orientation=orientation))
    with Image.open(BytesIO(data)) as before, Image.open(BytesIO(strip_metadata(data))) as after:
        assert after.getexif().get(0x0112) == orientation
        assert not after.getexif().get_ifd(0x8825)
        assert ImageOps.exif_transpose(before).size == ImageOps.exif_transpose(after).size


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF"])
def test_a_file_without_metadata_is_unchanged_but_for_an_appended_second_image(kind: str) -> None:
    data = saved(kind)
    assert strip_metadata(data) == data
    if kind == "JPEG":
        assert b"Acme" not in strip_metadata(data + saved("JPEG", exif=exif()))


@given(st.sampled_from(["JPEG", "PNG", "WEBP"]), st.data())
def test_a_damaged_file_is_rejected_or_copied(kind: str, data: st.DataObject) -> None:
    whole = bytearray(saved(kind, exif=exif()))
    place = data.draw(st.integers(2, len(whole) - 1))
    whole[place] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(12, len(whole)))
    try:
        strip_metadata(bytes(whole[:cut]))
    except InvalidMedia:
        pass
