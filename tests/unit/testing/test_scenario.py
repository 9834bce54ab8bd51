from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, get_args

import pytest

from safelight.testing.upstream import ScriptedAction, load_scenario
from safelight.testing.upstream.bodies import read_create
from safelight.testing.upstream.scenario import ActionName, Ending
from support.rows import each_row

DOCS = Path(__file__).parents[3] / "docs" / "testing.md"


def example() -> str:
    found = re.search(r"```yaml\n(.*?)```", DOCS.read_text(encoding="utf-8"), re.DOTALL)
    assert found is not None
    return found.group(1)


def test_the_example_in_the_docs_loads_and_behaves_as_documented(tmp_path: Path) -> None:
    path = tmp_path / "scenario.yaml"
    path.write_text(example(), encoding="utf-8")
    scenario = load_scenario(path)
    assert scenario.rule("a lighthouse at dawn", 1).submit.do == "lose_answer"
    assert scenario.rule("too busy", 2).submit == ScriptedAction(
        do="status", status=429, retry_after=1, times=2
    )
    assert scenario.rule("anything", 9).submit.do == "hang"
    assert scenario.rule("anything", 10).progress == (0, 50)


def test_a_scenario_may_be_json(tmp_path: Path) -> None:
    path = tmp_path / "scenario.json"
    path.write_text(json.dumps({"orders": [{"when": "x", "poll": {"status": 502}}]}), encoding="utf-8")
    assert load_scenario(path).rule("x", 1).poll.status == 502


def test_every_reaction_and_every_ending_is_documented() -> None:
    text = DOCS.read_text(encoding="utf-8")
    for word in (*get_args(ActionName), *get_args(Ending)):
        assert f"`{word}`" in text, word


@each_row
def test_a_wrong_scenario_is_refused_by_name(document: Any, named: str) -> None:
    with pytest.raises(ValueError, match=named):
        load_scenario(document)


def test_multipart_is_parsed_with_bracket_fields_and_exact_bytes() -> None:
    content = b"\r\n--x\r\nnot a boundary: --other\r\n"
    body = (
        b'--BO\r\nContent-Disposition: form-data; name="prompt"\r\n\r\na cat\r\n'
        b'--BO\r\nContent-Disposition: form-data; name="metadata[a]"\r\n\r\nb\r\n'
        b'--BO\r\nContent-Disposition: form-data; name="input_reference"; filename="a.png"\r\n'
        b"Content-Type: image/png\r\n\r\n" + content + b"\r\n--BO--\r\n"
    )
    fields, files = read_create("multipart/form-data; boundary=BO", body)
    assert fields == {"prompt": "a cat", "metadata": {"a": "b"}}
    assert [(file["field"], file["media_type"]) for file in files] == [("input_reference", "image/png")]


@pytest.mark.parametrize(("kind", "body"), [("application/json", b"{"), ("text/plain", b"x"), ("", b"[]")])
def test_another_body_is_refused(kind: str, body: bytes) -> None:
    with pytest.raises(ValueError):
        read_create(kind, body)
