from __future__ import annotations

import subprocess
import sys

import pytest


@pytest.mark.parametrize("command", ["version", "check"])
def test_a_command_collects_garbage_rarely(command: str) -> None:
    program = (
        "import gc\nfrom safelight.cli import main\n"
        f"main([{command!r}, '--help'])\n"
        "print('threshold', gc.get_threshold()[0])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    threshold = int(done.stdout.split("threshold ")[-1])
    assert threshold >= 10_000
