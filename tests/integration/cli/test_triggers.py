"""`safelight triggers`: the words of a prompt that a command refuses."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from safelight.cli.output import Exit
from support.commands import Run, Say

PROMPT = "A person standing alone on a rooftop at night, looking down at the city"
FILTER = """
import sys
from pathlib import Path
text, log = sys.stdin.read(), Path({log!r})
log.write_text(log.read_text() + text + "\\n" if log.exists() else text + "\\n")
sys.exit({answer})
"""
REFUSES = '3 if "rooftop" in text and "night" in text else 0'
RECORD = ("triggers", PROMPT, "--record", "record.jsonl", "--exec")


@pytest.fixture(autouse=True)
def _data(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SAFELIGHT_DATA", str(folder / "data"))


def judge(folder: Path, answer: str = REFUSES) -> str:
    script = folder / "judge.py"
    script.write_text(FILTER.format(log=str(folder / "asked"), answer=answer))
    return shlex.join([sys.executable, "-S", "-I", str(script)])


def asked(folder: Path) -> list[str]:
    return (folder / "asked").read_text().splitlines()


def words(found: dict[str, Any]) -> list[str]:
    return [word["text"] for word in found["triggers"]]


def test_the_words_are_found_with_few_tests(run: Run, folder: Path) -> None:
    said = run("triggers", PROMPT, "--exec", judge(folder))
    (found,) = said["sets"]
    assert words(found) == ["rooftop", "at night"]
    assert said["tests"] == len(asked(folder)) <= 12
    (without,) = said["accepted_without"]
    assert without["text"] in ("rooftop", "at night")
    assert without["text"] not in asked(folder)[-1]
    first = found["triggers"][0]
    assert PROMPT[first["start"] : first["end"]] == "on a rooftop "


def test_one_word_is_not_called_together_and_the_certainty_is_stated(say: Say, folder: Path) -> None:
    command = judge(folder, '3 if "kitten" in text else 0')
    said = say("triggers", "A small kitten in a red basket by the window", "--exec", command).out
    assert "Refused because of: “kitten”." in said
    assert "It is not certain" in " ".join(said.split())
    assert "together" not in said
    assert re.search(r"\(\d\d %\)", said)


def test_ctrl_c_lets_the_running_command_end_and_the_search_goes_on_from_its_record(
    run: Run, folder: Path
) -> None:
    """As at a terminal: the signal reaches the whole process group."""
    waits = f"(__import__('time').sleep(1 / len(log.read_text().splitlines()) ** 4), {REFUSES})[1]"
    command = (*RECORD, judge(folder, waits))
    child = subprocess.Popen(
        [sys.executable, "-m", "safelight", *command, "--json"],
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
    run(*command)
    assert len(asked(folder)) <= 12


def test_a_search_goes_on_from_its_record_after_a_cut_off_line_and_another_command_is_refused(
    say: Say, folder: Path
) -> None:
    command = judge(folder)
    whole = say(*RECORD, command).out
    record, tests = folder / "record.jsonl", asked(folder)
    lines = record.read_bytes().splitlines(keepends=True)
    record.write_bytes(b"".join(lines[:4]) + lines[4][:10])
    (folder / "asked").unlink()
    assert say(*RECORD, command).out == whole
    assert asked(folder) == tests[3:], "answers of the record are not asked for again"
    said = say(*RECORD, f"{command} other", code=Exit.ERROR).err
    assert "another prompt, command, provider or version" in said


@pytest.mark.parametrize(
    "first",
    ["{}", '{"object": "trigger_search", "version": 99}', '["kept"]', '{"version": 1}\n{"kept": [99]}'],
)
def test_a_record_of_something_else_is_refused_and_kept(say: Say, folder: Path, first: str) -> None:
    record = folder / "record.jsonl"
    record.write_text(first + "\n")
    assert "another prompt" in say(*RECORD, judge(folder), code=Exit.ERROR).err
    assert record.read_text() == first + "\n"
    assert not (folder / "asked").exists()


def test_an_unfinished_search_names_no_other_word_and_more_tests_go_on_from_its_answers(
    run: Run, folder: Path
) -> None:
    command = (*RECORD, judge(folder), "--tests")
    for tests in ("2", "3"):
        said = run(*command, tests, code=Exit.NOT_COVERED)
        assert said["result"] == "ceiling"
        assert all(set(words(found)) <= {"rooftop", "at night"} for found in said["sets"])
    first = asked(folder)
    run(*command, "0")
    assert asked(folder)[:3] == first
    assert len(asked(folder)) == len((folder / "record.jsonl").read_text().splitlines()) - 1


@pytest.mark.parametrize(
    ("answer", "message"),
    [("5", "ended with exit code 5"), ("__import__('time').sleep(60)", "gave no answer in 1 s")],
)
def test_a_command_without_an_answer_ends_the_search(
    say: Say, folder: Path, answer: str, message: str
) -> None:
    said = say("triggers", PROMPT, "--exec", judge(folder, answer), "--timeout", "1", code=Exit.ERROR)
    assert message in said.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([PROMPT], "--exec"),
        ([PROMPT, "--exec", "/no/such/program"], "cannot be run"),
        (["rooftop", "--exec", "true"], "at least two words"),
    ],
)
def test_wrong_use_is_named(say: Say, arguments: list[str], message: str) -> None:
    assert message in say("triggers", *arguments, code=range(1, 3)).err


def test_nothing_is_asked_where_the_gate_of_help_is_closed(say: Say, folder: Path) -> None:
    prompt = "SAFELIGHT-TEST:violence on a rooftop at night"
    assert "no suggestions" in say("triggers", prompt, "--exec", judge(folder), code=Exit.ERROR).err
    assert not (folder / "asked").exists()


def test_what_was_found_before_an_error_is_printed(say: Say, folder: Path) -> None:
    answer = '(3 if "rooftop" in text else 0) if len(log.read_text().splitlines()) < 5 else 9'
    said = say("triggers", PROMPT, "--exec", judge(folder, answer), code=Exit.ERROR).out
    assert "rooftop" in said
    assert "All allowed tests were used" not in said


def test_a_prompt_of_chinese_words_is_searched_too(run: Run, folder: Path) -> None:
    script = judge(folder, '3 if "天台" in text else 0').replace("-S -I", "-X utf8")
    (found,) = run("triggers", "夜裡，一個女人站在天台上看城市", "--exec", script)["sets"]
    assert words(found) == ["天台"]
