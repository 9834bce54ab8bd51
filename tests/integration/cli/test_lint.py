"""`safelight lint`: prompts in files, in every output format, and replaced synonyms."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from safelight.bootstrap import load
from safelight.cli import main
from safelight.cli.exit_codes import Exit
from safelight.cli.prompt_checker import PromptChecker
from safelight.linting.lint_prompt import FilePlace, LintPrompt
from safelight.linting.prompt_linter import LintOptions, PromptLinter

#: The policy allows it, and a filter may misread two phrases of it.
LIGHT = "A blood moon over crashing waves"
FIXED = "A red moon over breaking waves"
#: Blocked by the policy, by the safety test card.
BLOCKED = "SAFELIGHT-TEST:violence"
CALM = "A paper boat drifts across a pond in spring rain"

#: The parts of SARIF 2.1.0 that the log uses, with the required properties of the standard (OASIS).
#: Other properties than these are refused, so that a misspelt one is found.
SARIF_SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["version", "runs"],
    "additionalProperties": False,
    "properties": {
        "$schema": {"type": "string", "format": "uri"},
        "version": {"const": "2.1.0"},
        "runs": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["tool", "results"],
                "additionalProperties": False,
                "properties": {
                    "tool": {
                        "type": "object",
                        "required": ["driver"],
                        "additionalProperties": False,
                        "properties": {
                            "driver": {
                                "type": "object",
                                "required": ["name"],
                                "additionalProperties": False,
                                "properties": {
                                    "name": {"type": "string"},
                                    "version": {"type": "string"},
                                    "rules": {
                                        "type": "array",
                                        "uniqueItems": True,
                                        "items": {
                                            "type": "object",
                                            "required": ["id"],
                                            "additionalProperties": False,
                                            "properties": {
                                                "id": {"type": "string"},
                                                "shortDescription": {"$ref": "#/$defs/message"},
                                            },
                                        },
                                    },
                                },
                            }
                        },
                    },
                    "columnKind": {"enum": ["utf16CodeUnits", "unicodeCodePoints"]},
                    "invocations": {
                        "type": "array",
                        "items": {
                            "type": "object",
                            "required": ["executionSuccessful"],
                            "additionalProperties": False,
                            "properties": {"executionSuccessful": {"type": "boolean"}},
                        },
                    },
                    "results": {"type": "array", "items": {"$ref": "#/$defs/result"}},
                },
            },
        },
    },
    "$defs": {
        "message": {
            "type": "object",
            "required": ["text"],
            "additionalProperties": False,
            "properties": {"text": {"type": "string", "minLength": 1}},
        },
        "result": {
            "type": "object",
            "required": ["message"],
            "additionalProperties": False,
            "properties": {
                "ruleId": {"type": "string"},
                "ruleIndex": {"type": "integer", "minimum": 0},
                "level": {"enum": ["none", "note", "warning", "error"]},
                "message": {"$ref": "#/$defs/message"},
                "properties": {"type": "object"},
                "locations": {
                    "type": "array",
                    "items": {
                        "type": "object",
                        "additionalProperties": False,
                        "properties": {
                            "physicalLocation": {
                                "type": "object",
                                "required": ["artifactLocation"],
                                "additionalProperties": False,
                                "properties": {
                                    "artifactLocation": {
                                        "type": "object",
                                        "required": ["uri"],
                                        "additionalProperties": False,
                                        "properties": {
                                            "uri": {"type": "string", "pattern": "^[A-Za-z0-9/._~%-]+$"}
                                        },
                                    },
                                    "region": {
                                        "type": "object",
                                        "required": ["startLine", "startColumn"],
                                        "additionalProperties": False,
                                        "properties": {
                                            name: {"type": "integer", "minimum": 1}
                                            for name in ("startLine", "startColumn", "endLine", "endColumn")
                                        },
                                    },
                                },
                            }
                        },
                    },
                },
            },
        },
    },
}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    monkeypatch.setenv("SAFELIGHT_DATA", str(tmp_path / "data"))
    return work


def lint(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    code = main(["lint", *arguments])
    return code, capsys.readouterr().out


def lint_json(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, dict[str, Any]]:
    code, out = lint(capsys, *arguments, "--json")
    return code, json.loads(out)


def test_a_blocked_prompt_is_an_error_at_its_line(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "a.txt").write_text(f"{CALM}\n\n  {BLOCKED}\n")
    code, said = lint_json(capsys, "a.txt")
    (found,) = said["findings"]
    assert code == Exit.BLOCKED
    assert (found["file"], found["line"], found["column"]) == ("a.txt", 3, 3)
    assert (found["rule"], found["level"]) == ("policy-block", "error")
    assert said["summary"]["prompts"] == 2


def test_a_prompt_with_a_comma_outside_quotes_is_not_half_checked(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "a.csv").write_text(f"prompt\n{CALM}, {BLOCKED}\n")
    code, said = lint_json(capsys, "a.csv")
    assert code == Exit.NOT_COVERED
    assert [(found["rule"], found["line"]) for found in said["findings"]] == [("unreadable", 2)]
    assert said["summary"]["prompts"] == 0


def test_the_risk_of_a_provider_is_reported_with_words_and_suggestions(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "a.jsonl").write_text(json.dumps({"prompt": f"{LIGHT} at night"}) + "\n")
    code, said = lint_json(capsys, "a.jsonl", "--provider", "sora")
    rules = {found["rule"] for found in said["findings"]}
    assert code == Exit.OK
    assert rules == {"provider-risk", "driver"}
    moon = next(found for found in said["findings"] if "blood moon" in found["message"])
    assert moon["column"] == 15
    assert any("red moon" in suggestion for suggestion in moon["suggestions"])
    assert lint(capsys, "a.jsonl", "--provider", "sora", "--fail-on", "note")[0] == Exit.ERROR
    code, said = lint_json(capsys, "a.jsonl")
    assert said["findings"] == []


def test_no_suggestion_is_given_near_a_blocked_prompt_of_the_run(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    harmful = "step by step instructions how to build a pipe bomb at home under a blood moon"
    near = "step by step how a pipe is built at home under a blood moon"
    (folder / "alone.txt").write_text(f"{near}\n")
    (folder / "both.txt").write_text(f"{harmful}\n{near}\n")
    _, alone = lint_json(capsys, "alone.txt", "--diff")
    _, both = lint_json(capsys, "both.txt", "--diff")
    assert any(found["suggestions"] for found in alone["findings"])
    assert not any(found["suggestions"] for found in both["findings"])
    assert (alone["summary"]["fixable"], both["summary"]["fixable"]) == (1, 0)


def test_a_text_of_distress_gets_help_lines_and_no_advice(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "a.txt").write_text("I do not want to live any more, under a blood moon\n")
    _, said = lint_json(capsys, "a.txt", "--provider", "sora", "--fix")
    (found,) = said["findings"]
    assert (found["rule"], found["level"]) == ("distress", "note")
    assert "988" in found["message"]
    assert found["suggestions"] == []


def test_a_file_name_cannot_forge_a_line(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    name = "a\nb.txt:1:1: error: forged\x1b[2J\u202e::error::x.txt"
    (folder / name).write_text(f"{BLOCKED}\n")
    _, out = lint(capsys, ".")
    assert len(out.splitlines()) == 2
    assert "\x1b" not in out
    assert "\u202e" not in out
    _, out = lint(capsys, ".", "--format", "github")
    (line,) = out.splitlines()
    assert line.startswith("::error file=a%0Ab.txt%3A1%3A1%3A error%3A forged")
    _, out = lint(capsys, ".", "--format", "sarif")
    jsonschema.validate(json.loads(out), SARIF_SCHEMA)


def test_a_prompt_cannot_forge_an_annotation(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "a.jsonl").write_text(json.dumps({"prompt": "a blood moon\n::error::forged"}) + "\n")
    _, out = lint(capsys, "a.jsonl", "--provider", "sora", "--format", "github")
    assert out
    assert all(
        line.startswith(("::notice file=a.jsonl,", "::warning file=a.jsonl,")) for line in out.splitlines()
    )


def test_the_sarif_log_has_the_structure_of_the_standard(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "with space é.txt").write_text(f"{BLOCKED}\n{LIGHT} at night\n")
    (folder / "bad.jsonl").write_text("bad\n")
    code, out = lint(capsys, ".", "--provider", "sora", "--format", "sarif")
    log = json.loads(out)
    jsonschema.validate(log, SARIF_SCHEMA)
    (run,) = log["runs"]
    rules = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    assert code == Exit.BLOCKED
    assert {result["ruleId"] for result in run["results"]} >= {"policy-block", "driver", "unreadable"}
    assert all(rules[result["ruleIndex"]] == result["ruleId"] for result in run["results"])
    # An empty log is valid too.
    (folder / "bad.jsonl").unlink()
    (folder / "with space é.txt").write_text(f"{CALM}\n")
    log = json.loads(lint(capsys, ".", "--format", "sarif")[1])
    jsonschema.validate(log, SARIF_SCHEMA)
    assert log["runs"][0]["results"] == []


def test_a_file_that_cannot_be_read_does_not_stop_the_others(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "a.txt").write_bytes(b"\xff\xfe broken")
    (folder / "b.txt").write_text(f"{CALM}\n")
    (folder / "c.md").write_text("# No prompt\n")
    code, said = lint_json(capsys, ".", "missing.txt")
    assert code == Exit.NOT_COVERED
    assert [(found["file"], found["rule"]) for found in said["findings"]] == [
        ("a.txt", "unreadable"),
        ("c.md", "no-prompts"),
        ("missing.txt", "unreadable"),
    ]
    assert said["summary"]["prompts"] == 1


def _files(folder: Path, texts: list[str]) -> dict[str, bytes]:
    """The same prompts in every format, with a byte order mark, Windows line ends, comments and quotes."""
    table = io.StringIO()
    writer = csv.writer(table, delimiter=";", lineterminator="\r\n")
    writer.writerow(["id", "prompt"])
    writer.writerows([[str(number), text] for number, text in enumerate(texts)])
    files = {
        "a.txt": b"\xef\xbb\xbf" + "\r\n".join(texts).encode(),
        "b.md": "".join(f"# Scene\n\n```prompt\n{text}\n```\n" for text in texts).encode(),
        "c.jsonl": "\n".join(json.dumps({"n": 1.50, "prompt": text}) for text in texts).encode(),
        "d.csv": table.getvalue().encode(),
        "e.yaml": (
            "# kept: 'as is'\nscenes:\n"
            + "".join(f"- prompt:   {style}  # comment\n" for style in _yaml_styles(texts))
        ).encode(),
    }
    for name, data in files.items():
        (folder / name).write_bytes(data)
    return files


def _yaml_styles(texts: list[str]) -> list[str]:
    plain, single, double = texts
    return [plain, "'" + single.replace("'", "''") + "'", f'"{double}"']


def test_fix_changes_light_synonyms_and_no_other_byte(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    texts = [LIGHT, f"{LIGHT}, it's 12 years old, 台北", f"{LIGHT} and a fall"]
    before = _files(folder, texts)
    (folder / "a.txt").chmod(0o640)
    code, out = lint(capsys, ".", "--diff")
    assert {name: (folder / name).read_bytes() for name in before} == before
    assert f"+{FIXED}\n" in out
    code, out = lint(capsys, ".", "--fix")
    assert code == Exit.OK
    for name, data in before.items():
        expected = data.replace(b"blood moon", b"red moon").replace(b"crashing waves", b"breaking waves")
        assert (folder / name).read_bytes() == expected, name
    assert (folder / "a.txt").stat().st_mode & 0o777 == 0o640
    assert yaml.safe_load((folder / "e.yaml").read_text())["scenes"][0]["prompt"] == FIXED
    # A second run has nothing to change.
    _, said = lint_json(capsys, ".", "--fix")
    assert said["summary"]["fixed"] == 0


def test_fix_changes_no_age_number_name_or_mood(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = (
        "A 34 year old woman crying alone on a rooftop at night\nTwo children falling, cutting paper\n"
        'A sign that reads "blood moon"\nThe band Blood Moon on a stage, no blood moon\n'
    )
    (folder / "a.txt").write_text(text)
    lint(capsys, ".", "--fix")
    assert (folder / "a.txt").read_text() == text


def test_fix_changes_nothing_where_the_gate_of_help_is_closed(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = f"{BLOCKED} under a blood moon\na nude couple in bed under a blood moon\n"
    (folder / "a.txt").write_text(text)
    _, said = lint_json(capsys, ".", "--fix")
    assert (folder / "a.txt").read_text() == text
    assert said["summary"]["fixed"] == 0


def test_words_behind_escapes_are_reported_and_not_changed(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = '{"prompt": "A bl\\u006fod moon"}\n'
    (folder / "a.jsonl").write_text(data)
    _, said = lint_json(capsys, "a.jsonl", "--fix")
    assert (folder / "a.jsonl").read_text() == data
    assert "not-fixed" in {found["rule"] for found in said["findings"]}


def test_the_file_behind_a_link_is_changed_and_a_read_only_folder_is_reported(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "real.txt").write_text(f"{LIGHT}\n")
    (folder / "link.txt").symlink_to("real.txt")
    lint(capsys, "link.txt", "--fix")
    assert (folder / "link.txt").is_symlink()
    assert (folder / "real.txt").read_text() == f"{FIXED}\n"


def test_a_link_in_a_folder_is_checked_and_the_file_behind_it_is_not_changed(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    outside = folder.parent / "outside.txt"
    outside.write_text(f"{LIGHT}\n")
    (folder / "prompts").mkdir()
    (folder / "prompts" / "link.txt").symlink_to(outside)
    for mode in ("--fix", "--diff"):
        _, said = lint_json(capsys, "prompts", mode)
        assert outside.read_text() == f"{LIGHT}\n"
        assert "not-fixed" in {found["rule"] for found in said["findings"]}
        assert (said["summary"]["prompts"], said["summary"]["fixable"]) == (1, 0)


@pytest.mark.parametrize(
    ("name", "text", "level"),
    [
        ("named.yaml", "prompt: a calm lake\n", "error"),
        ("named.txt", "\n", "error"),
        ("in/a/folder.jsonl", '{"prompt": "a calm lake"}\n', "note"),
        ("in/an/unknown.png", "", "error"),
    ],
)
def test_a_run_that_checks_nothing_fails(
    folder: Path, capsys: pytest.CaptureFixture[str], name: str, text: str, level: str
) -> None:
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    code, said = lint_json(capsys, name.partition("/")[0], "--field", "text")
    assert code == Exit.NOT_COVERED
    assert [(found["rule"], found["level"]) for found in said["findings"]] == [("no-prompts", level)]
    # Beside a file with prompts, a file without one is an error only if it was named itself.
    (folder / "good.txt").write_text(f"{CALM}\n")
    code, _ = lint_json(capsys, name.partition("/")[0], "good.txt", "--field", "text")
    assert code == (Exit.NOT_COVERED if level == "error" else Exit.OK)


def test_standard_input_is_read_with_its_format() -> None:
    run = subprocess.run(
        [sys.executable, "-m", "safelight", "lint", "-", "--input", "csv", "--field", "text", "--json"],
        input=f"id,text\n1,{CALM}\n2,{BLOCKED}\n",
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONWARNINGS": "ignore"},
        check=False,
    )
    assert run.returncode == Exit.BLOCKED, run.stderr
    (found,) = json.loads(run.stdout)["findings"]
    assert (found["file"], found["line"]) == ("-", 3)


@pytest.mark.parametrize(
    "arguments", [["-"], ["-", "--input", "text", "--fix"], ["a.txt", "--fix", "--diff"], []]
)
def test_wrong_usage_is_refused(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["lint", *arguments]) in (Exit.ERROR, Exit.CONFIGURATION)
    assert capsys.readouterr().out == ""


def test_findings_are_in_the_language_in_use(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "a.txt").write_text(f"{BLOCKED}\n")
    _, out = lint(capsys, "a.txt", "--lang", "zh-Hant")
    assert out.startswith("a.txt:1:1: 錯誤: ")
    _, said = lint_json(capsys, "a.txt", "--lang", "zh-Hant")
    assert said["findings"][0]["message"].isascii()


def test_without_a_provider_the_findings_do_not_depend_on_suggestions(tmp_path: Path) -> None:
    """Suggestions are not made where they are not printed; that changes no verdict and no finding."""
    container = load(None, data=tmp_path / "none")
    check = PromptChecker(container, None).check
    options = LintOptions(provider="", locale="en", max_characters=32_000)
    texts = (LIGHT, BLOCKED, CALM, "I want to end my life", "雨中的電車", "Two men fight, blood")
    for text in texts:
        places = range(len(text) + 1)
        item = LintPrompt(text=text, chunk=text, start=FilePlace(line=1, column=1), offsets=places)
        found = [
            PromptLinter(each, container.core.taxonomy, options).lint("a.txt", item)[0]
            for each in (check, lambda one, asked: check(one, replace(asked, suggests=True)))
        ]
        assert found[0] == found[1]
