"""`safelight quality suggestions`: rules that are wrong too often, with a draft and its replay."""

from __future__ import annotations

from pathlib import Path

from safelight.bootstrap import load
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
