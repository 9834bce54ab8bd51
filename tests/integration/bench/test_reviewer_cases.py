"""The cases of `bench.reviewer_cases`: made through the pipeline, and decisions about them compared."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from bench import reviewer_cases
from bench.reviewer_cases import ALL, REVIEWER, judge, open_container, plan, prepare

from safelight.cases.inputs import DecisionRequest
from support.house import SLOW_DETECTORS

FACTS = "A board stands for it."


def test_the_sixty_have_fifteen_wrong_suggestions_and_ten_clips_without_a_flagged_moment() -> None:
    plans = plan(len(ALL))
    assert len(plans) == 60
    assert len({one.prompt for one in plans}) == 60
    assert sum(one.recipe.is_misled for one in plans) == 15
    assert sum(not one.recipe.is_flagged for one in plans if one.recipe.stage != "prompt") == 10
    assert all((one.content is not one.suggested) is one.recipe.is_misled for one in plans if one.content)


def test_decisions_are_compared_with_the_truth(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = reviewer_cases.SETTINGS
    quick = "".join(f"{name} = false\n" for name in SLOW_DETECTORS if f"{name} = " not in settings)
    monkeypatch.setattr(reviewer_cases, "SETTINGS", settings + quick)
    work = tmp_path / "work"
    truth = prepare(work, 6)
    assert json.loads((work / "truth.json").read_text()) == truth
    assert {row["stage"] for row in truth} == {"prompt", "output", "report", "appeal"}
    misled = [row for row in truth if row["is_suggestion_wrong"]]
    assert len(misled) == 3
    with pytest.raises(SystemExit, match="not empty"):
        prepare(work, 6)

    for eyes, believes in (("first", False), ("second", True)):
        with open_container(work / eyes) as container:
            reviews = container.decisions.reviews
            who = replace(REVIEWER, tenant=container.persistence.tenant)
            for row in truth:
                clause = row["rules"][0] if row["rules"] else None
                if believes and row in misled:
                    clause = "sx-1"
                wanted = DecisionRequest(
                    action=row["decision"], reason="Seen.", clause=clause, facts=FACTS if clause else None
                )
                reviews.decide_with_undo(who, row["case"], wanted)
    attentive, led = (judge(work, eyes) for eyes in ("first", "second"))
    assert (attentive["decided"], attentive["points under the rest"], attentive["wrong"]) == ("6 of 6", 0, [])
    assert (led["points under the rest"], led["suggestion wrong"]["right action"]) == (100, 3)
    assert {row["case"] for row in led["wrong"]} == {row["case"] for row in misled}
    assert led["exposure"]["cases looked at"] == 0
