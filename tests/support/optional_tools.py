"""Tests that need something this machine may lack: named when left out, failed when nothing may be.

A test asks for the fixture (`postgres_server`, `chromium`, `openai_python`, or its own call of `leave_out`).
Where the thing is missing the test is skipped and named in the summary; with SAFELIGHT_TEST_COMPLETE=1 it
fails.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

import pytest

PREFIX = "left out: "
ROOT = Path(__file__).resolve().parents[2]


def leave_out(what: str, remedy: str) -> NoReturn:
    """End this test because `what` is missing."""
    if os.environ.get("SAFELIGHT_TEST_COMPLETE") == "1":
        pytest.fail(f"{what} is missing, and nothing may be left out: {remedy}", pytrace=False)
    pytest.skip(f"{PREFIX}{what} ({remedy})")


@pytest.fixture(scope="session")
def mcp_package() -> Any:
    """The official package of the Model Context Protocol."""
    try:
        import mcp
    except ModuleNotFoundError:
        leave_out("the Python package mcp", "pip install --require-hashes -r requirements/dev.lock")
    return mcp


@pytest.fixture(scope="session")
def postgres_server() -> str:
    """URL of a PostgreSQL server where databases may be created."""
    url = os.environ.get("SAFELIGHT_TEST_POSTGRES", "")
    if not url:
        leave_out("PostgreSQL", "set SAFELIGHT_TEST_POSTGRES to a server's URL; .ci/postgres.sh prints one")
    return url


@pytest.fixture(scope="session")
def chromium() -> Path:
    """A program that runs the browser without the right to raise its priority, and ends with its parent."""
    path = Path(os.environ.get("SAFELIGHT_TEST_CHROMIUM", "/usr/bin/chromium"))
    if not path.is_file():
        leave_out("Chromium", "install Debian's chromium, or set SAFELIGHT_TEST_CHROMIUM")
    return ROOT / "tests" / "support" / "browser.sh"


@pytest.fixture(
    scope="session",
    params=[pytest.param("openai2", marks=pytest.mark.sdk), pytest.param("openai3", marks=pytest.mark.sdk)],
)
def openai_python(request: pytest.FixtureRequest) -> Path:
    """The Python of a locked environment with the official SDK, once for 2.x and once for 3.x."""
    name: str = request.param
    path = Path(os.environ.get(f"SAFELIGHT_TEST_{name.upper()}", ROOT / ".venvs" / name / "bin" / "python"))
    if not path.exists():
        leave_out(
            f"the SDK environment {name}",
            f"install requirements/{name}.lock into .venvs/{name}, or set SAFELIGHT_TEST_{name.upper()}",
        )
    return path


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_terminal_summary(terminalreporter: Any) -> Iterator[None]:
    """Last of all, where it is read: one line that names everything that was missing."""
    yield
    reasons = Counter(
        report.longrepr[2].removeprefix("Skipped: ")
        for report in terminalreporter.stats.get("skipped", [])
        if isinstance(report.longrepr, tuple)
    )
    missing = {
        reason.removeprefix(PREFIX): tests
        for reason, tests in sorted(reasons.items())
        if reason.startswith(PREFIX)
    }
    if missing:
        parts = "; ".join(f"{tests} for {what}" for what, tests in missing.items())
        terminalreporter.write_line(f"Left out {sum(missing.values())} tests: {parts}", yellow=True)
