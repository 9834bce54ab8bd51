from __future__ import annotations

import stat
from pathlib import Path

import pytest
from PIL import Image

from safelight.console.case_media import draw_greyscale_preview
from safelight.sandbox.entrypoints import EntryPoint
from safelight.sandbox.sandbox import Sandbox
from support.clips import make_clip


@pytest.mark.parametrize("kind", ["video/mp4", "image/png"])
def test_the_preview_is_small_and_grey(tmp_path: Path, kind: str) -> None:
    source = tmp_path / "source"
    if kind == "video/mp4":
        make_clip(tmp_path / "clip.mp4").rename(source)
    else:
        Image.new("RGB", (800, 600), (200, 20, 20)).save(source, "PNG")
    into = tmp_path / "sheet.webp"
    sandbox = Sandbox()
    try:
        sandbox.run(
            EntryPoint.of(draw_greyscale_preview),
            {"source": str(source), "into": str(into), "media_type": kind},
            reads=[source],
            writes=[into],
        )
    finally:
        sandbox.close()
    assert stat.S_ISREG(into.lstat().st_mode)
    with Image.open(into) as picture:
        assert max(picture.size) <= 480
        red, green, blue = picture.convert("RGB").resize((1, 1)).getpixel((0, 0))  # type: ignore[misc]
    assert max(red, green, blue) - min(red, green, blue) <= 6
