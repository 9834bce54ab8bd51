"""`safelight quality suggestions`: rules that are wrong too often, with a draft and its replay."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from safelight.bootstrap import load
from safelight.cli import main
from safelight.ids import new_id
from safelight.policy.findings import Stage
from safelight.store.tables import decisions, verdicts
from safelight.trust.reviews import CaseKind, CaseState, NewCase, open_case
from safelight.trust.reviews.store import close_case


def test_a_rule_with_won_appeals_has_a_draft_that_a_person_can_publish(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    persistence = load().persistence
    policy = persistence.active_policy(persistence.tenant)
    with persistence.database.transaction(persistence.tenant) as tx:
        for number in range(20):
            new = NewCase(
                video_id=new_id("video"),
                kind=CaseKind.APPEAL,
                stage=Stage.PROMPT,
                due_at=time.time() + 900,
                rule="vi-3",
            )
            case = open_case(tx, new, actor="policy")
            close_case(tx, case.id, state=CaseState.OPEN)
            tx.insert(
                verdicts,
                id=new_id("verdict"),
                video_id=case.video_id,
                stage="prompt",
                action="block",
                category="violence",
                rule="vi-3",
                subject_sha256="",
                policy="starter",
                policy_sha256=policy.sha256,
                body=b"",
                created_at=tx.now(),
            )
            tx.insert(
                decisions,
                id=new_id("decision"),
                case_id=case.id,
                video_id=case.video_id,
                action="overturn" if number < 10 else "uphold",
                reason="Seen.",
                decided_by="ada",
                at=tx.now(),
                verdict_ids=[],
            )
    assert main(["quality", "suggestions"]) == 0
    assert "vi-3: wrong in 10 of 20, 50.00 %" in capsys.readouterr().out
    assert main(["quality", "suggestions", "--replay", "--json"]) == 0
    (found,) = json.loads(capsys.readouterr().out)["suggestions"]
    assert (found["rule"], found["source"], found["direction"]) == ("vi-3", "appeals", "milder")
    assert (found["wrong"], found["of"], found["interval_95"]) == (10, 20, [0.2993, 0.7007])
    assert [change["id"] for change in found["diff"]["rules"]] == ["vi-3"]
    assert found["replay"]["changed"] == 0
    draft = tmp_path / "draft.yaml"
    draft.write_text(found["draft"], encoding="utf-8")
    assert main(["policy", "check", str(draft)]) == 0
