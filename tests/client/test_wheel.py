"""The wheel of the client alone, in an environment with nothing else, runs the example of its page."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from safelight.testing.upstream import ScriptedUpstream
from support.optional_tools import leave_out

ROOT = Path(__file__).resolve().parents[2]
CLIENT = ROOT / "clients" / "python"

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("client")
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, CLIENT]
    subprocess.run(build, check=True, capture_output=True, timeout=120)
    (wheel,) = folder.glob("*.whl")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder / "venv"], check=True, timeout=120)
    found = folder / "venv" / "bin" / "python"
    pip = [
        sys.executable,
        "-m",
        "pip",
        "--disable-pip-version-check",
        "-q",
        "--python",
        found,
        "install",
        wheel,
    ]
    done = subprocess.run(pip, capture_output=True, text=True, timeout=240)
    if done.returncode:
        leave_out("an index of Python packages", done.stderr.strip().rpartition("\n")[2])
    return found


def test_the_wheel_runs_the_example_of_its_page(python: Path, tmp_path: Path) -> None:
    (example,) = re.findall(r"^```python\n(.*?)^```$", (CLIENT / "README.md").read_text("utf-8"), re.M | re.S)
    with ScriptedUpstream() as upstream:
        environment = {**os.environ, "SAFELIGHT_URL": upstream.url, "PYTHONPATH": ""}
        subprocess.run([python, "-c", example], cwd=tmp_path, env=environment, check=True, timeout=60)
    assert (tmp_path / "tram.mp4").stat().st_size > 0


def test_the_wheel_needs_httpx_and_nothing_of_ours(python: Path, tmp_path: Path) -> None:
    asked = (
        "import importlib.metadata as m, json;"
        "print(json.dumps([m.requires('safelight-client'), [d.name for d in m.distributions()]]))"
    )
    environment = {**os.environ, "PYTHONPATH": ""}
    done = subprocess.run(
        [python, "-c", asked], cwd=tmp_path, env=environment, capture_output=True, check=True
    )
    requires, installed = json.loads(done.stdout)
    assert requires == ["httpx<1,>=0.28"]
    assert not {"safelight", "numpy", "pydantic"} & set(installed)
