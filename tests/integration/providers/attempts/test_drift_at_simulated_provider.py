"""Drift of a simulated provider, from its HTTP answers to the command, and the evidence."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from safelight.cli import main
from safelight.cli.output import Exit
from safelight_lab.simulation.hidden_filter import HiddenFilter
from safelight_lab.simulation.scene_grammar import scene_grammar
from safelight_lab.simulation.simulated_provider import (
    ProviderBehaviour,
    SimulatedDrift,
    SimulatedProvider,
    make_upstream,
)

Run = Callable[..., Any]
START, HOUR_S = 1_790_000_000.0, 3_600.0
CALLS, BEFORE = 220, 160
#: Refuses 2 % of the prompts.
LAX = HiddenFilter(score=lambda _prompt: 0.0, mean=0.0, spread=1.0, threshold=5.0, noise=0.02)


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    monkeypatch.chdir(tmp_path)

    def call(*arguments: str) -> Any:
        assert main(["attempts", *arguments, "--json"]) == Exit.OK
        return json.loads(capsys.readouterr().out)

    return call


def log_calls(path: Path) -> None:
    """Call the provider once an hour of a simulated clock, and write what it answers as JSON lines."""
    now = [START]
    behaviour = ProviderBehaviour(
        seed=4,
        output_share=0.0,
        drift_at=START + BEFORE * HOUR_S,
        drift_kind=SimulatedDrift.MORE,
        drift_share=0.5,
    )
    provider = SimulatedProvider(hidden=LAX, behaviour=behaviour, clock=lambda: now[0])
    rows = []
    with (
        make_upstream(provider, "simulated-1", host="127.0.0.1", port=0) as upstream,
        httpx.Client(base_url=upstream.url, timeout=30) as client,
    ):
        for number, prompt in enumerate(scene_grammar().prompts(CALLS, 11)):
            now[0] = START + number * HOUR_S
            answer = client.post("videos", json={"prompt": prompt, "seconds": "4"})
            row = {"time": now[0], "provider": "simulated", "model": "simulated-1", "prompt": prompt}
            outcome = {"error": answer.text} if answer.is_error else {"outcome": "passed", "file_came": True}
            rows.append({**row, **outcome})
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")


def test_a_provider_that_refuses_more_from_a_date_on_is_found_and_named(run: Run, tmp_path: Path) -> None:
    log_calls(tmp_path / "calls.jsonl")
    run("import", "calls.jsonl")
    found = run("drift")
    (drift,) = found["data"]
    assert (drift["kind"], drift["provider"], drift["until"]) == ("refuses_more", "simulated", None)
    assert "2026-09-27" < drift["since"] < "2026-09-29"
    assert drift["before"]["rate"] < 0.1 < 0.3 < drift["after"]["rate"]
    assert found["watched"] == [{"provider": "simulated", "model": "simulated-1", "outcomes": CALLS}]
    last = next(one for one in run("list", "--limit", "200")["data"] if one["outcome"] == "refused")
    assert "refuses_more" in {one["sign"] for one in run("show", last["id"])["gate"]["evidence"]}


def test_without_attempts_the_command_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["attempts", "drift"]) == Exit.NOT_COVERED
    assert "No attempt passed" in capsys.readouterr().out
