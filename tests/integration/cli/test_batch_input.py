"""`safelight batch` with broken and hostile files: a clear error, and nothing that controls the terminal."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from safelight.testing.upstream import ScriptedUpstream
from support.commands import Run, Say

DEEP = 100_000
ALIASES = [f"  - &l{n} [{', '.join([f'*l{n - 1}'] * 9)}]" for n in range(1, 10)]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("- " + "[" * DEEP + "]" * DEEP, "nested too deeply"),
        ("- " + "{a: " * DEEP, "nested too deeply"),
        ("- " * DEEP + "x", "nested too deeply"),
        ("".join(" " * level + "-\n" for level in range(500)), "nested too deeply"),
        ("\n".join(["-", "  - &l0 [x]", *ALIASES]), "aliases"),
    ],
    ids=["lists", "maps", "items", "lines", "an alias bomb"],
)
def test_yaml_that_would_take_all_memory_is_refused(run: Run, folder: Path, text: str, reason: str) -> None:
    (folder / "a.yaml").write_text(text)
    assert reason in run("batch", "plan", "a.yaml", code=2)["error"]["message"]


def test_a_yaml_row_with_a_field_twice_is_wrong(run: Run, folder: Path) -> None:
    rows = "- prompt: A boat\n  prompt: A kite\n- {prompt: A, metadata: {a: 1, a: 2}}\n- prompt: A tram\n"
    rows += '- {prompt: A boat, " prompt": A kite}\n'
    (folder / "a.yaml").write_text(rows)
    found = [row["reason"] for row in run("batch", "plan", "a.yaml", code=3)["rows"]]
    assert found == ["The row has a field twice: prompt.", "The row has a field twice: a.", "", found[0]]


def test_names_and_prompts_with_escape_sequences_do_not_control_the_terminal(say: Say, folder: Path) -> None:
    escape = "\x1b[2J\x9b\u202e[/red]"
    row = {"id": escape, "prompt": f"A boat {escape}", f"f{escape}": "1", "size": escape}
    (folder / "a.jsonl").write_text(json.dumps(row) + "\n")
    (folder / "b.csv").write_text(f"prompt,{escape},{escape}\na,b,c\n")
    printed = "".join(
        (*say("batch", "plan", "a.jsonl", code=3), *say("batch", "plan", "b.csv", code=2)),
    )
    assert "A boat" in printed
    assert "column twice" in printed
    assert not {"\x1b", "\x9b", "\u202e"} & set(printed)


def test_a_password_in_the_url_is_neither_printed_nor_stored(say: Say, folder: Path) -> None:
    (folder / "shots.csv").write_text("prompt,seconds\nA red kite,4\n")
    command = ("batch", "run", "shots.csv", "--max-jobs", "1", "--yes", "--url")
    with ScriptedUpstream({"otherwise": {"polls": 0}}) as upstream:
        printed = [*say(*command, upstream.url.replace("://", "://user:hunter2@"))]
    printed += say(*command, "http://user:hunter2@elsewhere.test/v1", code=2)
    printed += say(*command, "http://user:hunter2/x@elsewhere.test/v1", code=2)
    assert "hunter2" not in "".join(printed)
    for path in (folder / "shots.batch").rglob("*"):
        assert path.is_dir() or b"hunter2" not in path.read_bytes()
