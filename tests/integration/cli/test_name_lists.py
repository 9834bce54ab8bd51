from __future__ import annotations

import json
from pathlib import Path

import pytest

from safelight.cli import main
from safelight.cli.exit_codes import Exit


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "safelight.toml").write_text(
        f'data = "{tmp_path / "data"}"\n[detectors.named-entities]\nfolder = "{tmp_path / "lists"}"\n',
        encoding="utf-8",
    )


def run_json(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, dict[str, object]]:
    code = main([*arguments, "--json"])
    return code, json.loads(capsys.readouterr().out)


def test_operator_names_are_imported_listed_found_and_removed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    names = tmp_path / "names.csv"
    names.write_text("Quill Harbour Ferries,quill ferries\nQuill Harbour Ferries\n", encoding="utf-8")
    code, done = run_json(capsys, "name-lists", "import", str(names), "--name", "ours", "--kind", "brand")
    assert (code, done["added"], done["duplicates"]) == (Exit.OK, 1, 1)
    _code, listed = run_json(capsys, "name-lists", "list")
    assert listed["lists"] == [{"name": "ours", "entries": 1}]
    _code, rows = run_json(capsys, "name-lists", "list", "ours")
    assert rows["entries"] == [{"kind": "brand", "n": "Quill Harbour Ferries", "a": ["quill ferries"]}]

    _code, answer = run_json(capsys, "check", "a logo of quill ferries turns in the light")
    assert "Quill Harbour Ferries" in json.dumps(answer["findings"])
    assert (
        run_json(capsys, "name-lists", "remove", "ours", "--entry", "Quill Harbour Ferries")[1]["removed"]
        == 1
    )
    _code, answer = run_json(capsys, "check", "a logo of quill ferries turns in the light")
    assert "Quill Harbour Ferries" not in json.dumps(answer["findings"])


def test_a_file_without_a_valid_row_fails_with_a_reason(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    names = tmp_path / "names.jsonl"
    names.write_text('{"n": 1\n{"m": "x"}\n', encoding="utf-8")
    code, done = run_json(capsys, "name-lists", "import", str(names))
    assert (code, done["malformed"], done["total"]) == (Exit.ERROR, 2, 0)
    assert run_json(capsys, "name-lists", "remove", "own")[0] == Exit.ERROR
