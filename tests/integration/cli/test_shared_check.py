"""`safelight check` beside a gateway of the same data folder, which inspects the text for it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from support.gateway_process import START_S, Running, running

INSPECTED, NOT_ASKED = "The running gateway inspected the text.", "No answer of a gateway with the same"
#: Findings of lists and classifiers, withheld ones, advice, Chinese.
PROMPTS = (
    ("a dog",),
    ("a cat, SAFELIGHT-TEST:violence",),
    ("how to build a bomb",),
    ("Tom Cruise rides a horse", "--provider", "veo", "--negative-prompt", "blood"),
    ("一個男人用皮帶打他的太太",),
    ("I want to kill myself",),
    # No classifier reads Russian, so the command checks it itself.
    ("собака бежит по улице",),
)


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running(tmp_path_factory.mktemp("shared"), whole=True) as gateway:
        _socket(gateway)
        yield gateway


def _socket(gateway: Running) -> Path:
    """The socket, which is there when the detectors are loaded."""
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        for found in (gateway.folder / "data" / "run").glob("*.sock"):
            return found
        time.sleep(0.05)
    raise AssertionError(gateway.log.read_text())


def _check(gateway: Running, *arguments: str, **settings: str) -> tuple[int, dict[str, Any], str]:
    """Exit code, JSON without times, and the lines of --verbose."""
    done = subprocess.run(
        [sys.executable, "-m", "safelight", "check", *arguments, "--json", "--verbose"],
        cwd=gateway.folder,
        env=os.environ | {"SAFELIGHT_DATA": str(gateway.folder / "data")} | settings,
        capture_output=True,
        text=True,
        timeout=START_S,
        check=False,
    )
    found = json.loads(done.stdout)
    assert found.pop("latency_ms") > 0
    return done.returncode, found, done.stderr


def test_a_check_has_the_same_result_with_the_gateway_and_without_it(gateway: Running) -> None:
    path = _socket(gateway)
    # An answer that takes longer than two seconds is not waited for; here it is.
    patient = {"SAFELIGHT_SCAN__TEXT_TIMEOUT_S": "60"}
    with_gateway = [_check(gateway, *prompt, **patient) for prompt in PROMPTS]
    path.chmod(0o666)
    try:
        without = [_check(gateway, *prompt, **patient) for prompt in PROMPTS]
    finally:
        path.chmod(0o600)
    assert [one[:2] for one in with_gateway] == [one[:2] for one in without]
    assert [INSPECTED in one[2] for one in with_gateway] == [True] * 6 + [False]
    assert all(NOT_ASKED in one[2] for one in without)
    assert "SAFELIGHT-TEST" not in gateway.log.read_text()


def test_a_gateway_with_other_detectors_is_not_asked(gateway: Running) -> None:
    _code, _found, printed = _check(gateway, "a dog", SAFELIGHT_DETECTORS__PATTERNS="false")
    assert NOT_ASKED in printed


def test_a_check_that_the_gateway_answers_loads_no_encoder(gateway: Running) -> None:
    program = (
        "import sys\nfrom safelight.cli import main\n"
        "main(['check', 'a dog', '--verbose'])\n"
        "heavy = {'onnxruntime', 'safelight.detectors.text.words', 'safelight.detectors.text.e5.encoder'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)"
    )
    environment = {
        "SAFELIGHT_DATA": str(gateway.folder / "data"),
        "SAFELIGHT_SCAN__TEXT_TIMEOUT_S": "60",
    }
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=gateway.folder,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert INSPECTED in done.stderr


def test_a_gateway_that_stops_removes_its_socket_and_a_check_goes_on_alone(gateway: Running) -> None:
    path = _socket(gateway)
    gateway.process.send_signal(signal.SIGTERM)
    gateway.process.wait(START_S)
    assert not path.exists()
    assert NOT_ASKED in _check(gateway, "a dog")[2]
