"""Prompts written before the rules were read, for minors and for adults, with the light text detectors."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from safelight.bootstrap import Container
from safelight.moderation.prompt import PromptStage
from safelight.moderation.tenant_policy import TenantPolicy
from safelight.policy.verdicts import Action, Audience
from safelight.settings import Settings

PROMPTS = Path(__file__).parents[2] / "data" / "minors_profile.jsonl"


@pytest.fixture(scope="module")
def actions(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[tuple[Action, Action]]]:
    """The actions for adults and for minors, by the kind of prompt."""
    core = Container(Settings(data=tmp_path_factory.mktemp("data"))).core
    policy = TenantPolicy(tenant="", taxonomy=core.taxonomy, policy=core.configured_policy)
    stage = PromptStage(pipeline=core.text_pipeline)
    found: dict[str, list[tuple[Action, Action]]] = {"borderline": [], "innocent": []}
    for line in PROMPTS.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        adults, minors = (
            stage.screen({"prompt": row["prompt"]}, policy, audience=audience).verdict.action
            for audience in (Audience.GENERAL, Audience.MINORS)
        )
        found[row["kind"]].append((adults, minors))
    return found


def test_borderline_prompts_are_stricter_for_minors(
    actions: dict[str, list[tuple[Action, Action]]],
) -> None:
    pairs = actions["borderline"]
    assert len(pairs) == 20
    assert sum(minors.severity > adults.severity for adults, minors in pairs) >= 14
    assert sum(minors in (Action.HOLD, Action.BLOCK) for _, minors in pairs) >= 19


def test_innocent_prompts_about_school_and_play_still_pass(
    actions: dict[str, list[tuple[Action, Action]]],
) -> None:
    pairs = actions["innocent"]
    assert len(pairs) == 100
    assert sum(minors in (Action.ALLOW, Action.LABEL) for _, minors in pairs) >= 98


def test_no_prompt_is_less_strict_for_minors(actions: dict[str, list[tuple[Action, Action]]]) -> None:
    assert all(minors.severity >= adults.severity for pairs in actions.values() for adults, minors in pairs)
