from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from safelight.cli import main


def doctor(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, dict[str, Any]]:
    code = main(["doctor", "--json", *arguments])
    answer = json.loads(capsys.readouterr().out)
    return code, {one["name"]: one for one in answer["checks"]}


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SAFELIGHT_SERVER__PORT", "0")
    return tmp_path


def test_a_fresh_folder_is_checked_completely_and_left_unchanged(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, found = doctor(capsys)
    assert code == 0
    wanted = {"python", "packages", "limits", "fonts", "speech", "sandbox", "settings", "data directory"}
    wanted |= {"disk", "port", "database", "signing key", "watermark key", "clock", "policy", "detectors"}
    assert wanted <= set(found)
    assert list(here.iterdir()) == []


def test_a_watermark_key_that_others_can_read_is_a_failed_check(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    keys = here / "data" / "keys" / "watermark"
    keys.mkdir(parents=True)
    (keys / "epoch-1.key").write_text("ab" * 32)
    (keys / "epoch-1.key").chmod(0o640)
    (here / "safelight.toml").write_text('data = "data"\n')
    code, found = doctor(capsys)
    assert code == 1
    assert found["watermark key"]["state"] == "failed"
    assert "chmod 600" in found["watermark key"]["remedy"]


def test_invalid_settings_are_one_failed_check_and_other_checks_still_run(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (here / "safelight.toml").write_text("[server]\nprot = 1\n")
    code, found = doctor(capsys)
    assert code == 1
    assert found["settings"]["state"] == "failed"
    assert "server.prot" in found["settings"]["message"]
    assert found["sandbox"]["state"] in {"ok", "warning"}


def test_an_unreachable_database_is_reported_in_seconds(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SAFELIGHT_STORAGE__DATABASE", "postgresql://nobody@127.0.0.1:1/none")
    code, found = doctor(capsys)
    assert code == 1
    assert found["database"]["state"] == "failed"


def test_every_check_is_a_sentence_and_every_problem_has_a_remedy(
    capsys: pytest.CaptureFixture[str],
) -> None:
    code, found = doctor(capsys, "--upstream", "http://127.0.0.1:1/v1")
    assert code == 0
    for one in found.values():
        assert one["message"].rstrip().endswith("."), one
        assert one["state"] == "ok" or one["remedy"], one


def test_text_output_is_a_list(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor"]) == 0
    said = capsys.readouterr().out
    assert "ok       python:" in said
    assert said.rstrip().endswith("failed: 0.")
