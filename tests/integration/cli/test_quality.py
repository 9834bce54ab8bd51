"""`safelight quality`: golden cases, and rules that are wrong too often, with a draft and its replay."""

from __future__ import annotations

from pathlib import Path

from safelight.bootstrap import load
from safelight.ids import new_id
from safelight.store.tables import golden_cases
from support.commands import Run, Say
from support.decided_appeals import add_decided_appeals


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
    assert run("quality", "retire", golden)["retired_at"] is not None
    assert "retired" in say("quality", "list").out
