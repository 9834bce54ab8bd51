from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest

from safelight.bootstrap import load
from safelight.cli import main
from safelight.cli.doctor_checks import DoctorCheck, DoctorState
from safelight.cli.exit_codes import Exit

WAIVED = ("--waiver-by", "Ada Park", "--waiver-reason", "a demo on my desk")


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def init(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, Any]:
    code = main(["init", "--json", *arguments])
    return code, json.loads(capsys.readouterr().out)


def test_it_writes_the_settings_the_data_directory_and_the_keys(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, answer = init(capsys, "--data", "elsewhere")
    assert code == 0
    assert answer["written"] is True
    assert (here / "safelight.toml").is_file()
    assert (here / "elsewhere" / "db.sqlite3").is_file()
    assert (here / "elsewhere" / "keys" / "signing.pem").is_file()
    assert (here / "elsewhere" / "keys" / "watermark" / "epoch-1.key").is_file()
    assert len(load().persistence.accounts.list_tenants()) == 1


def test_without_a_waiver_missing_coverage_is_listed_and_nothing_waived(
    capsys: pytest.CaptureFixture[str],
) -> None:
    code, answer = init(capsys)
    assert code == 0
    gaps = {(one["stage"], one["category"], one["modality"]) for one in answer["missing"]}
    assert ("output", "violence/graphic", "frames") in gaps
    assert answer["waivers"] == []
    assert set(answer["held"]) == {category for _, category, _ in gaps}


def test_a_waiver_is_recorded_for_exactly_the_missing_categories(
    capsys: pytest.CaptureFixture[str],
) -> None:
    _, answer = init(capsys, *WAIVED)
    (waiver,) = answer["waivers"]
    assert (waiver["decided_by"], waiver["reason"]) == ("Ada Park", "a demo on my desk")
    assert set(waiver["categories"]) == {one["category"] for one in answer["missing"]}
    assert answer["held"] == []
    container = load()
    (held,) = container.persistence.waivers_in_force(container.persistence.tenant)
    assert held.expires_at is not None


def test_running_it_again_keeps_everything(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, first = init(capsys, *WAIVED)
    (here / "safelight.toml").write_text('data = "data"\n[server]\nport = 9000\n')
    _, second = init(capsys, *WAIVED)
    assert second["written"] is False
    assert second["waivers"] == first["waivers"]
    assert "port = 9000" in (here / "safelight.toml").read_text()


def test_a_revoked_waiver_can_be_recorded_again(capsys: pytest.CaptureFixture[str]) -> None:
    init(capsys, *WAIVED)
    load().persistence.waivers.revoke("init", revoked_by="Ada Park")
    _, again = init(capsys, *WAIVED)
    assert [one["name"] for one in again["waivers"]] == ["init-2"]


def test_a_waiver_without_all_its_options_is_refused(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, answer = init(capsys, "--waiver-by", "Ada Park")
    assert code == 1
    assert "go together" in answer["error"]["message"]
    assert list(here.iterdir()) == []


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_at_a_terminal_it_asks_who_decides_and_why(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", Terminal("Ada Park\nonly on my desk\n"))
    assert main(["init"]) == 0
    assert "by Ada Park" in capsys.readouterr().out


@pytest.mark.parametrize("typed", ["\n", "Ada Park\n"])
def test_at_a_terminal_no_answer_waives_nothing(
    typed: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", Terminal(typed))
    main(["init"])
    capsys.readouterr()
    container = load()
    assert container.persistence.waivers_in_force(container.persistence.tenant) == ()


def test_text_output_lists_the_next_steps(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["init", "--yes"]) == 0
    said = capsys.readouterr().out
    assert "no installed detector can check it" in said
    assert "safelight serve" in said


def test_the_settings_file_can_be_in_another_folder(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--config", "etc/safelight.toml", "init", "--yes"]) == 0
    assert (here / "etc" / "safelight.toml").is_file()
    assert (here / "etc" / "data" / "db.sqlite3").is_file()


def test_without_the_packages_of_the_server_nothing_is_written(
    here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    absent = DoctorCheck(
        name="packages", state=DoctorState.FAILED, message="Not installed: av.", remedy="Add it."
    )
    monkeypatch.setattr("safelight.cli.init.packages", lambda: absent)
    code, told = init(capsys)
    assert (code, told["error"]["message"]) == (Exit.CONFIGURATION, "Not installed: av.")
    assert list(here.iterdir()) == []
