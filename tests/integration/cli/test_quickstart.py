"""docs/safety-by-monday.md as a newcomer reads it: its six commands, copied, end in a verified video."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from safelight.testing.upstream import ScriptedUpstream
from support.optional_tools import leave_out

ROOT = Path(__file__).resolve().parents[3]
PAGE = (ROOT / "docs" / "safety-by-monday.md").read_text(encoding="utf-8")
WAN = "Wan-AI/Wan2.2-T2V-A14B-Diffusers"


def block(info: str) -> str:
    found = re.search(rf"^```{re.escape(info)}\n(.*?)^```$", PAGE, re.M | re.S)
    assert found is not None
    return found[1]


def commands() -> list[str]:
    whole = re.sub(r" \\\n\s*", " ", block("console newcomer"))
    return [line.removeprefix("$ ") for line in whole.splitlines()]


def free_port() -> int:
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        return int(listener.getsockname()[1])


def program(folder: Path, name: str, *command: str | Path) -> None:
    """What a newcomer has on the path after installing."""
    path = folder / name
    path.write_text(f'#!/bin/sh\nexec {" ".join(map(str, command))} "$@"\n')
    path.chmod(0o755)


def test_there_are_at_most_six_commands_of_safelight_and_python_and_the_first_is_init() -> None:
    assert len(commands()) <= 6
    assert commands()[0].startswith("safelight init --upstream http://gpu:8091 ")
    assert commands()[-1] == "safelight verify first.mp4"
    for line in commands():
        assert re.match(r"(?:export SAFELIGHT_API_KEY=\"\$\()?(?:safelight|python) ", line), line


@pytest.mark.sdk
def test_the_commands_of_the_page_end_in_a_verified_video(tmp_path: Path) -> None:
    python = Path(os.environ.get("SAFELIGHT_TEST_OPENAI3", ROOT / ".venvs" / "openai3" / "bin" / "python"))
    if not python.exists():
        leave_out("the SDK environment openai3", "make sdks")
    port, bin_, here = free_port(), tmp_path / "bin", tmp_path / "here"
    bin_.mkdir()
    here.mkdir()
    program(bin_, "safelight", sys.executable, "-m", "safelight")
    program(bin_, "python", python, "-W", "ignore::DeprecationWarning")
    (here / "first.py").write_text(block("python first.py").replace("127.0.0.1:8000", f"127.0.0.1:{port}"))
    script = ["set -eu", "trap 'kill $(jobs -p)' EXIT"]
    with ScriptedUpstream({"models": [WAN], "otherwise": {"clip": "asked"}}) as upstream:
        for command in commands():
            script.append(command.replace("http://gpu:8091", upstream.url.removesuffix("/v1")))
            if command.endswith("&"):
                # A person reads that it listens; a program has to try.
                script.append(
                    f"until (exec 3<>/dev/tcp/127.0.0.1/{port}) 2>/dev/null; do kill -0 $!; sleep 0.2; done"
                )
        done = subprocess.run(
            ["bash", "-c", "\n".join(script)],
            cwd=here,
            env={
                **{name: value for name, value in os.environ.items() if not name.startswith("SAFELIGHT_")},
                "PATH": f"{bin_}:{os.environ['PATH']}",
                "SAFELIGHT_SERVER__PORT": str(port),
            },
            capture_output=True,
            text=True,
            timeout=240,
        )
        counts = upstream.counts
    assert done.returncode == 0, done.stdout + done.stderr
    made = re.search(r"^video_\S+ allow allowed_under_waiver$", done.stdout, re.M)
    assert made is not None, done.stdout
    assert "not what was ordered" not in done.stdout
    assert (here / "first.mp4").stat().st_size > 0
    assert "It proves" in done.stdout[made.end() :]
    assert "outcome: allowed under a waiver" in done.stdout[made.end() :]
    assert "minor" not in done.stdout[made.end() :]
    # One clip of doctor's, one of the newcomer's, and neither is left behind.
    assert (counts["accepted"], counts["deletes"]) == (2, 2)
