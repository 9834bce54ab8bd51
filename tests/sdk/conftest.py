"""The official SDKs: two lines for Python, one for JavaScript."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from support.optional_tools import ROOT, leave_out

HERE = Path(__file__).parent
NODE = HERE / "node"


class Sdk:
    """One SDK, as a program that prints what it saw."""

    def __init__(self, name: str, *command: str | Path) -> None:
        self.name = name
        self._command = command

    def run(self, url: str, key: str, part: str, *more: str) -> dict[str, Any]:
        done = subprocess.run(
            [*self._command, f"{url}/v1", key, part, *more], capture_output=True, text=True, timeout=280
        )
        assert done.returncode == 0, done.stderr
        found: dict[str, Any] = json.loads(done.stdout)
        return found


NAMES = ("openai2", "openai3", "node")


@pytest.fixture(scope="module", params=[pytest.param(name, marks=pytest.mark.sdk) for name in NAMES])
def sdk(request: pytest.FixtureRequest) -> Sdk:
    """Each of the SDKs."""
    name: str = request.param
    if (sdk := find_sdk(name)) is None:
        if name == "node":
            leave_out("the SDK for JavaScript", "install Node.js 20 and run `make sdks`")
        leave_out(
            f"the SDK environment {name}",
            f"install requirements/{name}.lock into .venvs/{name}, or set SAFELIGHT_TEST_{name.upper()}",
        )
    return sdk


def find_sdk(name: str) -> Sdk | None:
    """The SDK with this name; None if it is not installed."""
    if name == "node":
        node = shutil.which(os.environ.get("SAFELIGHT_TEST_NODE", "node"))
        installed = node is not None and (NODE / "node_modules" / "openai").is_dir()
        return Sdk(name, node, NODE / "conformance.mjs") if node and installed else None
    python = Path(os.environ.get(f"SAFELIGHT_TEST_{name.upper()}", ROOT / ".venvs" / name / "bin" / "python"))
    return Sdk(name, python, HERE / "conformance.py") if python.exists() else None
