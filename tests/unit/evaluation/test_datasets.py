from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from safelight.errors import InvalidField, NotFound
from safelight.evaluation.datasets import read


def test_a_data_set_has_a_hash_and_default_values(tmp_path: Path) -> None:
    path = tmp_path / "mine.jsonl"
    path.write_text(
        '{"text": "a", "label": "safe"}\n\n{"text": "b", "label": "unsafe", "categories": ["hate"]}\n'
    )
    found = read(path)
    assert found.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert [(case.source, case.lang, case.categories) for case in found.cases] == [
        ("mine", "und", ()),
        ("mine", "und", ("hate",)),
    ]


@pytest.mark.parametrize(
    "line",
    ["nonsense", "[]", '{"text": "a"}', '{"text": 1, "label": "safe"}', '{"text": "a", "label": "maybe"}'],
)
def test_an_invalid_line_is_named(tmp_path: Path, line: str) -> None:
    path = tmp_path / "x.jsonl"
    path.write_text('{"text": "a", "label": "safe"}\n' + line + "\n")
    with pytest.raises(InvalidField, match=r"x\.jsonl, line 2"):
        read(path)


def test_a_missing_file_and_an_empty_data_set_are_errors(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        read(tmp_path / "none.jsonl")
    (tmp_path / "empty.jsonl").write_text("\n")
    with pytest.raises(InvalidField, match="no cases"):
        read(tmp_path / "empty.jsonl")
