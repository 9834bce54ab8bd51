"""`safelight logos` and `safelight hash-lists`."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from support.commands import Run


@pytest.fixture(autouse=True)
def _quick(folder: Path) -> None:
    (folder / "safelight.toml").write_text(
        "[detectors]\nocr = false\nminilm = false\nnudenet = false\nfaces = false\nhate-symbols = false\n"
    )


def emblem(path: Path) -> Path:
    """Black on a transparent ground."""
    made = Image.new("RGBA", (240, 240))
    draw = ImageDraw.Draw(made)
    draw.arc((20, 20, 220, 220), 20, 300, fill="black", width=18)
    draw.polygon(
        [(120, 40), (140, 100), (200, 110), (150, 145), (175, 205), (118, 165), (70, 200), (88, 140)]
    )
    draw.polygon([(120, 40), (140, 100), (200, 110), (150, 145), (60, 105)], fill="black")
    made.save(path)
    return path


def test_a_logo_is_enrolled_found_in_a_picture_and_a_prompt_and_removed(run: Run, folder: Path) -> None:
    drawn = emblem(folder / "emblem.png")
    done = run("logos", "add", "acme", str(drawn), "--word", "Acme Roundel")
    assert (done["pictures"], done["words"]) == (1, ["Acme Roundel"])
    picture = Image.new("RGB", (640, 360), (180, 190, 200))
    small = Image.open(drawn).resize((150, 150))
    picture.paste(small, (400, 120), small)
    picture.save(folder / "wall.jpg", quality=85)
    [row] = run("scan", "wall.jpg", code=None)["files"]
    assert [found["attributes"]["kind"] for found in row["findings"]] == ["logo:acme"]
    answer = run("check", "the acme roundel over a door", code=None)
    assert "logo-words" in json.dumps(answer["findings"])
    assert [mark["name"] for mark in run("logos", "list")["logos"]] == ["acme"]
    run("logos", "remove", "acme")
    run("logos", "remove", "acme", code=1)


def test_an_unsuitable_image_is_refused_and_nothing_is_stored(run: Run, folder: Path) -> None:
    Image.fromarray(np.full((80, 80, 3), 90, np.uint8)).save(folder / "plain.png")
    (folder / "text.png").write_text("no picture")
    for arguments in (["x", "plain.png"], ["x", "text.png"], ["x"], ["X!", "plain.png"], ["x", "gone.png"]):
        run("logos", "add", *arguments, code=1)
    assert run("logos", "list")["logos"] == []


def test_hashes_are_imported_listed_without_a_hash_and_removed(run: Run, folder: Path) -> None:
    (folder / "list.csv").write_text(f"hash,quality\n{'ab' * 32},90\n{'cd' * 32},10\nzz,1\n")
    add = ("hash-lists", "import", "list.csv", "--list", "ours", "--category")
    done = run(*add, "extremism")
    assert (done["added"], done["low_quality"], done["malformed"]) == (1, 1, 1)
    listed = run("hash-lists", "list")
    assert listed["lists"][0]["counts"] == {"pdq": 1, "sha256": 0, "md5": 0}
    assert "abab" not in json.dumps(listed)
    assert run("hash-lists", "recheck") == {"checked": 0, "matched": [], "unreadable": []}
    assert run("hash-lists", "remove", "ours")["removed"] == 1
    run(*add, "x", code=1)
