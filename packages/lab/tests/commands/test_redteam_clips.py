"""`safelight redteam clips`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from safelight.cli.output import Exit
from support.commands import FEW_DETECTORS, Run, Say

GIVEN = ("redteam", "clips", "--policy", "starter", "--attacks", "1")


@pytest.fixture(autouse=True)
def few_detectors(folder: Path) -> None:
    (folder / "safelight.toml").write_text(FEW_DETECTORS)


def test_payloads_are_attacked_and_counted_beside_their_twins(run: Run, say: Say, folder: Path) -> None:
    payloads = ("--payload", "card", "--payload", "tones", "--payload", "logo")
    report = run(*GIVEN, *payloads)
    assert {(one["payload"], one["medium"]): one["counts"] for one in report["payloads"]} == {
        ("card", "video"): True,
        ("tones", "sound"): True,
        ("logo", "video"): False,
        ("logo", "picture"): False,
    }
    assert {one["medium"]: one["n"] for one in report["totals"]} == {"video": 1, "sound": 1}
    assert json.loads((folder / "redteam" / "report-clips.json").read_text())["rows"] == report["rows"]
    page = (folder / "redteam" / "report-clips.md").read_text()
    assert "| logo | picture | plain: passed, twin: passed |" in page
    assert not (folder / "data").exists()
    said = say(*GIVEN, *payloads, "--sheets").out
    assert "logo, video: does not count" in said
    assert "redteam/report-clips.md" in said
    assert (folder / "redteam" / "sheets").is_dir()
    said = say(*GIVEN, "--payload", "card", "--lang", "zh-Hant").out
    assert "無害對照遭攔下" in said


def test_an_unknown_payload_is_named(say: Say) -> None:
    assert "known-clip" in say(*GIVEN, "--payload", "cat", code=Exit.ERROR).err
