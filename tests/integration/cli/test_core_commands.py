"""`check`, `scan` and `verify` need neither a database nor a web framework, and create no data directory."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from safelight.testing.clips import tiny_clip

#: Runs a command as if the packages that only the gateway needs were not installed.
RUN = """
import sys

class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {"sqlalchemy", "alembic", "dbos", "fastapi", "starlette", "jinja2"}:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Missing())
from safelight.cli import main
raise SystemExit(main(sys.argv[1:]))
"""


@pytest.mark.parametrize(
    ("command", "code", "says"),
    [
        (["check", "a boat on a lake"], 0, "Our policy allows this prompt."),
        (["scan", "clip.mp4"], 5, "required checks cannot run here"),
        (["verify", "clip.mp4"], 5, "The registry of delivered files was not asked"),
    ],
    ids=["check", "scan", "verify"],
)
def test_a_command_of_the_core_runs_without_a_database_and_a_web_framework(
    command: list[str], code: int, says: str, tmp_path: Path
) -> None:
    (tmp_path / "clip.mp4").write_bytes(tiny_clip())
    ran = subprocess.run(
        [sys.executable, "-c", RUN, *command], cwd=tmp_path, capture_output=True, text=True, timeout=200
    )
    assert (ran.returncode, ran.stderr) == (code, "")
    assert says in ran.stdout
    assert [path.name for path in tmp_path.iterdir()] == ["clip.mp4"]
