"""What a picture file says of itself, and the same file without where it was taken. Only inside a child."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from safelight.errors import InvalidMedia

if TYPE_CHECKING:
    from PIL.Image import Image


_MAKE, _MODEL, _SOFTWARE, _ORIENTATION, _GPS = 0x010F, 0x0110, 0x0131, 0x0112, 0x8825
_LONGEST = 120
#: IPTC's words for how a picture came to be, as they stand in XMP.
_SOURCE = re.compile(rb"digitalsourcetype/([A-Za-z]{3,60})")
_MADE = frozenset({"trainedAlgorithmicMedia", "compositeWithTrainedAlgorithmicMedia", "algorithmicMedia"})
#: Where programs for making pictures write what they were told.
_PROMPTED = ("parameters", "prompt", "workflow", "invokeai_metadata", "sd-metadata")
_PLACE = re.compile(rb"GPSLatitude|GPSLongitude|GPSPosition|Iptc4xmpCore:Location|photoshop:City|exif:GPS")


class Metadata(msgspec.Struct, frozen=True, kw_only=True):
    """Claims of a file about itself: anybody can write them. Where it was taken is never kept."""

    camera: str = ""
    software: str = ""
    #: It says where it was taken.
    location: bool = False
    #: IPTC's word for how it came to be, such as `trainedAlgorithmicMedia`.
    source_type: str = ""
    #: It says, in one of these ways, that a model made it, or a part of it.
    says_generated: bool = False


def read_metadata(picture: Image) -> Metadata:
    """What an opened picture says of itself; nothing where that cannot be read."""
    try:
        exif: Any = picture.getexif()
        place = bool(exif.get_ifd(_GPS))
        camera = " ".join(dict.fromkeys(_text(exif.get(tag)) for tag in (_MAKE, _MODEL))).strip()
        software = _text(exif.get(_SOFTWARE))
    except Exception:
        # Whatever Pillow makes of a damaged block: the pixels are what is judged.
        camera, software, place = "", "", False
    packet = _packet(picture)
    said = _SOURCE.search(packet)
    source_type = said[1].decode("ascii") if said else ""
    prompted = any(name in picture.info for name in _PROMPTED)
    return Metadata(
        camera=camera,
        software=software or _text(picture.info.get("Software")),
        location=place or _PLACE.search(packet) is not None,
        source_type=source_type,
        says_generated=prompted or source_type in _MADE,
    )


def _packet(picture: Image) -> bytes:
    found = [picture.info.get(name) for name in ("xmp", "XML:com.adobe.xmp")]
    return b"".join(
        one.encode("utf-8", "replace") if isinstance(one, str) else one
        for one in found
        if isinstance(one, str | bytes)
    )


def _text(value: object) -> str:
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    if not isinstance(value, str):
        return ""
    kept = "".join(one for one in value if one == " " or unicodedata.category(one)[0] not in "CZ")
    return " ".join(kept.split())[:_LONGEST]


def strip_metadata(data: bytes) -> bytes:
    """A picture file without EXIF, XMP, IPTC, comments and manifests; only how it is turned is kept.

    The pixels are not touched. A file that has none of these comes back as it is. Raises `InvalidMedia`.
    """
    if data.startswith(b"\xff\xd8"):
        return b"".join(_jpeg(data))
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return data[:8] + b"".join(_png(data))
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return _webp(data)
    return data


def copy_without_metadata(argument: Any, _link: object) -> bool:
    """Write the picture at `source` to `into` without what it says of itself; whether anything went."""
    source = Path(argument["source"]).read_bytes()
    made = strip_metadata(source)
    Path(argument["into"]).write_bytes(made)
    return made != source


def _jpeg(data: bytes) -> Iterator[bytes]:
    """The file's segments, without APP1, APP11, APP13 and comments; a turned picture stays turned."""
    yield data[:2]
    turned = _turned(data)
    at, said = 2, False
    while at + 4 <= len(data):
        if data[at] != 0xFF:
            raise InvalidMedia("The picture is cut off or damaged: its segments do not follow each other.")
        marker = data[at + 1]
        if marker == 0xFF:
            at += 1
            continue
        if marker == 0xDA:
            break
        length = int.from_bytes(data[at + 2 : at + 4], "big")
        end = at + 2 + length
        if length < 2 or end > len(data):
            raise InvalidMedia("The picture is cut off or damaged: a segment does not end.")
        if marker not in (0xE1, 0xEB, 0xED, 0xFE):
            yield data[at:end]
        if not said and turned > 1:
            said = True
            yield _only_turned(turned)
        at = end
    # After the picture itself some cameras hang a second one, with metadata of its own.
    last = data.find(b"\xff\xd9\xff\xd8", at)
    yield data[at:] if last < 0 else data[at : last + 2]


def _only_turned(turned: int) -> bytes:
    tiff = (
        b"II*\0\x08\0\0\0" + b"\x01\0" + b"\x12\x01\x03\0\x01\0\0\0" + bytes([turned, 0, 0, 0]) + b"\0\0\0\0"
    )
    block = b"Exif\0\0" + tiff
    return b"\xff\xe1" + (len(block) + 2).to_bytes(2, "big") + block


def _turned(data: bytes) -> int:
    from io import BytesIO

    from PIL import Image

    try:
        with Image.open(BytesIO(data), formats=("JPEG",)) as picture:
            turned = picture.getexif().get(_ORIENTATION, 1)
    except Exception as error:
        raise InvalidMedia("The picture is cut off or damaged: it cannot be decoded.") from error
    return int(turned) if turned in range(1, 9) else 1


def _png(data: bytes) -> Iterator[bytes]:
    at = 8
    while at + 12 <= len(data):
        end = at + 12 + int.from_bytes(data[at : at + 4], "big")
        if end > len(data):
            raise InvalidMedia("The picture is cut off or damaged: a chunk does not end.")
        kind = data[at + 4 : at + 8]
        if kind not in (b"eXIf", b"tEXt", b"zTXt", b"iTXt", b"tIME", b"caBX"):
            yield data[at:end]
        at = end
        if kind == b"IEND":
            return


def _webp(data: bytes) -> bytes:
    at, kept = 12, []
    while at + 8 <= len(data):
        length = int.from_bytes(data[at + 4 : at + 8], "little")
        end = at + 8 + length + (length & 1)
        if at + 8 + length > len(data):
            raise InvalidMedia("The picture is cut off or damaged: a chunk does not end.")
        kind, chunk = data[at : at + 4], data[at:end]
        if kind == b"VP8X" and length >= 10:
            chunk = chunk[:8] + bytes([chunk[8] & ~0x0C]) + chunk[9:]
        if kind not in (b"EXIF", b"XMP ", b"C2PA"):
            kept.append(chunk)
        at = end
    body = b"WEBP" + b"".join(kept)
    return b"RIFF" + len(body).to_bytes(4, "little") + body
