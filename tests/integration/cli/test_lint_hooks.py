"""The hooks for pre-commit, and the completion of shells."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from safelight.cli.output import Exit
from safelight.linting.prompt_file import ENDINGS

ROOT = Path(__file__).parents[3]
HOOKS: dict[str, Any] = {
    hook["id"]: hook for hook in yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
}
#: What completing a command must not import, because each key press would wait for it.
HEAVY = {"numpy", "onnxruntime", "tokenizers", "sqlalchemy", "fastapi", "httpx", "safelight.bootstrap"}


def run_hook(hook: str, folder: Path, files: list[str]) -> subprocess.CompletedProcess[str]:
    """Runs the entry of a hook as pre-commit does: in the root of the repository, followed by the files."""
    search = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(
        [*shlex.split(HOOKS[hook]["entry"]), *files],
        cwd=folder,
        env={**os.environ, "PATH": search, "SAFELIGHT_DATA": str(folder / "data")},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("hook", HOOKS)
def test_a_hook_selects_the_files_that_can_be_read(hook: str) -> None:
    selects = re.compile(HOOKS[hook]["files"])
    assert all(selects.search(f"prompts/scenes/a{ending}") for ending in ENDINGS)
    assert not any(selects.search(name) for name in ("README.md", "prompts/a.py", "src/prompts/a.txt"))
    assert HOOKS[hook].keys() >= {"id", "name", "entry", "language"}


def test_the_entry_of_a_hook_checks_and_fixes_the_files(tmp_path: Path) -> None:
    (tmp_path / "prompts").mkdir()
    scene = tmp_path / "prompts" / "scene one.txt"
    scene.write_text("A blood moon over a quiet harbour\n")
    names = ["prompts/scene one.txt"]
    assert run_hook("safelight-lint", tmp_path, names).returncode == Exit.OK
    assert run_hook("safelight-lint-fix", tmp_path, names).returncode == Exit.OK
    assert scene.read_text() == "A red moon over a quiet harbour\n"
    scene.write_text("SAFELIGHT-TEST:violence\n")
    failed = run_hook("safelight-lint", tmp_path, names)
    assert failed.returncode == Exit.BLOCKED
    assert failed.stdout.startswith("prompts/scene one.txt:1:1: error: ")


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
        ("safelight li", "lint"),
        ("safelight lint --fo", "--format"),
        ("safelight lint --format sa", "sarif"),
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
