"""The format of a media file, by its first bytes."""

from __future__ import annotations

from .probe import detect_audio_container, detect_container

#: Number of bytes that identify every format here: two packets of an MPEG transport stream.
HEAD_BYTES = 400

#: Image types that are scanned: position and value of the bytes that identify each type.
_IMAGES: tuple[tuple[int, bytes, str], ...] = (
    (0, b"\x89PNG\r\n\x1a\n", "image/png"),
    (0, b"\xff\xd8\xff", "image/jpeg"),
    (0, b"GIF8", "image/gif"),
    (8, b"WEBP", "image/webp"),
)
_UNSUPPORTED: tuple[tuple[bytes, str], ...] = (
    (b"\x00\x00\x01\xba", "an MPEG program stream"),
    (b"\x00\x00\x01\xb3", "an MPEG video stream"),
    (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "a Windows Media file"),
    (b"FLV\x01", "a Flash video"),
    (b".RMF", "a RealMedia file"),
    (b"\x06\x0e\x2b\x34", "an MXF file"),
    (b"YUV4MPEG2", "a YUV4MPEG video"),
    (b"DKIF", "an IVF video"),
    (b"II*\x00", "a TIFF picture"),
    (b"MM\x00*", "a TIFF picture"),
    (b"8BPS", "a Photoshop picture"),
    (b"\x00\x00\x00\x0cjP  ", "a JPEG 2000 picture"),
    (b"\x00\x00\x00\x0cJXL ", "a JPEG XL picture"),
    (b"#!AMR", "a sound file (AMR)"),
)
_SOUND_NAMES = {"wav": "WAV", "mp3": "MP3", "flac": "FLAC", "ogg": "Ogg"}
_TS_SYNC, _TS_PACKET_BYTES = 0x47, 188


def detect_image(head: bytes) -> str | None:
    """The media type of an image that starts with `head`; None if images of its type are not scanned."""
    return next(
        (kind for offset, value, kind in _IMAGES if head[offset : offset + len(value)] == value), None
    )


def detect_unsupported_media(head: bytes) -> str | None:
    """What a media file of a format that is not scanned is, such as "a Windows Media file"; or None."""
    for signature, name in _UNSUPPORTED:
        if head.startswith(signature):
            return name
    # The packets of a disc's transport stream have a time stamp of four bytes.
    for offset, distance in ((0, _TS_PACKET_BYTES), (4, _TS_PACKET_BYTES + 4)):
        if head[offset : offset + distance + 1 : distance] == bytes([_TS_SYNC, _TS_SYNC]):
            return "an MPEG transport stream"
    if head[:2] == b"BM" and head[6:10] == bytes(4):
        return "a BMP picture"
    if head[:4] == b"FORM" and head[8:12] in (b"AIFF", b"AIFC"):
        return "a sound file (AIFF)"
    if sound := detect_audio_container(head):
        return f"a sound file ({_SOUND_NAMES[sound]})"
    return None


def is_media(head: bytes) -> bool:
    """Whether a file that starts with `head` is a video, a picture or a sound file of any known format."""
    return bool(detect_container(head) or detect_image(head) or detect_unsupported_media(head))
