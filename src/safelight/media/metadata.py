"""Metadata of image files: reads claims about their origin, and strips private data.

Runs only inside a sandboxed child.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from safelight.core.errors import InvalidMedia

from .image_structure import find_image_end

if TYPE_CHECKING:
    from PIL.Image import Image


_MAKE_TAG, _MODEL_TAG, _SOFTWARE_TAG, _ORIENTATION_TAG, _GPS_TAG = 0x010F, 0x0110, 0x0131, 0x0112, 0x8825
_MAX_TEXT_CHARS = 120
#: Matches an IPTC digital source type, as written in XMP.
_SOURCE_TYPE_PATTERN = re.compile(rb"digitalsourcetype/([A-Za-z]{3,60})")
_GENERATED_SOURCE_TYPES = frozenset(
    {"trainedAlgorithmicMedia", "compositeWithTrainedAlgorithmicMedia", "algorithmicMedia"}
)
#: Metadata keys under which image generators store their prompt.
_PROMPT_KEYS = ("parameters", "prompt", "workflow", "invokeai_metadata", "sd-metadata")
_LOCATION_PATTERN = re.compile(
    rb"GPSLatitude|GPSLongitude|GPSPosition|Iptc4xmpCore:Location|photoshop:City|exif:GPS"
)


class ImageMetadata(msgspec.Struct, frozen=True, kw_only=True):
    """Claims that an image file makes about itself; they can be forged. The location itself is not kept."""

    camera: str = ""
    software: str = ""
    #: True if the metadata contains a location.
    location: bool = False
    #: IPTC digital source type, such as `trainedAlgorithmicMedia`.
    source_type: str = ""
    #: True if the metadata declares that a model made the image or a part of it.
    says_generated: bool = False


def read_metadata(picture: Image) -> ImageMetadata:
    """Metadata of an opened image; fields that cannot be read are left empty."""
    try:
        exif: Any = picture.getexif()
        has_gps = bool(exif.get_ifd(_GPS_TAG))
        camera = " ".join(dict.fromkeys(_text(exif.get(tag)) for tag in (_MAKE_TAG, _MODEL_TAG))).strip()
        software = _text(exif.get(_SOFTWARE_TAG))
    except Exception:
        # Pillow raises many types of errors for damaged EXIF. They are ignored, because the scan needs only
        # the pixels.
        camera, software, has_gps = "", "", False
    xmp = _xmp(picture)
    source_match = _SOURCE_TYPE_PATTERN.search(xmp)
    source_type = source_match[1].decode("ascii") if source_match else ""
    has_prompt = any(name in picture.info for name in _PROMPT_KEYS)
    return ImageMetadata(
        camera=camera,
        software=software or _text(picture.info.get("Software")),
        location=has_gps or _LOCATION_PATTERN.search(xmp) is not None,
        source_type=source_type,
        says_generated=has_prompt or source_type in _GENERATED_SOURCE_TYPES,
    )


def read_orientation(picture: Image) -> int:
    """How an opened image is turned, as EXIF counts it: 1 to 8; 1 (not turned) for anything else."""
    orientation = picture.getexif().get(_ORIENTATION_TAG)
    return orientation if isinstance(orientation, int) and 1 <= orientation <= 8 else 1


def _xmp(picture: Image) -> bytes:
    packets = [picture.info.get(name) for name in ("xmp", "XML:com.adobe.xmp")]
    return b"".join(
        packet.encode("utf-8", "replace") if isinstance(packet, str) else packet
        for packet in packets
        if isinstance(packet, str | bytes)
    )


def _text(value: object) -> str:
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    if not isinstance(value, str):
        return ""
    printable = "".join(char for char in value if char == " " or unicodedata.category(char)[0] not in "CZ")
    return " ".join(printable.split())[:_MAX_TEXT_CHARS]


def strip_metadata(data: bytes) -> bytes:
    """The bytes of an image file without EXIF, XMP, IPTC, comments and manifests, and without what follows
    the (first) picture, such as the clip of a motion photo.

    Only the orientation is kept, and the pixels do not change. A file that has nothing of these is returned
    unchanged. Raises `InvalidMedia`.
    """
    data = data[: find_image_end(data)]
    if data.startswith(b"\xff\xd8"):
        return b"".join(_jpeg(data))
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return data[:8] + b"".join(_png(data))
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return _webp(data)
    return data


def copy_without_metadata(argument: Any, _link: object) -> bool:
    """Entry point: write the image `source` without metadata to `into`.

    Returns whether anything was removed.
    """
    source = Path(argument["source"]).read_bytes()
    stripped = strip_metadata(source)
    Path(argument["into"]).write_bytes(stripped)
    return stripped != source


def _jpeg(data: bytes) -> Iterator[bytes]:
    """The segments of a JPEG without APP1, APP11, APP13 and comments; the orientation is kept."""
    yield data[:2]
    orientation = _orientation(data)
    offset, orientation_written = 2, False
    while offset + 4 <= len(data):
        if data[offset] != 0xFF:
            raise InvalidMedia(
                "The image is cut off or damaged: its segments do not directly follow each other."
            )
        marker = data[offset + 1]
        if marker == 0xFF:
            offset += 1
            continue
        if marker == 0xDA:
            break
        length = int.from_bytes(data[offset + 2 : offset + 4], "big")
        end = offset + 2 + length
        if length < 2 or end > len(data):
            raise InvalidMedia("The image is cut off or damaged: a segment is incomplete.")
        # An index of several pictures, of which only the first is kept.
        is_index = marker == 0xE2 and data[offset + 4 : offset + 8] == b"MPF\0"
        if marker not in (0xE1, 0xEB, 0xED, 0xFE) and not is_index:
            yield data[offset:end]
        if not orientation_written and orientation > 1:
            orientation_written = True
            yield _orientation_segment(orientation)
        offset = end
    yield data[offset:]


def _orientation_segment(orientation: int) -> bytes:
    """An APP1 segment whose EXIF contains only the orientation."""
    entry = b"\x12\x01\x03\0\x01\0\0\0" + bytes([orientation, 0, 0, 0])
    tiff = b"II*\0\x08\0\0\0" + b"\x01\0" + entry + b"\0\0\0\0"
    block = b"Exif\0\0" + tiff
    return b"\xff\xe1" + (len(block) + 2).to_bytes(2, "big") + block


def _orientation(data: bytes) -> int:
    from io import BytesIO

    from PIL import Image

    try:
        with Image.open(BytesIO(data), formats=("JPEG",)) as picture:
            return read_orientation(picture)
    except Exception as error:
        raise InvalidMedia("The image is cut off or damaged: it cannot be decoded.") from error


def _png(data: bytes) -> Iterator[bytes]:
    """The chunks of a PNG, except those with metadata."""
    offset = 8
    while offset + 12 <= len(data):
        end = offset + 12 + int.from_bytes(data[offset : offset + 4], "big")
        if end > len(data):
            raise InvalidMedia("The image is cut off or damaged: a chunk is incomplete.")
        chunk_type = data[offset + 4 : offset + 8]
        if chunk_type not in (b"eXIf", b"tEXt", b"zTXt", b"iTXt", b"tIME", b"caBX"):
            yield data[offset:end]
        offset = end
        if chunk_type == b"IEND":
            return


def _webp(data: bytes) -> bytes:
    """A WebP file without its EXIF, XMP and C2PA chunks; the flags that announce them are cleared."""
    offset, kept = 12, []
    while offset + 8 <= len(data):
        length = int.from_bytes(data[offset + 4 : offset + 8], "little")
        end = offset + 8 + length + (length & 1)
        if offset + 8 + length > len(data):
            raise InvalidMedia("The image is cut off or damaged: a chunk is incomplete.")
        chunk_type, chunk = data[offset : offset + 4], data[offset:end]
        if chunk_type == b"VP8X" and length >= 10:
            chunk = chunk[:8] + bytes([chunk[8] & ~0x0C]) + chunk[9:]
        if chunk_type not in (b"EXIF", b"XMP ", b"C2PA"):
            kept.append(chunk)
        offset = end
    body = b"WEBP" + b"".join(kept)
    return b"RIFF" + len(body).to_bytes(4, "little") + body
