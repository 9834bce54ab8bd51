"""`safelight check --rows`: every prompt of a file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from safelight.cli.output import Exit
from support.commands import Run, Say

CALM = "A paper boat drifts across a pond in spring rain"
#: Blocked by the policy, by the safety test card.
BLOCKED = "SAFELIGHT-TEST:violence"
#: Allowed, and a filter of a provider may misread it.
RISKY = "A blood moon over crashing waves at night"


@pytest.fixture(autouse=True)
def _quick(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SAFELIGHT_DATA", str(folder / "none"))
    (folder / "safelight.toml").write_text("[detectors]\nminilm = false\n")


def rows(say: Say, *options: str, code: int) -> list[dict[str, Any]]:
    out = say("check", "--rows", *options, "--json", code=code).out
    return [json.loads(line) for line in out.splitlines()]


def test_a_line_for_each_row_that_is_not_allowed_and_a_summary(say: Say, folder: Path) -> None:
    (folder / "a.txt").write_text(f"{CALM}\n\n{BLOCKED}\n")
    assert say("check", "--rows", "a.txt", code=Exit.BLOCKED).out == (
        "Row 2, line 3: blocked (Violence, card-1). The safety test card for violence.\n"
        "Rows: 2. 1 allowed, 1 blocked.\n"
    )
    said = say("check", "--rows", "a.txt", "--lang", "zh-Hant", code=Exit.BLOCKED).out
    assert said.startswith("第 2 筆（第 3 行）：攔阻（暴力、card-1）")


def test_json_has_an_object_a_row(say: Say, folder: Path) -> None:
    (folder / "a.csv").write_text(f"prompt\n{CALM}\n{CALM}, {BLOCKED}\n{BLOCKED}\n")
    first, second, third = rows(say, "a.csv", "--lang", "zh-Hans", code=Exit.BLOCKED)
    assert first == {
        "row": 1,
        "line": 2,
        "exit": 0,
        "action": "allow",
        "categories": [],
        "rule": "",
        "reason": "",
        "answer": "help",
        "risk_level": "unknown",
        "template_required": False,
    }
    assert (second["line"], second["action"], second["exit"]) == (3, "not_checked", Exit.NOT_COVERED)
    assert (third["line"], third["action"], third["rule"]) == (4, "block", "card-1")
    assert third["categories"] == ["violence"]
    assert second.keys() == third.keys() == first.keys()
    assert all(row["reason"].isascii() for row in (second, third)), "JSON is in English"


def test_the_risk_of_a_provider_and_a_person_in_distress_are_reported(say: Say, folder: Path) -> None:
    (folder / "a.jsonl").write_text(
        "\n".join(json.dumps({"text": text}) for text in (CALM, RISKY, "I want to end my life")) + "\n"
    )
    assert "Risk that the provider refuses" not in say("check", "--rows", "a.jsonl").out
    risky, distress, summary = say("check", "--rows", "a.jsonl", "--provider", "veo").out.splitlines()
    assert risky.startswith("Row 2, line 2: allowed. Risk that the provider refuses: Medium.")
    assert distress.startswith("Row 3, line 3: allowed (")
    assert "Please talk to someone" in distress
    assert "988" in distress
    assert "Risk that" not in distress
    assert summary == "Rows: 3. 3 allowed."


def test_what_cannot_be_read_is_not_covered_and_what_was_read_is_checked(say: Say, folder: Path) -> None:
    (folder / "a.jsonl").write_bytes(json.dumps({"prompt": CALM}).encode() + b"\nbad\n\xff\n")
    assert say("check", "--rows", "a.jsonl", code=Exit.NOT_COVERED).out == (
        "Row 2, line 2: not checked. The line is not JSON.\n"
        "Not checked: Line 3 of a.jsonl is not UTF-8 text. It and the lines after it were not read.\n"
        "Rows: 3. 1 allowed, 2 not checked.\n"
    )
    (folder / "b.jsonl").write_text('{"prompt": "a \\ud800"}\n' + json.dumps({"prompt": "a" * 40_000}))
    lost, long = rows(say, "b.jsonl", code=Exit.NOT_COVERED)
    assert "lost in another encoding" in lost["reason"]
    assert "the maximum is 32000" in long["reason"]


def test_a_prompt_cannot_forge_a_line_and_a_missing_file_or_another_option_is_refused(
    run: Run, say: Say, folder: Path
) -> None:
    name = "a\nRow 9: forged\x1b[2J.txt"
    (folder / name).write_bytes(b"\xff")
    out = say("check", "--rows", name, code=Exit.NOT_COVERED).out
    assert len(out.splitlines()) == 2
    assert "\x1b" not in out
    assert "cannot be read" in run("check", "--rows", "missing.txt", code=1)["error"]["message"]
    for more in (["a cat"], ["--file", "a.txt"], ["--try"], ["--age", "30"]):
        assert run("check", "--rows", "a.txt", *more, code=1)["error"]["param"] == "rows"


def test_lint_names_the_command_that_replaces_it(run: Run, say: Say) -> None:
    error = run("lint", "prompts.txt", code=Exit.CONFIGURATION)["error"]
    assert error["message"] == "No such command 'lint'."
    assert error["remedy"] == "Use safelight check --rows FILE instead."
    assert (
        "請改用 safelight check --rows FILE。"
        in say("--lang", "zh-Hant", "lint", code=Exit.CONFIGURATION).err
    )
