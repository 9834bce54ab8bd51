"""`safelight eval all`."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from safelight.cli.output import Exit
from safelight_lab.evaluation import holdout_log
from support.commands import FEW_DETECTORS, Run, Say

TEXTS_AND_CLIPS = ("eval", "all", "--policy", "starter")
ALL = (*TEXTS_AND_CLIPS, "--clips", "none")


@pytest.fixture
def manifest(folder: Path) -> Path:
    (folder / "safelight.toml").write_text("[detectors]\nminilm = false\n")
    rows: list[dict[str, Any]] = [
        {"id": "1", "text": "a n.u.d.e woman", "label": "unsafe", "lang": "en", "pair": "p"},
        {"id": "2", "text": "a waterfall in autumn", "label": "safe", "lang": "en", "pair": "p"},
    ]
    data = "".join(json.dumps(row) + "\n" for row in rows).encode()
    (folder / "mine.jsonl").write_bytes(data)
    entry = {
        "name": "mine",
        "path": "mine.jsonl",
        "sha256": hashlib.sha256(data).hexdigest(),
        "licence": "CC0-1.0",
        "purpose": "report",
        "why": "ours",
    }
    (folder / "mine.manifest.jsonl").write_text(json.dumps(entry))
    return folder / "mine.manifest.jsonl"


def test_one_run_writes_the_report_and_two_pages_and_a_second_run_screens_nothing(
    run: Run, say: Say, manifest: Path
) -> None:
    given = (*ALL, "--manifest", manifest.name)
    found = run(*given, "--peers")
    assert found["screened"] == 2
    assert {one["label"]: one["stopped"]["policy"]["k"] for one in found["by_set"]} == {
        "safe": 0,
        "unsafe": 1,
    }
    # "waterfall" contains "fall".
    assert {one["label"]: one["stopped"]["word checker"]["k"] for one in found["by_set"]} == {
        "safe": 1,
        "unsafe": 0,
    }
    for page in ("report.html", "report.md", "report.json"):
        written = (manifest.parent / "evaluation" / page).read_text()
        assert "waterfall" not in written
        assert "word checker" in written
    said = say(*given).out
    assert "report unsafe: stopped 1 of 1 (20.6-100.0 %)" in said
    assert "0 texts were screened" in said
    assert "這次審查了 0 則文字" in say(*given, "--lang", "zh-Hant").out


def test_a_changed_threshold_shows_as_a_signed_difference(run: Run, say: Say, manifest: Path) -> None:
    given = (*ALL, "--manifest", manifest.name)
    found = run(*given)
    assert found["differences"] == []
    [difference] = run(*given, "--against", "evaluation/report.json")["differences"]
    assert {one["difference"] for one in difference["rows"]} == {0.0}
    house = "policy: house\nversion: '1'\nextends: starter\nthresholds: {sx-1: 1.0}\n"
    (manifest.parent / "house.yaml").write_text(house)
    [difference] = run(*given, "--against", "./house.yaml")["differences"]
    rows = {one["label"]: one for one in difference["rows"] if one["set"] == "all"}
    assert (rows["unsafe"]["before"], rows["unsafe"]["after"], rows["unsafe"]["difference"]) == (0, 1, 1.0)
    assert rows["safe"]["difference"] == 0
    [difference] = run(*given, "--against", "strict")["differences"]
    assert difference["against"] == "strict"
    assert {(one["set"], one["label"]) for one in difference["rows"]} == {
        (name, label) for name in ("mine", "all") for label in ("safe", "unsafe")
    }
    assert "safe, against strict: +0.0 points (" in say(*given, "--against", "strict").out


def test_a_fixed_sample_of_clips_stands_beside_the_texts_and_is_compared_too(
    run: Run, say: Say, manifest: Path
) -> None:
    (manifest.parent / "safelight.toml").write_text(FEW_DETECTORS)
    given = (*TEXTS_AND_CLIPS, "--manifest", manifest.name, "--clips", "card")
    clips = run(*given)["clips"]
    [card, every] = clips["cells"]
    assert (card["payload"], card["medium"], every["payload"]) == ("card", "video", "all")
    assert [card[key]["n"] for key in ("plain_unsafe", "plain_safe", "attacked_unsafe")] == [1, 1, 2]
    assert (card["plain_unsafe"]["k"], card["plain_safe"]["k"], card["not_checked"]) == (1, 0, 0)
    page = (manifest.parent / "evaluation" / "report.html").read_text()
    assert "<td>card</td><td>video</td><td>1 of 1</td><td>0 of 1</td>" in page
    # An earlier release let the plain card pass.
    report = json.loads((manifest.parent / "evaluation" / "report.json").read_text())
    [plain] = [one for one in report["clips"]["rows"] if (one["attack"], one["label"]) == ("", "unsafe")]
    plain["stopped"] = False
    (manifest.parent / "earlier.json").write_text(json.dumps(report))
    [difference] = run(*given, "--against", "earlier.json")["clips"]["differences"]
    assert [one["newly_stopped"] for one in difference["rows"]] == [1, 0]
    said = say(*given, "--against", "strict").out
    assert "sample of video: stopped 1/1 plain" in said
    assert "clips unsafe, against strict: +0.0 points" in said
    assert "known-clip" in say(*TEXTS_AND_CLIPS, "--clips", "cat", code=Exit.ERROR).err


def test_a_wrong_manifest_report_or_policy_is_named_and_nothing_is_run(say: Say, manifest: Path) -> None:
    given = (*ALL, "--manifest", manifest.name)
    assert "--manifest FILE" in say(*ALL, code=Exit.ERROR).err
    say(*given, "--against", "none.json", code=Exit.ERROR)
    say(*given, "--against", "no-such-policy", code=range(1, 10))
    (manifest.parent / "mine.jsonl").write_text('{"text": "other", "label": "safe"}\n')
    assert "mine: the sha256 is" in say(*given, code=Exit.ERROR).err
    assert not (manifest.parent / "evaluation").exists()


def test_a_holdout_set_is_only_run_with_its_log(
    say: Say, manifest: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sha256 = json.loads(manifest.read_text())["sha256"]
    monkeypatch.setattr(holdout_log, "SETS", {sha256: "mine"})
    given = (*ALL, "--manifest", manifest.name)
    assert "holdout" in say(*given, code=Exit.ERROR).err
    (manifest.parent / "log.md").touch()
    say(*given, "--log", "log.md")
    assert "| mine | unsafe | 1 | 1 |" in (manifest.parent / "log.md").read_text()
