"""`safelight triggers --with`: the words that a simulated provider refuses, over HTTP, with its prices."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from safelight.cli import main
from safelight.cli.output import Exit
from safelight_lab.simulation.hidden_filter import FilterFamily, make_filter
from support.gateway_process import Running, safelight, started

#: This filter refuses "woman" together with "sea", and neither alone.
SEED = 2
PROMPT = "A woman waits by the sea"


@contextmanager
def simulated_provider(*options: str) -> Iterator[dict[str, Any]]:
    command = [sys.executable, "-m", "safelight", "simulate", "upstream", "--json", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield json.loads("".join(iter(process.stdout.readline, "}\n")) + "}")
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(60)


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("gateway")
    safelight(
        *("waivers", "add", "tests", "--by", "the tests", "--reason", "no model sees it"),
        *("--category", "*", "--loopback-only"),
        folder=folder,
    )
    key = json.loads(safelight("keys", "create", "tests", "--json", folder=folder))["key"]
    filter_options = ("--family", "interactions", "--seed", str(SEED), "--noise", "0", "--output-share", "0")
    with simulated_provider(*filter_options) as provider:
        generator = {
            "kind": "videos_api",
            "url": provider["url"],
            "models": [provider["model"]],
            "billing": "paid",
            "seconds": [4, 8],
            "sizes": ["1280x720", "640x360"],
            "usd_per_second": 0.1,
            "max_refusals_per_day": 20,
        }
        generators = {"storyboard": {"kind": "storyboard"}, "simulated": generator}
        with started(folder, key, SAFELIGHT_GENERATORS=json.dumps(generators)) as gateway:
            yield gateway


def test_the_two_words_that_are_refused_together_are_found_and_the_tests_are_attempts(
    gateway: Running, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    hidden = make_filter(FilterFamily.INTERACTIONS, SEED, noise=0)
    assert hidden.probability(PROMPT) > 0.98
    assert max(hidden.probability(word) for word in ("woman", "sea")) < 0.02
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SAFELIGHT_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("SAFELIGHT_URL", f"{gateway.address}/v1")
    monkeypatch.setenv("SAFELIGHT_API_KEY", gateway.key)
    command = ["triggers", PROMPT, "--with", "simulated-interactions", "--yes", "--max-cost", "4.8", "--json"]
    code = main(command)
    out, err = capsys.readouterr()
    said = json.loads(out)
    assert "At most 12 tests with simulated-interactions, 4 s, 640x360. $0.40 each, at most $4.80" in err
    assert code == Exit.OK, err
    (found,) = said["sets"]
    assert {word["text"] for word in found["triggers"]} == {"woman", "sea"}
    cost, tests = said["cost"], said["tests"]
    assert tests <= 12
    assert len(cost["videos"]) == len(set(cost["videos"])) == tests
    with httpx.Client(
        base_url=gateway.address, headers={"authorization": f"Bearer {gateway.key}"}, timeout=60
    ) as web:
        rows = web.get("/v1/safelight/attempts", params={"limit": 100}).json()["data"]
    assert {row["video_id"] for row in rows} == set(cost["videos"])
    assert {row["outcome"] for row in rows} == {"passed", "refused"}
    passed = sum(row["outcome"] == "passed" for row in rows)
    # The simulated provider does not state that a refused request costs nothing.
    assert (cost["usd"], cost["unknown"]) == (pytest.approx(0.4 * passed), tests - passed)
