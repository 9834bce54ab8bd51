"""`safelight attempts` without a gateway: rows of people and of other programs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from safelight.cli.output import Exit
from safelight.core.i18n import load_messages
from safelight.providers.attempts.models import AttemptOutcome
from support.commands import Run, Say

BLOCK = '{"status": "FAILED", "failureCode": "SAFETY.OUTPUT.VIDEO"}'
UNVERIFIED = '{"error": {"code": "model_not_found", "message": "Your organization must be verified"}}'
PROMPT = ("--provider", "runway", "--prompt", "a child on a rooftop")
COST = ("--amount", "0.5", "--currency", "USD")


def add(run: Run, *options: str) -> dict[str, Any]:
    return dict(run("attempts", "add", *PROMPT, "--error", BLOCK, *options))


def test_an_added_attempt_is_explained_and_marked_as_reported(run: Run) -> None:
    added = add(run, "--time", "2026-11-20T14:05:00+08:00", "--model", "gen4")
    assert (added["origin"], added["reported"], added["outcome"]) == ("reported", True, "refused")
    assert (added["charged"], added["time"]) == ("yes", "2026-11-20T06:05:00+00:00")
    assert run("attempts", "show", added["id"]) == added
    listed = {name: value for name, value in added.items() if name not in ("gate", "provider_answer")}
    page = {"data": [listed], "first_id": added["id"], "last_id": added["id"], "has_more": False}
    assert run("attempts", "list") == {"object": "list", **page}
    assert run("attempts", "list", "--provider", "veo")["data"] == []
    assert run("attempts", "export") == {"object": "list", "data": [listed]}


def test_a_refund_is_added_to_its_attempt(run: Run) -> None:
    added = add(run, *COST)
    refunded = run("attempts", "add", "--refund-of", added["id"])
    assert (refunded["refunded"], refunded["is_refunded"]) == (0.5, True)
    error = run("attempts", "add", "--refund-of", added["id"], "--prompt", "x", code=Exit.ERROR)["error"]
    assert "--refund-of" in error["message"]


def test_an_export_can_be_imported_elsewhere(run: Run, say: Say, folder: Path) -> None:
    add(run, *COST)
    for name in ("jsonl", "csv"):
        path = folder / f"export.{name}"
        path.write_text(say("attempts", "export", "--format", name).out, encoding="utf-8")
        other = folder / name
        other.mkdir()
        with pytest.MonkeyPatch.context() as moved:
            moved.chdir(other)
            imported = run("attempts", "import", str(path))
            again = run("attempts", "import", str(path))
            assert again == {"object": "attempts.added", "data": [], "known": 1}
            (found,) = run("attempts", "list")["data"]
            assert imported == {"object": "attempts.added", "data": [found], "known": 0}
            assert (found["origin"], found["amount"], found["outcome"]) == ("imported", 0.5, "refused")
    assert "rooftop" not in say("attempts", "export", "--withhold-prompts").out


def test_a_broken_file_stores_nothing_and_names_the_line(run: Run, folder: Path) -> None:
    path = folder / "bill.csv"
    path.write_text("time,provider,error\n2026-11-20T14:05:00Z,veo,x\n2026-11-20,veo,x\n", encoding="utf-8")
    error = run("attempts", "import", str(path), code=Exit.ERROR)["error"]
    assert error["message"].startswith("Line 3: `time` has no time zone")
    assert run("attempts", "list")["data"] == []


@pytest.mark.parametrize(
    ("language", "outcome", "cause", "remedy", "plan"),
    [
        ("en", "refused by the provider", "the provider's filter", "Find the cause", "the plan or account"),
        ("zh-Hant", "被供應商拒絕", "供應商的過濾機制", "找出原因", "方案或帳號"),
        ("zh-Hans", "被服务商拒绝", "服务商的过滤机制", "找出原因", "方案或账号"),
    ],
)
def test_the_text_is_in_three_languages_and_names_the_cause_once_and_how_to_tell(
    run: Run, say: Say, language: str, outcome: str, cause: str, remedy: str, plan: str
) -> None:
    added = add(run, *COST, "--size", "1280x720", "--seconds", "5")
    assert added["gate"]["gate"] == "provider_filter"
    for command in (["list"], ["show", added["id"]]):
        said = say("attempts", *command, "--lang", language).out
        for words in (outcome, "$0.50", "a child on a rooftop"):
            assert words in said
    assert cause in said
    said = say("explain-error", BLOCK, "--lang", language).out
    assert cause not in said, "the row on the source says it"
    assert remedy in said
    assert plan in say("explain-error", UNVERIFIED, "--lang", language).out
    assert run("explain-error", BLOCK)["gate"] == added["gate"]


def test_every_outcome_has_a_text() -> None:
    assert all(load_messages("attempts").has(f"outcome.{outcome.value}") for outcome in AttemptOutcome)


def test_charged_refusals_are_a_table_for_the_support_of_the_provider(run: Run, say: Say) -> None:
    first = add(run, *COST, "--request-id", "task-1")["id"]
    add(run, "--amount", "0", "--request-id", "task-2")
    head, row = say("attempts", "export", "--charged", "--withhold-prompts").out.splitlines()
    assert head == "time,provider,request_id,prompt,error,amount,currency,source"
    assert ",runway,task-1,," in row
    assert ",0.5,USD," in row
    assert "rooftop" not in row
    run("attempts", "add", "--refund-of", first)
    assert run("attempts", "export", "--charged")["data"] == []
    assert "attempts export --charged" in say("attempts", "claim", code=Exit.CONFIGURATION).err


def test_the_same_prompt_that_passed_before_is_evidence(run: Run) -> None:
    run("attempts", "add", *PROMPT, "--file-came", "--time", "2026-11-20T14:05:00+08:00")
    (evidence,) = add(run, "--time", "2026-11-21T14:05:00+08:00")["gate"]["evidence"]
    assert (evidence["sign"], evidence["time"]) == ("passed_before", "2026-11-20T06:05:00+00:00")


def test_patterns_have_intervals(run: Run, say: Say) -> None:
    assert run("attempts", "patterns", code=Exit.NOT_COVERED) == {
        "object": "list",
        "data": [],
        "repeats": [],
        "has_more": False,
    }
    add(run)
    patterns = run("attempts", "patterns")["data"]
    provider = next(one for one in patterns if one["kind"] == "provider")
    assert (provider["refused"], provider["total"], provider["likely_cause"]) == (1, 1, False)
    assert 0.2 < provider["interval"][0] < 0.21
    said = say("attempts", "patterns").out
    assert "1 of 1 prompts refused (95 % interval 21 to 100 %, 1 attempts)" in said


THINGS = ("tree", "lamp", "stone", "cloud", "bridge", "bell", "door", "river")


def test_fifty_own_outcomes_give_a_check_a_percentage(run: Run, folder: Path) -> None:
    (folder / "safelight.toml").write_text("[detectors]\nminilm = false\n")

    def risk_after(first: int, last: int) -> dict[str, Any]:
        rows = [
            {
                "provider": "runway",
                "time": "2026-11-20T14:05:00+08:00",
                # Prompts that differ only in a number would count as one.
                "prompt": f"a paper boat {'with a kite' * (at % 2)}, {THINGS[at % 8]} and {THINGS[at // 8]}s",
                **({"error": BLOCK} if at % 2 else {"file_came": True}),
            }
            for at in range(first, last)
        ]
        path = folder / f"{last}.jsonl"
        path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
        run("attempts", "import", str(path))
        return dict(run("check", "a paper boat with a kite on a lake", "--provider", "runway")["risk"])

    assert risk_after(0, 49)["estimate"] is None
    found = risk_after(49, 60)
    estimate = found["estimate"]
    assert (found["level"], estimate["percent"] >= 60) == ("high", True)
    assert (estimate["prompts"], estimate["reported"], estimate["since"]) == (60, 60, "2026-11-20")
