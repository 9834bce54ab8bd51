"""Scenes that keyword filters block, through every installed text detector and the policy."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from safelight.detectors.registry import DetectorRegistry
from safelight.detectors.text.minilm.package import find_weights
from safelight.detectors.text.pipeline import TextPipeline
from safelight.policy.documents import load
from safelight.policy.findings import SHIPPED, Modality, Stage
from safelight.policy.tenant_policy import TenantPolicy
from safelight.screening.evaluation import StageInput, StageResult, evaluate
from support.rows import each_row


def judge(pipeline: TextPipeline, policy: str) -> Callable[[str], StageResult]:
    chosen = load(policy, SHIPPED)
    tenant_policy = TenantPolicy(tenant="", taxonomy=SHIPPED, policy=chosen)

    def judged(text: str) -> StageResult:
        report = pipeline.screen({"prompt": text})
        return evaluate(
            tenant_policy,
            StageInput(
                stage=Stage.PROMPT,
                subject_sha256="0" * 64,
                findings=report.findings,
                coverage=report.cells,
                modalities=frozenset({Modality.TEXT}),
            ),
        )

    return judged


@pytest.fixture(scope="module", params=["with minilm", "without minilm"])
def pipeline(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> TextPipeline:
    with_weights = request.param == "with minilm"
    if with_weights and find_weights() is None:
        pytest.skip("the MiniLM weights are not installed")
    cache: Path = tmp_path_factory.mktemp("cache")
    catalogue = DetectorRegistry.discover({"minilm": {"cache_dir": str(cache)} if with_weights else False})
    # A busy machine must not cause a coverage gap.
    return TextPipeline(catalogue.text_detectors(), budget_s=60)


@each_row
def test_a_harmless_scene_is_allowed(pipeline: TextPipeline, text: str) -> None:
    verdict = judge(pipeline, "starter")(text).verdict
    assert verdict.action == "allow", verdict.reason


@each_row
def test_a_harmful_prompt_is_blocked(pipeline: TextPipeline, text: str) -> None:
    assert judge(pipeline, "starter")(text).verdict.action == "block"


def test_every_text_category_is_covered(pipeline: TextPipeline) -> None:
    result = judge(pipeline, "strict")("a cat")
    assert result.verdict.gaps == ()
    # Content that appears too briefly, and flicker, cannot be detected in text.
    assert {cell.category for cell in pipeline.screen({"prompt": "a cat"}).cells} == {
        spec.name for spec in SHIPPED
    } - {"photosensitive", "deception/subliminal"}
