"""The completion of shells."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

#: What completing a command must not import, because each key press would wait for it.
HEAVY = {"numpy", "onnxruntime", "tokenizers", "sqlalchemy", "fastapi", "httpx", "safelight.app"}


def complete(shell: str, line: str) -> tuple[str, set[str]]:
    """What a shell is offered for a line, and the modules that were imported for it."""
    words = line.split(" ")
    script = (
        "import sys\nfrom safelight.cli import main\n"
        "try:\n    main([])\nexcept SystemExit:\n    pass\n"
        "sys.stderr.write(' '.join(sys.modules))\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", script],
        env={
            **os.environ,
            "_SAFELIGHT_COMPLETE": f"complete_{shell}",
            "COMP_WORDS": line,
            "COMP_CWORD": str(len(words) - 1),
            "_TYPER_COMPLETE_ARGS": line,
            "_TYPER_COMPLETE_FISH_ACTION": "get-args",
        },
        capture_output=True,
        text=True,
        check=True,
    )
    return run.stdout, set(run.stderr.split())


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_completes_commands_options_and_values_with_a_script_that_can_be_printed(shell: str) -> None:
    for line, offered in (
        ("safelight sc", "scan"),
        ("safelight scan --fail", "--fail-on"),
        ("safelight scan --fail-on in", "incomplete"),
    ):
        out, modules = complete(shell, line)
        assert offered in out
        assert not modules & HEAVY
    run = subprocess.run(
        [sys.executable, "-m", "safelight", "--show-completion", shell],
        env={**os.environ, "_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert f"complete_{shell}" in run.stdout
