from __future__ import annotations

from pathlib import Path

import pytest

from safelight.core.errors import InvalidMedia
from safelight.screening.reference import media_type


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        (b"\x89PNG\r\n\x1a\n", "image/png"),
        (b"\xff\xd8\xff\xe0", "image/jpeg"),
        (b"GIF89a", "image/gif"),
        (b"RIFF\0\0\0\0WEBPVP8 ", "image/webp"),
        (b"RIFF\0\0\0\0AVI LIST", "video/x-msvideo"),
        (b"\0\0\0\x20ftypisom\0\0\0\0", "video/mp4"),
        (b"\0\0\0\x14ftypqt  \0\0\0\0", "video/quicktime"),
        (b"\0\0\0\x08moov", "video/mp4"),
        (b"\0\0\0\x08wide\0\0\0\0mdat", "video/mp4"),
        (b"\x1aE\xdf\xa3\x9fB\x86\x81\x01B\x82\x84webm", "video/webm"),
        (b"\x1aE\xdf\xa3\x9fB\x86\x81\x01B\x82\x88matroska", "video/x-matroska"),
    ],
)
def test_every_container_of_the_decoder_is_accepted(tmp_path: Path, head: bytes, kind: str) -> None:
    (tmp_path / "a").write_bytes(head)
    assert media_type(tmp_path / "a", "input_reference") == kind


@pytest.mark.parametrize("head", [b"", b"hello", b"#EXTM3U\n", b"RIFF\0\0\0\0WAVE", b"%PDF-1.7"])
def test_any_other_file_is_refused_with_its_field(tmp_path: Path, head: bytes) -> None:
    (tmp_path / "a").write_bytes(head)
    with pytest.raises(InvalidMedia) as caught:
        media_type(tmp_path / "a", "input_reference")
    assert caught.value.param == "input_reference"


def test_an_empty_file_is_reported_as_empty(tmp_path: Path) -> None:
    (tmp_path / "a").touch()
    with pytest.raises(InvalidMedia, match="The file in 'input_reference' is empty"):
        media_type(tmp_path / "a", "input_reference")
