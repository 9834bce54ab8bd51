"""The OpenAPI document and the right answers of the gateway are those that were recorded (bench/golden)."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]


@pytest.mark.slow
def test_the_document_and_the_right_answers_are_as_recorded() -> None:
    """To accept a change on purpose: `python -m bench.golden record --only openapi --only quick`."""
    done = subprocess.run(
        [sys.executable, "-m", "bench.golden", "compare", "--only", "openapi", "--only", "quick"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout[-20_000:]}{done.stderr}"
