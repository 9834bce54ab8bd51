"""`safelight quality suggestions`: rules that are wrong too often, with a draft and its replay."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from safelight.bootstrap import load
from safelight.cli import main
from support.decided_appeals import add_decided_appeals


def test_a_rule_with_won_appeals_has_a_draft_that_a_person_can_publish(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    persistence = load().persistence
    policy = persistence.active_policy(persistence.tenant)
    with persistence.database.transaction(persistence.tenant) as tx:
        add_decided_appeals(tx, "vi-3", overturned=10, upheld=10, policy_sha256=policy.sha256)
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
