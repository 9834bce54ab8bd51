from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from safelight.cli import main
from safelight.cli.exit_codes import Exit


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "safelight.toml").write_text(
        f'data = "{tmp_path / "data"}"\n[detectors]\nocr = false\nminilm = false\nnudenet = false\n'
        "faces = false\nhate-symbols = false\n",
        encoding="utf-8",
    )


def run_json(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, dict[str, object]]:
    code = main([*arguments, "--json"])
    return code, json.loads(capsys.readouterr().out)


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


def test_a_logo_is_enrolled_found_in_a_picture_and_a_prompt_and_removed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    drawn = emblem(tmp_path / "emblem.png")
    code, done = run_json(capsys, "logos", "add", "acme", str(drawn), "--word", "Acme Roundel")
    assert (code, done["pictures"], done["words"]) == (Exit.OK, 1, ["Acme Roundel"])
    picture = Image.new("RGB", (640, 360), (180, 190, 200))
    small = Image.open(drawn).resize((150, 150))
    picture.paste(small, (400, 120), small)
    picture.save(tmp_path / "wall.jpg", quality=85)
    _code, scanned = run_json(capsys, "scan", "wall.jpg")
    [row] = scanned["files"]  # type: ignore[misc]
    assert [found["attributes"]["kind"] for found in row["findings"]] == ["logo:acme"]
    _code, answer = run_json(capsys, "check", "the acme roundel over a door")
    assert "logo-words" in json.dumps(answer["findings"])
    _code, listed = run_json(capsys, "logos", "list")
    assert [mark["name"] for mark in listed["logos"]] == ["acme"]  # type: ignore[attr-defined]
    assert run_json(capsys, "logos", "remove", "acme")[0] == Exit.OK
    assert run_json(capsys, "logos", "remove", "acme")[0] == Exit.ERROR


def test_an_unsuitable_image_is_refused_and_nothing_is_stored(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plain = tmp_path / "plain.png"
    Image.fromarray(np.full((80, 80, 3), 90, np.uint8)).save(plain)
    text = tmp_path / "text.png"
    text.write_text("no picture", encoding="utf-8")
    for arguments in (["x", str(plain)], ["x", str(text)], ["x"], ["X!", str(plain)], ["x", "gone.png"]):
        assert run_json(capsys, "logos", "add", *arguments)[0] == Exit.ERROR
    assert run_json(capsys, "logos", "list")[1]["logos"] == []


def test_hashes_are_imported_listed_without_a_hash_and_removed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "list.csv"
    path.write_text(f"hash,quality\n{'ab' * 32},90\n{'cd' * 32},10\nzz,1\n", encoding="utf-8")
    code, done = run_json(
        capsys, "hash-lists", "import", str(path), "--list", "ours", "--category", "extremism"
    )
    assert (code, done["added"], done["low_quality"], done["malformed"]) == (Exit.OK, 1, 1, 1)
    _code, listed = run_json(capsys, "hash-lists", "list")
    assert listed["lists"][0]["counts"] == {"pdq": 1, "sha256": 0, "md5": 0}  # type: ignore[index]
    assert "abab" not in json.dumps(listed)
    code, again = run_json(capsys, "hash-lists", "recheck")
    assert (code, again) == (Exit.OK, {"checked": 0, "matched": [], "unreadable": []})
    assert run_json(capsys, "hash-lists", "remove", "ours")[1]["removed"] == 1
    assert (
        run_json(capsys, "hash-lists", "import", str(path), "--list", "ours", "--category", "x")[0]
        == Exit.ERROR
    )
