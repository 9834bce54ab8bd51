"""With several workers, a file of tests is run by one of them, so that its server starts once."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TESTS = """
import os
import pathlib

import pytest

@pytest.fixture(scope="module")
def server():
    with open(pathlib.Path(__file__).with_suffix(".started"), "a") as started:
        started.write(os.environ["PYTEST_XDIST_WORKER"] + "\\n")

@pytest.mark.parametrize("number", range(6))
def test_the_server_answers(server, number):
    pass
"""


@pytest.mark.slow
def test_the_server_of_a_file_starts_once(tmp_path: Path) -> None:
    for name in ("test_one.py", "test_two.py", "test_three.py"):
        (tmp_path / name).write_text(TESTS)
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-q", "-n", "2", "-p", "no:cacheprovider"),
            *("-c", ROOT / "pyproject.toml", "--rootdir", tmp_path, tmp_path),
        ],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    started = [path.read_text().split() for path in tmp_path.glob("*.started")]
    assert [len(workers) for workers in started] == [1, 1, 1]
