"""`safelight name-lists`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from support.commands import Run


@pytest.fixture(autouse=True)
def _lists(folder: Path) -> None:
    (folder / "safelight.toml").write_text(f'[detectors.named-entities]\nfolder = "{folder / "lists"}"\n')


def test_operator_names_are_imported_listed_found_and_removed(run: Run, folder: Path) -> None:
    def found() -> str:
        return json.dumps(run("check", "a logo of quill ferries turns in the light", code=None)["findings"])

    (folder / "names.csv").write_text("Quill Harbour Ferries,quill ferries\nQuill Harbour Ferries\n")
    done = run("name-lists", "import", "names.csv", "--name", "ours", "--kind", "brand")
    assert (done["added"], done["duplicates"]) == (1, 1)
    assert run("name-lists", "list")["lists"] == [{"name": "ours", "entries": 1}]
    assert run("name-lists", "list", "ours")["entries"] == [
        {"kind": "brand", "n": "Quill Harbour Ferries", "a": ["quill ferries"]}
    ]
    assert "Quill Harbour Ferries" in found()
    assert run("name-lists", "remove", "ours", "--entry", "Quill Harbour Ferries")["removed"] == 1
    assert "Quill Harbour Ferries" not in found()


def test_a_file_without_a_valid_row_fails_with_a_reason(run: Run, folder: Path) -> None:
    (folder / "names.jsonl").write_text('{"n": 1\n{"m": "x"}\n')
    done = run("name-lists", "import", "names.jsonl", code=1)
    assert (done["malformed"], done["total"]) == (2, 0)
    run("name-lists", "remove", "own", code=1)
