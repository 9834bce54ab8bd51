"""What a machine lacks is named, and fails where nothing may be left out."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ASKING = f"""
from __future__ import annotations

import sys

sys.path.insert(0, {str(ROOT / "tests")!r})
pytest_plugins = ["support.optional_tools"]
"""
TESTS = """
def test_a_database(postgres_server):
    pass

def test_a_browser(chromium):
    pass

def test_nothing():
    pass
"""


@pytest.mark.parametrize("workers", [(), ("-n", "1")])
@pytest.mark.parametrize("complete", [False, True])
def test_what_is_missing_is_named_or_fails(tmp_path: Path, workers: tuple[str, ...], complete: bool) -> None:
    (tmp_path / "conftest.py").write_text(ASKING)
    (tmp_path / "test_asking.py").write_text(TESTS)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SAFELIGHT_")}
    environment["SAFELIGHT_TEST_CHROMIUM"] = str(tmp_path / "none")
    if complete:
        environment["SAFELIGHT_TEST_COMPLETE"] = "1"
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *workers, str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        env=environment,
    )
    if complete:
        assert done.returncode == 1
        assert "PostgreSQL is missing, and nothing may be left out" in done.stdout
    else:
        assert done.returncode == 0, done.stdout
        *_, missing, _count = [line for line in done.stdout.splitlines() if line.strip()]
        assert missing.startswith("Left out 2 tests: 1 for Chromium (install")
        assert "; 1 for PostgreSQL (set" in missing
