"""`safelight triggers`: the words of a prompt that a command refuses."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from safelight.cli import main
from safelight.cli.exit_codes import Exit

PROMPT = "A person standing alone on a rooftop at night, looking down at the city"
FILTER = """
import sys
from pathlib import Path
text, log = sys.stdin.read(), Path({log!r})
log.write_text(log.read_text() + text + "\\n" if log.exists() else text + "\\n")
sys.exit({answer})
"""
REFUSES = '3 if "rooftop" in text and "night" in text else 0'


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SAFELIGHT_DATA", str(tmp_path / "data"))
    return tmp_path


def judge(folder: Path, answer: str = REFUSES) -> str:
    script = folder / "judge.py"
    script.write_text(FILTER.format(log=str(folder / "asked"), answer=answer))
    return shlex.join([sys.executable, "-S", "-I", str(script)])


def asked(folder: Path) -> list[str]:
    return (folder / "asked").read_text().splitlines()


def test_the_words_are_found_with_few_tests(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["triggers", PROMPT, "--exec", judge(folder), "--json"]) == Exit.OK
    said = json.loads(capsys.readouterr().out)
    (found,) = said["sets"]
    assert [word["text"] for word in found["triggers"]] == ["rooftop", "at night"]
    assert said["tests"] == len(asked(folder)) <= 12
    (without,) = said["accepted_without"]
    assert without["text"] in ("rooftop", "at night")
    assert without["text"] not in asked(folder)[-1]
    start, end = found["triggers"][0]["start"], found["triggers"][0]["end"]
    assert PROMPT[start:end] == "on a rooftop "


def test_one_word_is_not_called_together_and_no_certainty_is_stated(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = judge(folder, '3 if "kitten" in text else 0')
    assert main(["triggers", "A small kitten in a red basket by the window", "--exec", command]) == Exit.OK
    said = capsys.readouterr().out
    assert "Refused because of: “kitten”." in said
    assert "It is not certain" in " ".join(said.split())
    assert "together" not in said
    assert "%" not in said


def test_ctrl_c_lets_the_running_command_end_and_the_search_goes_on_from_its_record(folder: Path) -> None:
    """As at a terminal: the signal reaches the whole process group."""
    waits = f"(__import__('time').sleep(1 / len(log.read_text().splitlines()) ** 4), {REFUSES})[1]"
    command = [sys.executable, "-m", "safelight", "triggers", PROMPT, "--record", "record.jsonl", "--json"]
    child = subprocess.Popen(
        [*command, "--exec", judge(folder, waits)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    while not (folder / "asked").exists() and child.poll() is None:
        time.sleep(0.02)
    os.killpg(child.pid, signal.SIGINT)
    out, err = child.communicate(timeout=60)
    assert child.returncode == Exit.INTERRUPTED, err
    found = json.loads(out)
    assert (found["result"], found["tests"]) == ("stopped", len(asked(folder)))
    assert main([*command[3:], "--exec", judge(folder, waits)]) == Exit.OK
    assert len(asked(folder)) <= 12


def test_a_search_goes_on_from_its_record_after_a_cut_off_line(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["triggers", PROMPT, "--record", "record.jsonl", "--exec"]
    assert main([*command, judge(folder)]) == Exit.OK
    whole = capsys.readouterr().out
    record, tests = folder / "record.jsonl", asked(folder)
    lines = record.read_bytes().splitlines(keepends=True)
    record.write_bytes(b"".join(lines[:4]) + lines[4][:10])
    (folder / "asked").unlink()
    assert main([*command, judge(folder)]) == Exit.OK
    assert capsys.readouterr().out == whole
    assert asked(folder) == tests[3:], "answers of the record are not asked for again"


@pytest.mark.parametrize(
    "first",
    ["{}", '{"object": "trigger_search", "version": 99}', '["kept"]', '{"version": 1}\n{"kept": [99]}'],
)
def test_a_record_of_something_else_is_refused_and_kept(
    folder: Path, capsys: pytest.CaptureFixture[str], first: str
) -> None:
    record = folder / "record.jsonl"
    record.write_text(first + "\n")
    assert main(["triggers", PROMPT, "--record", str(record), "--exec", judge(folder)]) == Exit.ERROR
    assert "another prompt" in capsys.readouterr().err
    assert record.read_text() == first + "\n"
    assert not (folder / "asked").exists()


def test_an_unfinished_search_names_a_group_and_no_single_word(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["triggers", PROMPT, "--exec", judge(folder), "--tests", "2", "--json"]
    assert main(command) == Exit.NOT_COVERED
    said = json.loads(capsys.readouterr().out)
    assert said["result"] == "ceiling"
    for found in said["sets"]:
        assert not {word["text"] for word in found["triggers"]} - {"rooftop", "at night"}


@pytest.mark.parametrize(
    ("answer", "message"),
    [("5", "ended with exit code 5"), ("__import__('time').sleep(60)", "gave no answer in 1 s")],
)
def test_a_command_without_an_answer_ends_the_search(
    folder: Path, capsys: pytest.CaptureFixture[str], answer: str, message: str
) -> None:
    assert main(["triggers", PROMPT, "--exec", judge(folder, answer), "--timeout", "1"]) == Exit.ERROR
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([PROMPT], "--exec"),
        ([PROMPT, "--exec", "/no/such/program"], "cannot be run"),
        (["rooftop", "--exec", "true"], "at least two words"),
    ],
)
def test_wrong_use_is_named(capsys: pytest.CaptureFixture[str], arguments: list[str], message: str) -> None:
    assert main(["triggers", *arguments]) in (Exit.ERROR, Exit.CONFIGURATION)
    assert message in capsys.readouterr().err


def test_nothing_is_asked_where_the_gate_of_help_is_closed(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    prompt = "SAFELIGHT-TEST:violence on a rooftop at night"
    assert main(["triggers", prompt, "--exec", judge(folder)]) == Exit.ERROR
    assert "does not help" in capsys.readouterr().err
    assert not (folder / "asked").exists()


def test_more_tests_go_on_from_the_answers_of_fewer(folder: Path) -> None:
    command = ["triggers", PROMPT, "--exec", judge(folder), "--record", "record.jsonl", "--tests"]
    assert main([*command, "3"]) == Exit.NOT_COVERED
    first = asked(folder)
    assert main([*command, "0"]) == Exit.OK
    assert asked(folder)[:3] == first
    assert len(asked(folder)) == len((folder / "record.jsonl").read_text().splitlines()) - 1


def test_a_record_of_another_command_is_refused(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["triggers", PROMPT, "--record", "record.jsonl", "--exec"]
    assert main([*command, judge(folder)]) == Exit.OK
    assert main([*command, judge(folder) + " other"]) == Exit.ERROR
    assert "another prompt, command, provider or version" in capsys.readouterr().err


def test_what_was_found_before_an_error_is_printed(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    answer = '(3 if "rooftop" in text else 0) if len(log.read_text().splitlines()) < 5 else 9'
    assert main(["triggers", PROMPT, "--exec", judge(folder, answer)]) == Exit.ERROR
    said = capsys.readouterr().out
    assert "rooftop" in said
    assert "All allowed tests were used" not in said


def test_a_prompt_of_chinese_words_is_searched_too(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    answer = '3 if "天台" in text else 0'
    script = judge(folder, answer).replace("-S -I", "-X utf8")
    assert main(["triggers", "夜裡，一個女人站在天台上看城市", "--exec", script, "--json"]) == Exit.OK
    (found,) = json.loads(capsys.readouterr().out)["sets"]
    assert [word["text"] for word in found["triggers"]] == ["天台"]
