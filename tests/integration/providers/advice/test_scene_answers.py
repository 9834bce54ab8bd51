"""Scenes that got help although they show harm, and harmless ones that got none, with the reader of acts."""

from __future__ import annotations

import pytest

from safelight.detectors.registry import DetectorRegistry
from safelight.detectors.text.minilm.package import find_weights
from safelight.detectors.text.pipeline import TextPipeline
from safelight.policy.documents import load
from safelight.policy.findings import SHIPPED
from safelight.policy.tenant_policy import TenantPolicy
from safelight.providers.advice.check_result import summarize_check
from safelight.providers.advice.help_gate import HelpAnswer
from safelight.providers.advice.prompt_advice import AdviceOptions
from safelight.screening.prompt import PromptStage
from support.rows import each_row


@pytest.fixture(scope="module")
def stage() -> PromptStage:
    if find_weights() is None:
        pytest.skip("the MiniLM weights are not installed")
    return PromptStage(pipeline=TextPipeline(DetectorRegistry.discover({}).text_detectors(), budget_s=60))


def answer(stage: PromptStage, prompt: str) -> HelpAnswer:
    policy = TenantPolicy(tenant="", taxonomy=SHIPPED, policy=load("starter", SHIPPED))
    result = stage.screen({"prompt": prompt}, policy)
    found = summarize_check((result,), SHIPPED, texts={"prompt": prompt}, options=AdviceOptions())
    return found.prompt_advice.answer


@each_row
def test_no_harmful_scene_gets_help(stage: PromptStage, prompt: str) -> None:
    """Drugged and carried away, an animal that is beaten, a person that is tied up, a documentary of it."""
    assert answer(stage, prompt) is not HelpAnswer.HELP


@each_row
def test_sport_rescue_and_film_are_not_refused(stage: PromptStage, prompt: str) -> None:
    assert answer(stage, prompt) is not HelpAnswer.REFUSE
