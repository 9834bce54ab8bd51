from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from clips import make_clip
from safelight.detectors import test_card


def scan(folder: Path, *arguments: str) -> tuple[int, dict[str, dict[str, object]]]:
    """Exit code and rows by file name, from a process of its own in a fresh folder."""
    done = subprocess.run(
        [sys.executable, "-m", "safelight", "scan", "--json", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    rows = json.loads(done.stdout)["files"]
    return done.returncode, {Path(row["file"]).name: row for row in rows}


@pytest.mark.slow
def test_a_folder_of_files_is_judged_file_by_file(tmp_path: Path) -> None:
    media, home = tmp_path / "media", tmp_path / "home"
    media.mkdir()
    home.mkdir()
    card = test_card.draw("violence", 320, 192)
    make_clip(media / "card.mp4", frames=12, odd={6: card})
    make_clip(media / "calm.mp4", frames=12)
    Image.new("RGB", (64, 48), (90, 120, 150)).save(media / "calm.png")
    (media / "lie.mp4").write_text("hello, I am no film")
    code, rows = scan(home, str(media))
    assert code == 3
    assert (rows["card.mp4"]["action"], rows["card.mp4"]["category"]) == ("block", "violence")
    assert rows["lie.mp4"]["exit"] == 1
    assert "known kind" in str(rows["lie.mp4"]["problem"])
    # Without a waiver what nobody can check is never "safe".
    assert rows["calm.mp4"]["exit"] == rows["calm.png"]["exit"] == 5
    code, rows = scan(home, str(media / "calm.mp4"), "--fail-on", "block")
    assert code == 0
    assert rows["calm.mp4"]["action"] == "hold"
