from __future__ import annotations

from pathlib import Path

import pytest

from safelight.detectors.registry import DetectorRegistry
from safelight.detectors.text.minilm.package import find_weights
from safelight.detectors.text.pipeline import TextPipeline
from safelight.policy.documents import load
from safelight.policy.findings import SHIPPED
from safelight.policy.tenant_policy import TenantPolicy
from safelight.providers.advice.check_result import CheckResult, summarize_check
from safelight.providers.advice.help_gate import HelpAnswer
from safelight.providers.advice.prompt_advice import AdviceOptions
from safelight.screening.prompt import PromptStage
from support.rows import each_row


@pytest.fixture(scope="module", params=["with minilm", "without minilm"])
def stage(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> PromptStage:
    with_weights = request.param == "with minilm"
    if with_weights and find_weights() is None:
        pytest.skip("the MiniLM weights are not installed")
    cache: Path = tmp_path_factory.mktemp("cache")
    catalogue = DetectorRegistry.discover({"minilm": {"cache_dir": str(cache)} if with_weights else False})
    # A busy machine must not cause a coverage gap.
    return PromptStage(pipeline=TextPipeline(catalogue.text_detectors(), budget_s=60))


def checked(stage: PromptStage, prompt: str) -> CheckResult:
    policy = TenantPolicy(tenant="", taxonomy=SHIPPED, policy=load("starter", SHIPPED))
    texts = {"prompt": prompt}
    result = stage.screen(texts, policy)
    return summarize_check((result,), SHIPPED, texts=texts, options=AdviceOptions(provider="veo"))


@each_row
def test_a_prompt_on_a_hard_topic_is_allowed_with_help_lines(stage: PromptStage, prompt: str) -> None:
    found = checked(stage, prompt)
    assert found.verdict in ("allow", "label")
    advice = found.prompt_advice
    # Help lines are listed once: with the explanation of the verdict or with the advice.
    assert bool(found.explanation.support) is not bool(advice.help_lines)
    # Where the reader of acts is not sure, there is a question and nothing on the words.
    assert advice.answer is not HelpAnswer.REFUSE
    if advice.helps:
        assert {"topic", "suicide"} & {driver.row for driver in advice.drivers}
    assert not any(one.edits and "purpose" in one.message for one in advice.suggestions)
