from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from safelight.core.errors import InvalidField, NotFound
from safelight_lab.evaluation.attacks import LEET
from safelight_lab.evaluation.suite.manifests import SuiteSet, load_sets, read_manifest

ROOT = Path(__file__).resolve().parents[5]


class Folder:
    """Data sets and a manifest in a folder."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.entries: list[dict[str, Any]] = []

    def add(self, name: str, *rows: Mapping[str, Any], purpose: str = "report", **more: Any) -> None:
        data = "".join(json.dumps(row) + "\n" for row in rows).encode()
        (self.path / f"{name}.jsonl").write_bytes(data)
        entry = {"name": name, "path": f"{name}.jsonl", "sha256": hashlib.sha256(data).hexdigest()}
        self.entries.append(
            entry | {"licence": "CC0-1.0", "purpose": purpose, "why": "made for this test", **more}
        )

    def load(self) -> list[SuiteSet]:
        manifest = self.path / "manifest.yaml"
        manifest.write_text(yaml.safe_dump(self.entries))
        return load_sets(read_manifest(manifest), {"leet": LEET})

    def refused(self) -> str:
        with pytest.raises(InvalidField) as found:
            self.load()
        return str(found.value)


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


def safe(text: str, **more: Any) -> dict[str, Any]:
    return {"text": text, "label": "safe", **more}


def test_rows_have_the_values_of_the_row_or_else_of_the_manifest(folder: Folder) -> None:
    folder.add(
        "mine",
        {"id": "a", "prompt": "rain", "spoken": "hello", "label": "fine", "lang": "en", "pair": "p"},
        {"text": "snow", "register": "poetic", "medium": "speech"},
        {"text": "hail", "expect": "hold|block"},
        parts=["prompt", "spoken"],
        labels={"fine": "safe"},
        label="distress",
        lang="zh-Hans",
        register="plain",
        medium="several",
    )
    [one] = folder.load()
    first, second, third = one.rows
    assert (first.case.text, first.case.label, first.case.lang, first.pair) == (
        "rain\nhello",
        "safe",
        "en",
        "p",
    )
    assert (first.register, first.medium, first.own_id) == ("plain", "several", True)
    assert (second.case.label, second.case.lang, second.register, second.medium) == (
        "distress",
        "zh-Hans",
        "poetic",
        "speech",
    )
    assert third.case.source == "mine"


def test_without_a_label_the_expected_actions_say_it(folder: Folder) -> None:
    folder.add("mine", {"text": "a", "expect": "hold|block"}, {"text": "b", "expect": "allow|label"})
    [one] = folder.load()
    assert [row.case.label for row in one.rows] == ["unsafe", "safe"]


def test_every_wrong_file_and_row_is_named_at_once(folder: Folder) -> None:
    folder.add("missing", safe("a"))
    (folder.path / "missing.jsonl").unlink()
    folder.add("changed", safe("b"))
    (folder.path / "changed.jsonl").write_text(json.dumps(safe("c")))
    folder.add("rows", safe("d"), {"text": "e", "label": "odd"}, {"text": "f"}, {"label": "safe"})
    said = folder.refused()
    assert "missing: " in said
    assert "cannot be read" in said
    assert "changed: the sha256 is " in said
    assert "rows, line 2: unknown label 'odd'" in said
    assert "rows, line 3: no label and no expected action" in said
    assert "rows, line 4: `text` is missing or empty" in said


@pytest.mark.parametrize("written", ["A  red FOX", "a red fox", "Ａ red fox"])
def test_a_text_of_the_fit_set_is_refused_in_any_spelling_and_named(folder: Folder, written: str) -> None:
    folder.add("later", safe("a lake", id="l-1"), safe(written, id="l-2"))
    folder.add("learned", safe("A red fox", id="f-1"), purpose="fit")
    assert "later, row l-2: is in the fit set, as learned f-1" in folder.refused()


def test_a_text_or_an_id_in_two_purposes_is_refused(folder: Folder) -> None:
    folder.add("tuned", safe("a fox", id="1"), purpose="choose")
    folder.add("held", safe("a fox", id="2"), safe("a cat", id="1"))
    said = folder.refused()
    assert "held, row 2: is also for choose, as tuned 1" in said
    assert "held, row 1: tuned has this id, for choose" in said


def test_the_manifest_can_leave_such_rows_out_and_they_are_counted(folder: Folder) -> None:
    folder.add("held", safe("a fox", id="2"), safe("a cat", id="3"), leave_out_seen=True)
    folder.add("learned", safe("a fox", id="1"), purpose="fit")
    [_, held] = folder.load()
    assert held.left_out == ("2",)
    assert [row.case.id for row in held.rows] == ["3"]


def test_a_generator_rewrites_a_set_and_its_rows_have_a_checksum(folder: Folder) -> None:
    folder.add("plain", {"text": "nude", "label": "unsafe", "pair": "p", "lang": "en"})
    made = {"name": "made", "generator": "leet", "of": "plain", "sha256": "0" * 64, "licence": "CC0-1.0"}
    folder.entries.append(made | {"purpose": "report", "why": "rewritten"})
    said = folder.refused()
    folder.entries[-1]["sha256"] = said.split("the sha256 is ")[1][:64]
    [_, one] = folder.load()
    assert one.rows
    assert {row.case.label for row in one.rows} == {"unsafe"}
    assert "nude" not in {row.case.text for row in one.rows}
    folder.entries[-1]["generator"] = "none"
    assert "unknown generator 'none'; known: leet" in folder.refused()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"purpose": "test"}, "write fit, choose or report"),
        ({"sha256": ""}, "missing: sha256"),
        ({"licence": None}, "missing: licence"),
        ({"colour": "red"}, "unknown keys: colour"),
        ({"generator": "leet"}, "give either `path`, or `generator` and `of`"),
        ({"labels": {"bad": "evil"}}, "`labels` maps labels"),
        ({"label": "evil"}, "`label` is 'evil'"),
        ({"medium": "smell"}, "`medium` is 'smell'"),
        ({"parts": "text"}, "`parts` must be a list"),
        ({"leave_out_seen": "yes"}, "must be true or false"),
        ({"name": 3}, "`name` must be a string"),
    ],
)
def test_a_wrong_entry_is_named(folder: Folder, change: dict[str, Any], said: str) -> None:
    folder.add("mine", safe("a"))
    folder.entries[0] |= change
    found = folder.refused()
    assert "entry 1 (" in found
    assert said in found


def test_two_entries_with_one_name_are_refused(folder: Folder) -> None:
    folder.add("mine", safe("a"))
    folder.add("mine", safe("b"))
    assert "mine: this name is already used by another entry" in folder.refused()


@pytest.mark.parametrize("written", ["[", "name: x", "", "- 3"])
def test_a_manifest_that_is_none_is_refused(tmp_path: Path, written: str) -> None:
    (tmp_path / "m.yaml").write_text(written)
    with pytest.raises(InvalidField):
        read_manifest(tmp_path / "m.yaml")
    with pytest.raises(NotFound):
        read_manifest(tmp_path / "none.yaml")


def test_a_manifest_may_be_json_lines(folder: Folder) -> None:
    folder.add("mine", safe("a"))
    path = folder.path / "m.jsonl"
    path.write_text("".join(json.dumps(one) + "\n" for one in folder.entries))
    assert [one.name for one in read_manifest(path)] == ["mine"]


def test_the_manifest_of_the_repository_is_true_and_its_sets_share_no_text_with_the_fit_sets() -> None:
    sets = load_sets(read_manifest(ROOT / "bench" / "evaluation.yaml"), {})
    assert {one.entry.purpose for one in sets} == {"fit", "choose", "report"}
    listed = {one.entry.path.resolve() for one in sets if one.entry.path}
    committed = [*(ROOT / "bench" / "acts").glob("*/*.jsonl"), *(ROOT / "tests/data/release").glob("*.jsonl")]
    assert {*committed} <= listed
