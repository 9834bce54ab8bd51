from __future__ import annotations

import pytest

from safelight.core.net.internal_details import mask_internal
from support.rows import each_row

ADDRESS, FILE = "[internal address]", "[file]"


@each_row
def test_private_addresses_and_other_schemes_are_masked(text: str) -> None:
    assert mask_internal(f"POST {text} failed") == f"POST {ADDRESS} failed"
    assert mask_internal(f"({text}).") == f"({ADDRESS})."


@pytest.mark.parametrize(
    "text",
    [
        "/srv/models/wan.py",
        "/Users/anna/wan.bin",
        "/private/var/wan",
        "/srv/my models/wan 2.py",
        "~/models/wan.bin",
        "~/wan.bin",
        "C:/Users/anna/wan.py",
        "D:\\wan\\wan.py",
        "\\\\nas\\share\\wan 2.bin",
    ],
)
def test_absolute_paths_of_files_are_masked(text: str) -> None:
    assert mask_internal(f"'{text}' failed") == f"'{FILE}' failed"
    assert mask_internal(f"FileNotFoundError:{text}: gone") == f"FileNotFoundError:{FILE}: gone"


@pytest.mark.parametrize(
    "text",
    [
        "see https://docs.example.com/errors/size.",
        "/v1/videos/abc is unknown",
        "text and/or image, 24/7, 16:9 at 12:30:45",
        "文字/图像/视频",
        "8.8.8.8, ffmpeg 10.2.1",
        "metadata accepts 16 entries",
        "std::vector a::b </video></p>",
    ],
)
def test_public_addresses_routes_and_ordinary_text_do_not_change(text: str) -> None:
    assert mask_internal(text) == text
