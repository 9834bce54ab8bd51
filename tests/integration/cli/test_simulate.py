"""`safelight simulate upstream` as a process: it serves the Videos API and is marked as simulated."""

from __future__ import annotations

import json
import signal
import subprocess
import sys

import httpx
import pytest

from safelight.cli.output import Exit
from support.commands import Say


def test_the_command_serves_videos_and_states_that_all_is_simulated() -> None:
    command = [sys.executable, "-m", "safelight", "simulate", "upstream", "--seed", "3", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            told = json.loads("".join(iter(process.stdout.readline, "}\n")) + "}")
            assert (told["simulated"], told["model"]) == (True, "simulated-lexicon")
            with httpx.Client(base_url=told["url"], timeout=60) as client:
                assert client.get("models").json()["data"][0]["id"] == "simulated-lexicon"
                answers = [
                    client.post("videos", json={"prompt": f"a knife and a sword by a boat, scene {number}"})
                    for number in range(8)
                ]
            for answer in answers:
                body = answer.json()
                assert body.get("simulated") or body["error"]["message"].startswith("Simulated")
        finally:
            process.send_signal(signal.SIGTERM)
            assert process.wait(60) == Exit.OK


@pytest.mark.parametrize(
    "options",
    [
        ("--rate", "0.02"),
        ("--noise", "0.5"),
        ("--drift-on", "tomorrow"),
        ("--drift-kind", "words"),
        ("--drift-words", "lamp"),
        ("--host", "0.0.0.0"),
        ("--host", "::"),
        ("--host", "example.org"),
    ],
)
def test_impossible_options_are_refused(options: tuple[str, ...], say: Say) -> None:
    assert say("simulate", "upstream", *options, code=Exit.ERROR).err
