from __future__ import annotations

import json
from pathlib import Path

import pytest

from safelight.cli import main
from safelight.cli.exits import Exit


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "safelight.toml").write_text("[detectors]\nminilm = false\n")
    path = tmp_path / "mine.jsonl"
    rows = [
        {"text": "a n.u.d.e woman", "label": "unsafe", "categories": ["sexual"], "lang": "en"},
        {"text": "a waterfall in autumn", "label": "safe", "lang": "en"},
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_prompts_are_measured_by_two_policies(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["eval", "prompts", "--data", str(data), "--json"]) == Exit.OK
    report = json.loads(capsys.readouterr().out)
    assert {row["label"]: row["blocked"] for row in report["rows"]} == {
        "safe": {"starter": 0, "strict": 0},
        "unsafe": {"starter": 1, "strict": 1},
    }
    assert report["datasets"][0]["n"] == 2
    assert set(report["thresholds"]["policies"]) == {"starter", "strict"}
    assert len(report["model_hash"]) == 64
    assert {"p50", "p99"} <= set(report["latency_ms"])


def test_a_page_is_written_and_plain_words_show_no_prompt(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "report.html"
    arguments = ["--data", str(data), "--html", str(page), "--attack", "disguise", "--policy", "starter"]
    assert main(["eval", "prompts", *arguments]) == Exit.OK
    said = capsys.readouterr().out
    assert "n.u.d.e" not in said + page.read_text()
    assert "[disguise]" in said
    assert "Blocked by starter" in page.read_text()


def test_wrong_data_attack_or_page_is_said(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["eval", "prompts", "--data", "nowhere.jsonl"]) == Exit.ERROR
    assert main(["eval", "prompts", "--data", str(data), "--attack", "none"]) == Exit.ERROR
    assert "disguise" in capsys.readouterr().err
    assert main(["eval", "prompts", "--data", str(data), "--html", "no/such/folder/x.html"]) == Exit.ERROR
