from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from safelight.core.errors import InvalidField, NotFound
from safelight.policy.verdicts import Action
from safelight_lab.evaluation.datasets import read
from support.rows import each_row


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


def test_a_row_may_say_what_it_expects_and_its_label_follows(tmp_path: Path) -> None:
    path = tmp_path / "mine.jsonl"
    rows: list[dict[str, object]] = [
        {"text": "a"},
        {"text": "b", "id": "b-1", "expect": "allow|label", "help_ok": True, "kind": "k", "group": None},
        {"text": "c", "expect": "hold|block", "categories": ["hate"]},
        {"text": "d", "expect": "label|hold"},
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    plain, labelled, stopped, either = read(path).cases
    assert (plain.id, plain.label, plain.expect, plain.help_ok) == ("mine:1", "", frozenset(), None)
    assert (labelled.id, labelled.label, labelled.kind, labelled.group) == ("b-1", "safe", "k", "")
    assert labelled.expect == {Action.ALLOW, Action.LABEL}
    assert labelled.help_ok is True
    assert (stopped.label, stopped.expect) == ("unsafe", {Action.HOLD, Action.BLOCK})
    assert either.label == "safe"


@each_row
def test_an_invalid_line_is_reported_with_its_problem(tmp_path: Path, line: str, problem: str) -> None:
    path = tmp_path / "x.jsonl"
    path.write_bytes(b'{"text": "a", "id": "one"}\n' + line.encode("utf-8", "surrogateescape") + b"\n")
    with pytest.raises(InvalidField, match=r"x\.jsonl, line 2") as caught:
        read(path)
    assert problem in caught.value.message
    assert '"expect"' in caught.value.remedy


def test_a_missing_file_and_an_empty_data_set_are_errors(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        read(tmp_path / "none.jsonl")
    (tmp_path / "empty.jsonl").write_text("\n")
    with pytest.raises(InvalidField, match="no prompts"):
        read(tmp_path / "empty.jsonl")
