"""`safelight quality`: golden cases, and rules that are wrong too often, with a draft and its replay."""

from __future__ import annotations

from pathlib import Path

from safelight.app.container import load
from safelight.core.ids import new_id
from safelight.store.tables import golden_cases
from support.commands import Run, Say
from support.decided_appeals import add_decided_appeals
from support.decided_videos import add_decided, add_decision, add_judged
from support.verdicts import seen


def test_a_rule_with_won_appeals_has_a_draft_that_a_person_can_publish(
    run: Run, say: Say, folder: Path
) -> None:
    persistence = load().persistence
    policy = persistence.active_policy(persistence.tenant)
    with persistence.database.transaction(persistence.tenant) as tx:
        add_decided_appeals(tx, "vi-3", overturned=10, upheld=10, policy_sha256=policy.sha256)
    assert "vi-3: wrong in 10 of 20, 50.00 %" in say("quality", "suggestions").out
    (found,) = run("quality", "suggestions", "--replay")["suggestions"]
    assert (found["rule"], found["source"], found["direction"]) == ("vi-3", "appeals", "milder")
    assert (found["wrong"], found["of"], found["interval_95"]) == (10, 20, [0.2993, 0.7007])
    assert [change["id"] for change in found["diff"]["rules"]] == ["vi-3"]
    assert found["replay"]["changed"] == 0
    (folder / "draft.yaml").write_text(found["draft"], encoding="utf-8")
    run("policy", "check", "draft.yaml")


def test_figures_of_the_checks_are_printed_and_are_those_of_the_api(run: Run, say: Say) -> None:
    persistence = load().persistence
    assert "Decided: 0 videos that the checks stopped, 0 that they allowed." in say("quality", "figures").out
    with persistence.database.transaction(persistence.tenant) as tx:
        for number in range(40):
            add_decided(tx, 0.9 if number < 30 else 0.6, "refuse" if number < 30 else "approve")
        add_decision(tx, add_judged(tx, seen("hate", 0.9)), "refuse", category="hate")
    text = say("quality", "figures").out
    assert "Sexual content: 30 of 40 stops were right, 75.00 % (59.81 % to 85.81 %)." in text
    assert "Sexual content, text, test: from 0.9 on, 30 of 30 are harmful, 100.00 %" in text
    assert "sx-1 from 0.6" in text
    assert "Hate, text, test: not enough decisions, 1 of 30." in text
    found = run("quality", "figures", "--share", "0.75")
    assert (found["object"], found["points"][0]["score"]) == ("quality_figures", 0.6)
    assert found["categories"][1]["right"] == {
        "count": 1,
        "n": 1,
        "enough": False,
        "rate": None,
        "interval": None,
    }


def test_golden_cases_are_listed_and_retired(run: Run, say: Say) -> None:
    persistence = load().persistence
    video, golden = new_id("video"), new_id("golden")
    with persistence.database.transaction(persistence.tenant) as tx:
        tx.insert(
            golden_cases,
            id=golden,
            video_id=video,
            answer="in_policy",
            note="A toy gun",
            author="user_1",
            created_at=tx.now(),
        )
    assert f"{golden}  {video}: within the policy. A toy gun" in say("quality", "list").out
    retired = run("quality", "retire", golden)
    assert (retired["object"], type(retired["retired_at"])) == ("golden_case", int)
    assert run("quality", "list") == {"object": "list", "data": [retired]}
    assert run("quality", "prevalence") == {"object": "list", "data": []}
    assert "retired" in say("quality", "list").out
