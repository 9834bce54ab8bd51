"""The visible label on real clips, drawn in the sandboxed child, and its check at the start."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from safelight.app.container import Container
from safelight.app.settings import Settings
from safelight.cli import main
from safelight.core.errors import ConfigurationError
from safelight.media.badge import BadgeStyle
from safelight.media.decode import VideoDecoder
from safelight.media.probe import VideoLimits
from safelight.media.sandbox.sandbox import Sandbox
from safelight.screening.delivery import DeliveryStage
from safelight.screening.scanning.service import Scanner, ScannerOptions
from support.clips import make_clip
from support.house import CALM_SCAN
from support.rows import each_row
from support.tiny_font import write_font

TEXT = "AI 生成影片"


def container(folder: Path, **sealing: Any) -> Container:
    return Container(Settings(data=folder / "data", scan=CALM_SCAN, sealing=sealing))


@each_row
def test_text_and_icon_are_drawn_inside_of_every_frame(
    tmp_path: Path, sandbox: Sandbox, size: tuple[int, int]
) -> None:
    icon, (width, height) = tmp_path / "icon.png", size
    Image.new("RGBA", (32, 32), (230, 20, 30, 255)).save(icon)
    font = write_font(tmp_path / "font.ttf", TEXT)
    label = BadgeStyle(text=TEXT, font=str(font), icon=str(icon))
    scanner = Scanner(sandbox, (), ScannerOptions(warm_children=0))
    stage = DeliveryStage(sandbox=sandbox, scanner=scanner, label=label)
    stage.check_label()
    grey = {number: np.full((height, width, 3), 128, np.uint8) for number in range(8)}
    clip = make_clip(tmp_path / "clip.mp4", width=width, height=height, frames=8, odd=grey)
    badged = stage.badge(clip, tmp_path / "badged.mp4", TEXT)
    frames = [frame.resized(0).astype(int) for frame in VideoDecoder(badged, VideoLimits()).frames()]
    assert len(frames) == 8
    for pixels in frames:
        changed = (np.abs(pixels - 128).max(axis=-1) > 40).nonzero()
        margin = min(size) // 36
        assert changed[0].min() > height // 2
        assert changed[0].max() < height - margin + 1
        assert changed[1].min() >= margin - 1
        assert changed[1].max() < width - margin + 1
        assert (pixels[..., 0] - pixels[..., 1] > 120).any()
        assert (pixels.min(axis=-1) > 200).any()


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("label_icon", None, "is not a file"),
        ("label_icon", b"no picture", "icon cannot be read"),
        ("label_icon", b"\x89PNG\r\n\x1a\n" + b"\0" * (1 << 20), "bytes; at most"),
        ("label_font", b"no font", "font cannot be read"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_at_the_start(
    tmp_path: Path, name: str, content: bytes | None, message: str
) -> None:
    path = tmp_path / "given"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigurationError, match=message):
        _ = container(tmp_path, **{name: path}).pipeline.delivery


def test_the_gateway_does_not_start_with_a_font_that_lacks_a_character(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write_font(tmp_path / "font.ttf", "AI 生成")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SAFELIGHT_SERVER__PORT", "0")
    Path("safelight.toml").write_text(
        '[sealing]\nlabel_language = "zh-Hant"\nlabel_font = "font.ttf"\n[scan]\nwarm_workers = 0\n'
    )
    assert main(["doctor", "--json"]) == 1
    assert "The font has no glyph for “影片”" in capsys.readouterr().out
    command = [sys.executable, "-m", "safelight", "serve"]
    started = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert started.returncode == 2
    assert "The font has no glyph for “影片”" in started.stderr


def test_the_language_of_the_label_comes_from_the_settings(tmp_path: Path) -> None:
    font = write_font(tmp_path / "font.ttf", TEXT)
    made = container(tmp_path, label_language="zh-Hant", label_font=font)
    assert made.pipeline.delivery.label.text == TEXT


def test_a_label_without_text_needs_an_icon() -> None:
    with pytest.raises(ValueError, match="label_icon"):
        Settings(sealing={"label_text": False})
