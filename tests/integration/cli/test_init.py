"""`safelight init`."""

from __future__ import annotations

import io
import stat
from pathlib import Path

import pytest

from safelight.app.container import load
from safelight.cli.doctor_checks import DoctorCheck, DoctorState
from safelight.cli.output import Exit
from support.commands import Run, Say

WAIVED = ("--waiver-by", "Ada Park", "--waiver-reason", "a demo on my desk")


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_it_writes_settings_data_and_keys_and_lists_what_is_missing_without_waiving_it(
    run: Run, folder: Path
) -> None:
    answer = run("init", "--data", "elsewhere")
    assert answer["written"] is True
    for name in ("db.sqlite3", "keys/signing.pem", "keys/watermark/epoch-1.key", "../safelight.toml"):
        assert (folder / "elsewhere" / name).is_file()
    assert stat.S_IMODE((folder / "elsewhere").stat().st_mode) == 0o700
    assert len(load().persistence.accounts.list_tenants()) == 1
    gaps = {(one["stage"], one["category"], one["modality"]) for one in answer["missing"]}
    assert ("output", "violence/graphic", "frames") in gaps
    assert answer["waivers"] == []
    assert set(answer["held"]) == {category for _, category, _ in gaps}


def test_nothing_starts_anew_where_the_data_of_an_installation_vanished_or_are_empty(
    run: Run, folder: Path
) -> None:
    run("init")
    key = (folder / "data" / "keys" / "signing.pem").read_bytes()
    (folder / "data").rename(folder / "gone")
    for is_empty in (False, True):
        if is_empty:
            (folder / "data").mkdir()
        for command in (("keys", "list"), ("init",), ("waivers", "list")):
            error = run(*command, code=2)["error"]
            assert error["message"].endswith("data/keys, but they are missing.")
        (check,) = (one for one in run("doctor", code=1)["checks"] if one["name"] == "data directory")
        assert (check["state"], check["message"]) == ("failed", error["message"])
    assert not list((folder / "data").iterdir())
    (folder / "data").rmdir()
    (folder / "gone").rename(folder / "data")
    run("keys", "list")
    assert (folder / "data" / "keys" / "signing.pem").read_bytes() == key
    (folder / "data" / "keys" / "installation").write_text("another\n")
    assert "those of another installation" in run("keys", "list", code=2)["error"]["message"]


def test_it_begins_no_installation_inside_the_data_of_another(
    run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("init")
    monkeypatch.chdir(folder / "data")
    assert "would be inside another one" in run("init", code=2)["error"]["message"]
    assert not (folder / "data" / "data").exists()


def test_a_waiver_is_recorded_for_exactly_the_missing_categories_and_kept_until_it_is_revoked(
    run: Run, folder: Path
) -> None:
    first = run("init", *WAIVED)
    (waiver,) = first["waivers"]
    assert (waiver["decided_by"], waiver["reason"]) == ("Ada Park", "a demo on my desk")
    assert set(waiver["categories"]) == {one["category"] for one in first["missing"]}
    assert first["held"] == []
    persistence = load().persistence
    (held,) = persistence.waivers_in_force(persistence.tenant)
    assert held.expires_at is not None
    (folder / "safelight.toml").write_text('data = "data"\n[server]\nport = 9000\n')
    second = run("init", *WAIVED)
    assert (second["written"], second["waivers"]) == (False, first["waivers"])
    assert "port = 9000" in (folder / "safelight.toml").read_text()
    persistence.waivers.revoke("init", revoked_by="Ada Park")
    assert [one["name"] for one in run("init", *WAIVED)["waivers"]] == ["init-2"]


def test_nothing_is_written_without_all_options_of_a_waiver_or_the_packages_of_the_server(
    run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "go together" in run("init", "--waiver-by", "Ada Park", code=1)["error"]["message"]
    absent = DoctorCheck(
        name="packages", state=DoctorState.FAILED, message="Not installed: av.", remedy="Add it."
    )
    monkeypatch.setattr("safelight.cli.init.packages", lambda: absent)
    assert run("init", code=Exit.CONFIGURATION)["error"]["message"] == "Not installed: av."
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("typed", ["\n", "Ada Park\n", "Ada Park\nonly on my desk\n"])
def test_at_a_terminal_it_asks_who_decides_and_why_and_without_both_answers_waives_nothing(
    say: Say, typed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", Terminal(typed))
    is_answered = "desk" in typed
    said = say("init", code=0 if is_answered else None).out
    persistence = load().persistence
    assert bool(persistence.waivers_in_force(persistence.tenant)) == is_answered
    assert ("by Ada Park" in said) == is_answered


def test_the_text_lists_the_next_steps_and_the_settings_file_can_be_in_another_folder(
    say: Say, folder: Path
) -> None:
    said = say("--config", "etc/safelight.toml", "init", "--yes").out
    assert "no installed detector can check it" in said
    assert "safelight serve" in said
    assert (folder / "etc" / "safelight.toml").is_file()
    assert (folder / "etc" / "data" / "db.sqlite3").is_file()
