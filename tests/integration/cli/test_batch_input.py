"""`safelight batch` with broken and hostile files: a clear error, and nothing that controls the terminal."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from safelight.cli import main
from safelight.testing.upstream import ScriptedUpstream

DEEP = 100_000


@pytest.fixture(autouse=True)
def _nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("SAFELIGHT_URL", "SAFELIGHT_API_KEY"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(
    "text",
    [
        "- " + "[" * DEEP + "]" * DEEP,
        "- " + "{a: " * DEEP,
        "- " * DEEP + "x",
        "".join(" " * level + "-\n" for level in range(500)),
    ],
)
def test_deeply_nested_yaml_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str) -> None:
    (tmp_path / "a.yaml").write_text(text)
    assert main(["batch", "plan", "a.yaml", "--json"]) == 2
    assert "nested too deeply" in json.loads(capsys.readouterr().out)["error"]["message"]


def test_an_alias_bomb_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    levels = [f"  - &l{n} [{', '.join([f'*l{n - 1}'] * 9)}]" for n in range(1, 10)]
    (tmp_path / "a.yaml").write_text("\n".join(["-", "  - &l0 [x]", *levels]))
    assert main(["batch", "plan", "a.yaml", "--json"]) == 2
    assert "aliases" in json.loads(capsys.readouterr().out)["error"]["message"]


def test_a_yaml_row_with_a_field_twice_is_wrong(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = "- prompt: A boat\n  prompt: A kite\n- {prompt: A, metadata: {a: 1, a: 2}}\n- prompt: A tram\n"
    rows += '- {prompt: A boat, " prompt": A kite}\n'
    (tmp_path / "a.yaml").write_text(rows)
    assert main(["batch", "plan", "a.yaml", "--json"]) == 3
    found = [row["reason"] for row in json.loads(capsys.readouterr().out)["rows"]]
    assert found == ["The row has a field twice: prompt.", "The row has a field twice: a.", "", found[0]]


def test_names_and_prompts_with_escape_sequences_do_not_control_the_terminal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    escape = "\x1b[2J\x9b\u202e[/red]"
    rows = [{"id": escape, "prompt": f"A boat {escape}", f"f{escape}": "1", "size": escape}]
    (tmp_path / "a.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (tmp_path / "b.csv").write_text(f"prompt,{escape},{escape}\na,b,c\n")
    assert main(["batch", "plan", "a.jsonl"]) == 3
    assert main(["batch", "plan", "b.csv"]) == 2
    printed = "".join(capsys.readouterr())
    assert "A boat" in printed
    assert "column twice" in printed
    assert not {"\x1b", "\x9b", "\u202e"} & set(printed)


def test_a_password_in_the_url_is_neither_printed_nor_stored(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "shots.csv").write_text("prompt,seconds\nA red kite,4\n")
    with ScriptedUpstream({"otherwise": {"polls": 0}}) as upstream:
        good = upstream.url.replace("://", "://user:hunter2@")
        command = ["batch", "run", "shots.csv", "--max-jobs", "1", "--yes", "--url"]
        assert main([*command, good]) == 0
    assert main([*command, "http://user:hunter2@elsewhere.test/v1"]) == 2
    assert main([*command, "http://user:hunter2/x@elsewhere.test/v1"]) == 2
    assert "hunter2" not in "".join(capsys.readouterr())
    for path in (tmp_path / "shots.batch").rglob("*"):
        assert path.is_dir() or b"hunter2" not in path.read_bytes()
