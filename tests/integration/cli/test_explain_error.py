from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path

import pytest

from safelight.cli import main
from safelight.cli.exit_codes import Exit

BLOCK = '{"status": "FAILED", "failureCode": "SAFETY.OUTPUT.VIDEO"}'


def test_a_known_error_is_explained_as_text(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain-error", BLOCK]) == Exit.OK
    said = capsys.readouterr().out
    for word in ("Runway refused", "Charged", "yes", "finished video", "docs.dev.runwayml.com"):
        assert word in said


def test_an_unknown_error_has_an_exit_code_of_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain-error", "the quick brown fox", "--json"]) == Exit.NOT_COVERED
    assert json.loads(capsys.readouterr().out)["kind"] == "unknown"


def test_it_reads_a_pipe_and_a_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Pipe(io.TextIOWrapper):
        def isatty(self) -> bool:
            return False

    for arguments in (["-"], []):
        monkeypatch.setattr(sys, "stdin", Pipe(io.BytesIO(BLOCK.encode() + b"\xff")))
        assert main(["explain-error", *arguments, "--json"]) == Exit.OK
        assert json.loads(capsys.readouterr().out)["provider"] == "runway"
    file = tmp_path / "error.txt"
    file.write_text(BLOCK)
    assert main(["explain-error", "--file", str(file), "--json"]) == Exit.OK
    assert json.loads(capsys.readouterr().out)["charged"]["charged"] == "yes"
    assert main(["explain-error", BLOCK, "--file", str(file)]) == Exit.ERROR
    assert main(["explain-error", "--file", str(tmp_path / "none")]) == Exit.ERROR


def test_an_unknown_error_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain-error", "the quick brown fox"]) == Exit.NOT_COVERED
    said = capsys.readouterr().out.strip()
    assert len(said) <= 80
    assert "\n" not in said


def test_the_provider_hint_decides_the_meaning_of_a_bare_number(capsys: pytest.CaptureFixture[str]) -> None:
    body = '{"code": 1026, "message": "no"}'
    assert main(["explain-error", body, "--json"]) == Exit.NOT_COVERED
    capsys.readouterr()
    assert main(["explain-error", body, "--provider", "minimax", "--json"]) == Exit.OK
    assert json.loads(capsys.readouterr().out)["kind"] == "content_block"


def test_no_model_server_or_database_is_loaded() -> None:
    program = (
        "import sys\nfrom safelight.cli import main\nmain(['explain-error', 'x', '--json'])\n"
        "heavy = {'numpy', 'onnxruntime', 'sqlalchemy', 'fastapi', 'httpx', 'dbos'}&set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
