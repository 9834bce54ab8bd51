"""`safelight attempts` without a gateway: rows of people and of other programs."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from safelight.attempts.models import AttemptOutcome
from safelight.cli import main
from safelight.cli.exit_codes import Exit

Run = Callable[..., tuple[int, Any]]
BLOCK = '{"status": "FAILED", "failureCode": "SAFETY.OUTPUT.VIDEO"}'
UNVERIFIED = '{"error": {"code": "model_not_found", "message": "Your organization must be verified"}}'


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    monkeypatch.chdir(tmp_path)

    def call(*arguments: str) -> tuple[int, Any]:
        code = main(["attempts", *arguments, "--json"])
        return code, json.loads(capsys.readouterr().out)

    return call


def add(run: Run, *options: str) -> dict[str, Any]:
    code, added = run(
        "add", "--provider", "runway", "--prompt", "a child on a rooftop", "--error", BLOCK, *options
    )
    assert code == Exit.OK, added
    assert isinstance(added, dict)
    return added


def test_an_added_attempt_is_explained_and_marked_as_reported(run: Run) -> None:
    added = add(run, "--time", "2026-11-20T14:05:00+08:00", "--model", "gen4")
    assert (added["origin"], added["reported"], added["outcome"]) == ("reported", True, "refused")
    assert (added["charged"], added["time"]) == ("yes", "2026-11-20T06:05:00+00:00")
    assert run("show", added["id"])[1] == added
    listed = {name: value for name, value in added.items() if name != "gate"}
    assert run("list")[1] == {"attempts": [listed], "has_more": False}
    assert run("list", "--provider", "veo")[1]["attempts"] == []


def test_a_refund_is_added_to_its_attempt(run: Run) -> None:
    added = add(run, "--amount", "0.5", "--currency", "USD")
    _, refunded = run("add", "--refund-of", added["id"])
    assert (refunded["refunded"], refunded["is_refunded"]) == (0.5, True)
    code, error = run("add", "--refund-of", added["id"], "--prompt", "x")
    assert code == Exit.ERROR
    assert "--refund-of" in error["error"]["message"]


def test_an_export_can_be_imported_elsewhere(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    add(run, "--amount", "0.5", "--currency", "USD")
    for name in ("jsonl", "csv"):
        main(["attempts", "export", "--format", name])
        path = tmp_path / f"export.{name}"
        path.write_text(capsys.readouterr().out, encoding="utf-8")
        other = tmp_path / name
        other.mkdir()
        with pytest.MonkeyPatch.context() as moved:
            moved.chdir(other)
            assert len(run("import", str(path))[1]["added"]) == 1
            assert run("import", str(path))[1] == {"added": [], "known": 1}
            (found,) = run("list")[1]["attempts"]
    assert (found["origin"], found["amount"], found["outcome"]) == ("imported", 0.5, "refused")
    main(["attempts", "export", "--withhold-prompts"])
    assert "rooftop" not in capsys.readouterr().out


def test_a_broken_file_stores_nothing_and_names_the_line(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "bill.csv"
    path.write_text("time,provider,error\n2026-11-20T14:05:00Z,veo,x\n2026-11-20,veo,x\n", encoding="utf-8")
    code, error = run("import", str(path))
    assert code == Exit.ERROR
    assert error["error"]["message"].startswith("Line 3: `time` has no time zone")
    assert run("list")[1]["attempts"] == []


@pytest.mark.parametrize(
    ("language", "words"),
    [("en", "refused by the provider"), ("zh-Hant", "被供應商拒絕"), ("zh-Hans", "被服务商拒绝")],
)
def test_the_text_is_in_three_languages(
    run: Run, capsys: pytest.CaptureFixture[str], language: str, words: str
) -> None:
    added = add(run, "--amount", "0.5", "--currency", "USD", "--size", "1280x720", "--seconds", "5")
    for command in (["list"], ["show", added["id"]]):
        assert main(["attempts", *command, "--lang", language]) == Exit.OK
        said = capsys.readouterr().out
        assert words in said
        assert "$0.50" in said
        assert "a child on a rooftop" in said


def test_every_outcome_has_a_text() -> None:
    from safelight.i18n import load_messages

    assert all(load_messages("attempts").has(f"outcome.{outcome.value}") for outcome in AttemptOutcome)


def test_a_claim_lists_charged_attempts_without_a_file(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    first = add(run, "--amount", "0.5", "--currency", "USD", "--request-id", "task-1")
    add(run, "--amount", "0", "--request-id", "task-2")
    code, claim = run("claim")
    assert code == Exit.OK
    assert [row["id"] for row in claim["rows"]] == [first["id"]]
    assert claim["totals"] == [{"currency": "USD", "charged": 0.5, "refunded": 0.0, "left": 0.5}]
    assert claim["left_out"] == {"not_charged": 1}
    assert main(["attempts", "claim", first["id"], "--withhold-prompts"]) == Exit.OK
    said = capsys.readouterr().out
    assert said.startswith("# Claim for a refund\n")
    assert "rooftop" not in said
    assert main(["attempts", "claim", "--format", "csv", "--lang", "zh-Hant"]) == Exit.OK
    assert capsys.readouterr().out.splitlines()[1].startswith("claimed,no_file,runway,task-1,")
    run("add", "--refund-of", first["id"])
    code, claim = run("claim")
    assert code == Exit.NOT_COVERED
    assert (claim["rows"], claim["left_out"]) == ([], {"not_charged": 1, "refunded": 1})


def test_proofs_are_in_the_json_only(run: Run) -> None:
    add(run, "--amount", "0.5", "--currency", "USD")
    code, claim = run("claim", "--with-proofs")
    assert (code, "proofs" in claim) == (Exit.OK, False), "a reported attempt has no proof"
    assert main(["attempts", "claim", "--with-proofs"]) == Exit.ERROR


@pytest.mark.parametrize(
    ("language", "words"),
    [("en", "the provider's filter"), ("zh-Hant", "供應商的過濾機制"), ("zh-Hans", "服务商的过滤机制")],
)
def test_the_answer_names_the_cause_once_and_how_to_tell(
    run: Run, capsys: pytest.CaptureFixture[str], language: str, words: str
) -> None:
    added = add(run)
    assert added["gate"]["gate"] == "provider_filter"
    main(["attempts", "show", added["id"], "--lang", language])
    assert words in capsys.readouterr().out
    main(["explain-error", BLOCK, "--lang", language])
    said = capsys.readouterr().out
    assert words not in said, "the row on the source says it"
    assert {"en": "Find the cause", "zh-Hant": "找出原因", "zh-Hans": "排查原因"}[language] in said
    main(["explain-error", UNVERIFIED, "--lang", language])
    assert {"en": "the plan or account", "zh-Hant": "方案或帳號", "zh-Hans": "套餐或账号"}[language] in (
        capsys.readouterr().out
    )
    main(["explain-error", BLOCK, "--json"])
    assert json.loads(capsys.readouterr().out)["gate"] == added["gate"]


def test_the_same_prompt_that_passed_before_is_evidence(run: Run) -> None:
    options = ("--provider", "runway", "--prompt", "a child on a rooftop", "--file-came")
    run("add", *options, "--time", "2026-11-20T14:05:00+08:00")
    added = add(run, "--time", "2026-11-21T14:05:00+08:00")
    (evidence,) = added["gate"]["evidence"]
    assert (evidence["sign"], evidence["time"]) == ("passed_before", "2026-11-20T06:05:00+00:00")


def test_patterns_have_intervals(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("patterns") == (Exit.NOT_COVERED, {"patterns": [], "repeats": []})
    add(run)
    code, found = run("patterns")
    assert code == Exit.OK
    provider = next(one for one in found["patterns"] if one["kind"] == "provider")
    assert (provider["refused"], provider["total"], provider["likely_cause"]) == (1, 1, False)
    assert 0.2 < provider["interval"][0] < 0.21
    assert main(["attempts", "patterns"]) == Exit.OK
    assert "1 of 1 prompts refused (95 % interval 21 to 100 %, 1 attempts)" in capsys.readouterr().out


THINGS = ("tree", "lamp", "stone", "cloud", "bridge", "bell", "door", "river")


def test_fifty_own_outcomes_give_a_check_a_percentage(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "safelight.toml").write_text("[detectors]\nminilm = false\n")

    def risk() -> dict[str, Any]:
        main(["check", "a paper boat with a kite on a lake", "--provider", "runway", "--json"])
        found: dict[str, Any] = json.loads(capsys.readouterr().out)["risk"]
        return found

    def add_many(first: int, last: int) -> None:
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
        path = tmp_path / f"{last}.jsonl"
        path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
        assert run("import", str(path))[0] == Exit.OK

    add_many(0, 49)
    assert risk()["estimate"] is None
    add_many(49, 60)
    found = risk()
    assert found["level"] == "high"
    assert found["estimate"]["percent"] >= 60
    assert (found["estimate"]["prompts"], found["estimate"]["reported"]) == (60, 60)
    assert found["estimate"]["since"] == "2026-11-20"
