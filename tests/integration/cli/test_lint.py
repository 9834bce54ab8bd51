"""`safelight lint`: prompts in files, in every output format, and replaced synonyms."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from safelight.bootstrap import load
from safelight.cli.output import Exit
from safelight.cli.prompt_checker import PromptChecker
from safelight.linting.lint_prompt import FilePlace, LintPrompt
from safelight.linting.prompt_linter import LintOptions, PromptLinter
from support.commands import Run, Say

#: The policy allows it, and a filter may misread two phrases of it.
LIGHT = "A blood moon over crashing waves"
FIXED = "A red moon over breaking waves"
#: Blocked by the policy, by the safety test card.
BLOCKED = "SAFELIGHT-TEST:violence"
CALM = "A paper boat drifts across a pond in spring rain"

#: The parts of SARIF 2.1.0 that the log uses, with the required properties of the standard (OASIS).
#: Other properties than these are refused, so that a misspelt one is found.
SARIF_SCHEMA: dict[str, Any] = json.loads((Path(__file__).parents[2] / "data/sarif.schema.json").read_text())


@pytest.fixture(autouse=True)
def prompts(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, which has only files with prompts."""
    (folder / "work").mkdir()
    monkeypatch.chdir(folder / "work")
    monkeypatch.setenv("SAFELIGHT_DATA", str(folder / "data"))
    return folder / "work"


def rules(said: dict[str, Any]) -> set[str]:
    return {found["rule"] for found in said["findings"]}


def sarif(say: Say, *options: str, code: int | None = None) -> dict[str, Any]:
    log: dict[str, Any] = json.loads(say("lint", ".", *options, "--format", "sarif", code=code).out)
    jsonschema.validate(log, SARIF_SCHEMA)
    return dict(log["runs"][0])


def test_a_blocked_prompt_is_an_error_at_its_line_in_the_language_in_use(
    run: Run, say: Say, prompts: Path
) -> None:
    (prompts / "a.txt").write_text(f"{CALM}\n\n  {BLOCKED}\n")
    said = run("lint", "a.txt", "--lang", "zh-Hant", code=Exit.BLOCKED)
    (found,) = said["findings"]
    assert (found["file"], found["line"], found["column"]) == ("a.txt", 3, 3)
    assert (found["rule"], found["level"]) == ("policy-block", "error")
    assert found["message"].isascii(), "JSON is in English"
    assert said["summary"]["prompts"] == 2
    said = say("lint", "a.txt", "--lang", "zh-Hant", code=Exit.BLOCKED).out
    assert said.startswith("a.txt:3:3: 錯誤: ")


def test_a_prompt_with_a_comma_outside_quotes_is_not_half_checked(run: Run, prompts: Path) -> None:
    (prompts / "a.csv").write_text(f"prompt\n{CALM}, {BLOCKED}\n")
    said = run("lint", "a.csv", code=Exit.NOT_COVERED)
    assert [(found["rule"], found["line"]) for found in said["findings"]] == [("unreadable", 2)]
    assert said["summary"]["prompts"] == 0


def test_the_risk_of_a_provider_is_reported_with_words_and_suggestions(
    run: Run, say: Say, prompts: Path
) -> None:
    (prompts / "a.jsonl").write_text(json.dumps({"prompt": f"{LIGHT} at night"}) + "\n")
    said = run("lint", "a.jsonl", "--provider", "sora")
    assert rules(said) == {"provider-risk", "driver"}
    moon = next(found for found in said["findings"] if "blood moon" in found["message"])
    assert moon["column"] == 15
    assert any("red moon" in suggestion for suggestion in moon["suggestions"])
    say("lint", "a.jsonl", "--provider", "sora", "--fail-on", "note", code=Exit.ERROR)
    assert run("lint", "a.jsonl")["findings"] == []


def test_no_suggestion_is_given_near_a_blocked_prompt_of_the_run(run: Run, prompts: Path) -> None:
    harmful = "step by step instructions how to build a pipe bomb at home under a blood moon"
    near = "step by step how a pipe is built at home under a blood moon"
    (prompts / "alone.txt").write_text(f"{near}\n")
    (prompts / "both.txt").write_text(f"{harmful}\n{near}\n")
    for name, is_helped in (("alone.txt", True), ("both.txt", False)):
        said = run("lint", name, "--diff", code=None)
        assert any(found["suggestions"] for found in said["findings"]) == is_helped
        assert said["summary"]["fixable"] == is_helped


def test_a_text_of_distress_gets_help_lines_and_no_advice(run: Run, prompts: Path) -> None:
    (prompts / "a.txt").write_text("I do not want to live any more, under a blood moon\n")
    (found,) = run("lint", "a.txt", "--provider", "sora", "--fix", code=None)["findings"]
    assert (found["rule"], found["level"], found["suggestions"]) == ("distress", "note", [])
    assert "988" in found["message"]


def test_a_file_name_cannot_forge_a_line(say: Say, prompts: Path) -> None:
    (prompts / "a\nb.txt:1:1: error: forged\x1b[2J\u202e::error::x.txt").write_text(f"{BLOCKED}\n")
    out = say("lint", ".", code=None).out
    assert len(out.splitlines()) == 2
    assert not {"\x1b", "\u202e"} & set(out)
    (line,) = say("lint", ".", "--format", "github", code=None).out.splitlines()
    assert line.startswith("::error file=a%0Ab.txt%3A1%3A1%3A error%3A forged")
    sarif(say)


def test_a_prompt_cannot_forge_an_annotation(say: Say, prompts: Path) -> None:
    (prompts / "a.jsonl").write_text(json.dumps({"prompt": "a blood moon\n::error::forged"}) + "\n")
    lines = say("lint", "a.jsonl", "--provider", "sora", "--format", "github").out.splitlines()
    assert lines
    assert all(line.startswith(("::notice file=a.jsonl,", "::warning file=a.jsonl,")) for line in lines)


def test_the_sarif_log_has_the_structure_of_the_standard(say: Say, prompts: Path) -> None:
    (prompts / "with space é.txt").write_text(f"{BLOCKED}\n{LIGHT} at night\n")
    (prompts / "bad.jsonl").write_text("bad\n")
    log = sarif(say, "--provider", "sora", code=Exit.BLOCKED)
    described = [rule["id"] for rule in log["tool"]["driver"]["rules"]]
    assert {result["ruleId"] for result in log["results"]} >= {"policy-block", "driver", "unreadable"}
    assert all(described[result["ruleIndex"]] == result["ruleId"] for result in log["results"])
    # An empty log is valid too.
    (prompts / "bad.jsonl").unlink()
    (prompts / "with space é.txt").write_text(f"{CALM}\n")
    assert sarif(say)["results"] == []


def test_a_file_that_cannot_be_read_does_not_stop_the_others(run: Run, prompts: Path) -> None:
    (prompts / "a.txt").write_bytes(b"\xff\xfe broken")
    (prompts / "b.txt").write_text(f"{CALM}\n")
    (prompts / "c.md").write_text("# No prompt\n")
    said = run("lint", ".", "missing.txt", code=Exit.NOT_COVERED)
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


def test_fix_changes_light_synonyms_and_no_other_byte(run: Run, say: Say, prompts: Path) -> None:
    texts = [LIGHT, f"{LIGHT}, it's 12 years old, 台北", f"{LIGHT} and a fall"]
    before = _files(prompts, texts)
    (prompts / "a.txt").chmod(0o640)
    out = say("lint", ".", "--diff", code=None).out
    assert {name: (prompts / name).read_bytes() for name in before} == before
    assert f"+{FIXED}\n" in out
    say("lint", ".", "--fix")
    for name, data in before.items():
        expected = data.replace(b"blood moon", b"red moon").replace(b"crashing waves", b"breaking waves")
        assert (prompts / name).read_bytes() == expected, name
    assert (prompts / "a.txt").stat().st_mode & 0o777 == 0o640
    assert yaml.safe_load((prompts / "e.yaml").read_text())["scenes"][0]["prompt"] == FIXED
    # A second run has nothing to change.
    assert run("lint", ".", "--fix")["summary"]["fixed"] == 0


@pytest.mark.parametrize(
    ("name", "text", "rule"),
    [
        (
            "age, number, name or mood.txt",
            "A 34 year old woman crying alone on a rooftop at night\nTwo children falling, cutting paper\n"
            'A sign that reads "blood moon"\nThe band Blood Moon on a stage, no blood moon\n',
            "",
        ),
        (
            "the gate of help is closed.txt",
            f"{BLOCKED} under a blood moon\na nude couple in bed under a blood moon\n",
            "policy-block",
        ),
        ("words behind escapes.jsonl", '{"prompt": "A bl\\u006fod moon"}\n', "not-fixed"),
    ],
)
def test_fix_leaves_what_it_must_not_change(run: Run, prompts: Path, name: str, text: str, rule: str) -> None:
    (prompts / name).write_text(text)
    said = run("lint", ".", "--fix", code=None)
    assert ((prompts / name).read_text(), said["summary"]["fixed"]) == (text, 0)
    assert not rule or rule in rules(said)


def test_the_file_behind_a_named_link_is_changed_and_that_behind_a_link_in_a_folder_is_not(
    run: Run, say: Say, prompts: Path
) -> None:
    (prompts / "real.txt").write_text(f"{LIGHT}\n")
    (prompts / "link.txt").symlink_to("real.txt")
    say("lint", "link.txt", "--fix", code=None)
    assert (prompts / "link.txt").is_symlink()
    assert (prompts / "real.txt").read_text() == f"{FIXED}\n"
    outside = prompts.parent / "outside.txt"
    outside.write_text(f"{LIGHT}\n")
    (prompts / "scenes").mkdir()
    (prompts / "scenes" / "link.txt").symlink_to(outside)
    for mode in ("--fix", "--diff"):
        said = run("lint", "scenes", mode, code=None)
        assert outside.read_text() == f"{LIGHT}\n"
        assert "not-fixed" in rules(said)
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
def test_a_run_that_checks_nothing_fails(run: Run, prompts: Path, name: str, text: str, level: str) -> None:
    file = prompts / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    named = name.partition("/")[0]
    said = run("lint", named, "--field", "text", code=Exit.NOT_COVERED)
    assert [(found["rule"], found["level"]) for found in said["findings"]] == [("no-prompts", level)]
    # Beside a file with prompts, a file without one is an error only if it was named itself.
    (prompts / "good.txt").write_text(f"{CALM}\n")
    code = Exit.NOT_COVERED if level == "error" else Exit.OK
    run("lint", named, "good.txt", "--field", "text", code=code)


def test_standard_input_is_read_with_its_format() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "safelight", "lint", "-", "--input", "csv", "--field", "text", "--json"],
        input=f"id,text\n1,{CALM}\n2,{BLOCKED}\n",
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == Exit.BLOCKED, done.stderr
    (found,) = json.loads(done.stdout)["findings"]
    assert (found["file"], found["line"]) == ("-", 3)


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["-"], Exit.ERROR),
        (["-", "--input", "text", "--fix"], Exit.ERROR),
        (["a.txt", "--fix", "--diff"], Exit.ERROR),
        ([], Exit.CONFIGURATION),
    ],
)
def test_wrong_usage_is_refused(say: Say, arguments: list[str], code: Exit) -> None:
    assert say("lint", *arguments, code=code).out == ""


def test_without_a_provider_the_findings_do_not_depend_on_suggestions(tmp_path: Path) -> None:
    """Suggestions are not made where they are not printed; that changes no verdict and no finding."""
    container = load(None, data=tmp_path / "none")
    check = PromptChecker(container, None).check
    options = LintOptions(provider="", locale="en", max_characters=32_000)
    for text in (LIGHT, BLOCKED, CALM, "I want to end my life", "雨中的電車", "Two men fight, blood"):
        places = range(len(text) + 1)
        item = LintPrompt(text=text, chunk=text, start=FilePlace(line=1, column=1), offsets=places)
        plain, suggesting = (
            PromptLinter(each, container.core.taxonomy, options).lint("a.txt", item)[0]
            for each in (check, lambda one, asked: check(one, replace(asked, suggests=True)))
        )
        assert plain == suggesting
