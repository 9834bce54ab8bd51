"""The browser of the tests as a process: what it may do to the machine, and when it ends."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

import pytest

pytestmark = pytest.mark.browser

#: The bit of CAP_SYS_NICE, the right to raise a priority.
SYS_NICE = 1 << 23


def test_the_browser_cannot_raise_its_priority_and_ends_when_its_test_is_killed(
    chromium: Path, tmp_path: Path
) -> None:
    arguments = f"--headless --no-sandbox --disable-gpu --user-data-dir={tmp_path} about:blank"
    deadline = time.monotonic() + 60
    # The shell is the test that is killed.
    script = f"{chromium} {arguments} >/dev/null 2>&1 & echo $!; wait"
    with subprocess.Popen(["sh", "-c", script], stdout=subprocess.PIPE, text=True) as shell:
        assert shell.stdout is not None
        status = Path("/proc", shell.stdout.readline().strip(), "status")
        while "chrom" not in status.read_text().splitlines()[0]:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        rights = next(line for line in status.read_text().splitlines() if line.startswith("CapEff"))
        shell.kill()
    assert int(rights.split()[1], 16) & SYS_NICE == 0
    while _runs(status):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def _runs(status: Path) -> bool:
    """Whether the process exists and is no zombie."""
    try:
        return "State:\tZ" not in status.read_text()
    except OSError:
        return False
