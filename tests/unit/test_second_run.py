"""What a run does about tests that failed: `--second-run`."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from support.second_run import MAX_FAILURES

SUPPORT = Path(__file__).parents[1]

STEADY = "def test_steady(): pass\n"
#: Fails when it runs for the first time.
SECOND_TIME = """
from pathlib import Path

def test_second_time():
    if not Path("ran").exists():
        Path("ran").touch()
        raise AssertionError("the first time")
"""
ALWAYS = "def test_always(): raise AssertionError('always')\n"
#: What all its tests share does not start at the first time.
SET_UP = """
from pathlib import Path
import pytest

@pytest.fixture(scope="module")
def server():
    if not Path("ran").exists():
        Path("ran").touch()
        raise AssertionError("it did not start")

@pytest.mark.parametrize("number", range(NUMBER))
def test_shared(server, number): pass
"""
KILLED = """
import os, signal

def test_killed(): os.kill(os.getpid(), signal.SIGKILL)
"""


def run(folder: Path, *files: str, workers: int = 2) -> subprocess.CompletedProcess[str]:
    for number, text in enumerate(files):
        (folder / f"test_{number}.py").write_text(text)
    (folder / "pytest.ini").write_text("[pytest]\n")
    own = ("PYTEST_ADDOPTS", "PYTEST_CURRENT_TEST", "PYTEST_XDIST_WORKER")
    environment = {name: value for name, value in os.environ.items() if name not in own}
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "support.second_run", "--second-run", "-n", str(workers)],
        cwd=folder,
        env=environment | {"PYTHONPATH": str(SUPPORT)},
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_a_test_that_fails_every_second_time_is_named_unsteady_with_both_outcomes(tmp_path: Path) -> None:
    ended = run(tmp_path, STEADY, SECOND_TIME)
    assert ended.returncode == 0, ended.stdout
    line = "unsteady: test_1.py::test_second_time: failed in the run (call), passed alone"
    assert line in ended.stdout
    assert "the first time" in ended.stdout
    assert "1 passed, 1 unsteady" in ended.stdout.splitlines()[-1]


def test_a_test_that_always_fails_makes_the_run_red_beside_one_that_is_unsteady(tmp_path: Path) -> None:
    ended = run(tmp_path, ALWAYS, SECOND_TIME)
    assert ended.returncode == 1
    assert "unsteady: test_1.py::test_second_time" in ended.stdout
    assert "unsteady: test_0.py::test_always" not in ended.stdout
    assert "FAILED test_0.py::test_always" in ended.stdout


def test_a_crashed_worker_makes_the_run_red_without_a_second_run(tmp_path: Path) -> None:
    ended = run(tmp_path, KILLED, SECOND_TIME)
    assert ended.returncode == 1
    assert "no second run: a worker crashed" in ended.stdout
    assert "passed alone" not in ended.stdout


@pytest.mark.parametrize("more", [0, 1], ids=["as many as a second run takes", "one more"])
def test_many_failures_have_no_second_run(tmp_path: Path, more: int) -> None:
    files = [SECOND_TIME.replace('"ran"', f'"ran-{number}"') for number in range(MAX_FAILURES + more)]
    ended = run(tmp_path, "\n".join(_numbered(files)), workers=0)
    assert ended.returncode == more
    assert (f"no second run: more than {MAX_FAILURES} failures" in ended.stdout) == bool(more)


def test_tests_of_one_file_whose_set_up_failed_are_one_failure(tmp_path: Path) -> None:
    ended = run(tmp_path, SET_UP.replace("NUMBER", str(MAX_FAILURES + 1)), workers=0)
    assert ended.returncode == 0, ended.stdout
    assert f"{MAX_FAILURES + 1} unsteady" in ended.stdout.splitlines()[-1]


def _numbered(files: list[str]) -> list[str]:
    return [text.replace("test_second_time", f"test_{number}") for number, text in enumerate(files)]
