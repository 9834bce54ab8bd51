"""`safelight doctor`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from safelight.testing.upstream import ScriptedUpstream
from support.commands import Run, Say
from support.provider_outcomes import API_KEY, MODELS, settings_table


@pytest.fixture
def doctor(run: Run, monkeypatch: pytest.MonkeyPatch) -> Run:
    """The checks by their names."""
    monkeypatch.setenv("SAFELIGHT_SERVER__PORT", "0")

    def doctor(*arguments: str, code: int = 0) -> dict[str, Any]:
        return {one["name"]: one for one in run("doctor", *arguments, code=code)["checks"]}

    return doctor


def test_a_fresh_folder_is_checked_completely_in_sentences_and_left_unchanged(
    doctor: Run, say: Say, folder: Path
) -> None:
    found = doctor("--upstream", "http://127.0.0.1:1/v1")
    wanted = {"python", "packages", "limits", "fonts", "speech", "sandbox", "settings", "data directory"}
    wanted |= {"disk", "port", "database", "signing key", "watermark key", "clock", "policy", "detectors"}
    assert wanted <= set(found)
    for one in found.values():
        assert one["message"].rstrip().endswith("."), one
        assert one["state"] == "ok" or one["remedy"], one
    said = say("doctor").out
    assert "ok       python:" in said
    assert said.rstrip().endswith("failed: 0.")
    assert list(folder.iterdir()) == []


def test_a_watermark_key_that_others_can_read_is_a_failed_check(doctor: Run, folder: Path) -> None:
    keys = folder / "data" / "keys" / "watermark"
    keys.mkdir(parents=True)
    (keys / "epoch-1.key").write_text("ab" * 32)
    (keys / "epoch-1.key").chmod(0o640)
    (folder / "safelight.toml").write_text('data = "data"\n')
    found = doctor(code=1)["watermark key"]
    assert (found["state"], "chmod 600" in found["remedy"]) == ("failed", True)


def test_invalid_settings_are_one_failed_check_and_other_checks_still_run(doctor: Run, folder: Path) -> None:
    (folder / "safelight.toml").write_text("[server]\nprot = 1\n")
    found = doctor(code=1)
    assert found["settings"]["state"] == "failed"
    assert "server.prot" in found["settings"]["message"]
    assert found["sandbox"]["state"] in {"ok", "warning"}


def test_an_unreachable_database_is_reported_in_seconds(doctor: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SAFELIGHT_STORAGE__DATABASE", "postgresql://nobody@127.0.0.1:1/none")
    assert doctor(code=1)["database"]["state"] == "failed"


@pytest.mark.parametrize(
    ("dialect", "models", "said"),
    [
        ("veo", [MODELS["veo"]], "It accepts the key. It lists the models of the settings."),
        ("veo", ["another"], f"It accepts the key. It does not list {MODELS['veo']}."),
        ("vertex", [], "Google gives a token for its service account."),
        ("runway", [], "It accepts the key. 1200 credits are left."),
        ("fal", [], "Whether it accepts the key shows only in a paid request."),
    ],
)
def test_a_provider_says_what_it_can_say_without_a_generation(
    dialect: Any, models: list[str], said: str, doctor: Run, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ScriptedUpstream({"api_key": API_KEY, "models": models or ["m"]}, dialect=dialect) as upstream:
        table = settings_table(dialect, upstream.url, folder)
        generators = {"storyboard": {"kind": "storyboard"}, "paid": table}
        monkeypatch.setenv("SAFELIGHT_GENERATORS", json.dumps(generators))
        found = doctor("--upstream", upstream.url, "--test-video")["upstream paid"]
        assert (found["state"], found["message"]) == ("ok", f"paid answers at {upstream.url}. {said}")
        assert upstream.counts["received"] == 0


def test_a_provider_that_does_not_accept_the_key_is_a_warning_without_the_key(
    doctor: Run, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ScriptedUpstream({"api_key": "another"}, dialect="runway") as upstream:
        generators = {
            "storyboard": {"kind": "storyboard"},
            "paid": settings_table("runway", upstream.url, folder),
        }
        monkeypatch.setenv("SAFELIGHT_GENERATORS", json.dumps(generators))
        found = doctor()["upstream paid"]
    assert (found["state"], "does not accept our API key" in found["message"]) == ("warning", True)
    assert API_KEY not in str(found)
