"""The answer to one prompt: a forecast, the best suggestion first, and what to write instead."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest

from safelight.detectors.registry import DetectorRegistry
from safelight.detectors.text.pipeline import TextPipeline
from safelight.policy.documents import load
from safelight.policy.findings import SHIPPED
from safelight.policy.tenant_policy import TenantPolicy
from safelight.providers.advice.check_result import Price, summarize_check
from safelight.providers.advice.prompt_advice import AdviceOptions
from safelight.screening.prompt import PromptStage
from safelight.web.console.check_view import MAX_SHOWN_SUGGESTIONS, CheckView, check_view
from safelight.web.translations import load_languages

STACKED = "A person standing alone on a rooftop at night, looking down at the city"
PRICE = Price(usd=0.0, usd_per_second=0.0, seconds=4)


@pytest.fixture(scope="module")
def stage() -> PromptStage:
    detectors = DetectorRegistry.discover({"minilm": False}).text_detectors()
    return PromptStage(pipeline=TextPipeline(detectors, budget_s=60))


def view(stage: PromptStage, prompt: str, locale: str = "en", **options: Any) -> CheckView:
    policy = TenantPolicy(tenant="", taxonomy=SHIPPED, policy=load("starter", SHIPPED))
    result = stage.screen({"prompt": prompt}, policy)
    found = summarize_check((result,), SHIPPED, texts={"prompt": prompt}, options=AdviceOptions(**options))
    return check_view(found, PRICE, prompt, SHIPPED, load_languages()[locale])


@pytest.mark.parametrize("locale", ["en", "zh-Hant", "zh-Hans"])
def test_a_block_is_a_condition_and_nothing_that_happened(stage: PromptStage, locale: str) -> None:
    policy = view(stage, "a scene with SAFELIGHT-TEST:violence", locale).policy
    assert policy.tone == "block"
    assert re.search("would be blocked|會被擋下|会被挡下", policy.status)
    assert not re.search("Blocked before|charged|已|未收费|未收費", policy.status + policy.text)


def test_a_provider_that_documents_a_refusal_would_refuse(stage: PromptStage) -> None:
    provider = view(stage, "Taylor Swift walks by", provider="veo").provider
    assert provider
    assert (provider.tone, provider.status) == ("block", "documentation says it would refuse")
    assert "documentation says it would refuse this" in provider.text
    elsewhere = view(stage, STACKED, provider="veo").provider
    assert elsewhere
    assert elsewhere.tone in {"none", "hold"}
    assert "documentation" not in elsewhere.status


def test_the_first_suggestion_leaves_the_least_and_says_so(stage: PromptStage) -> None:
    found = view(stage, STACKED, provider="sora-2")
    assert found.suggestions[0]["number"] == 1
    assert found.first_reason == "It leaves the least that filters may react to (by the tables: 1)."
    assert len(found.suggestions) == MAX_SHOWN_SUGGESTIONS
    numbers = [one["number"] for one in (*found.suggestions, *found.folded) if one["number"]]
    assert numbers == list(range(1, len(numbers) + 1))
    first, second = view(stage, STACKED, provider="sora-2", purpose="a lesson about cities").suggestions[:2]
    assert "observation deck" in first["rewritten"]
    assert "observation deck" not in second["rewritten"]


def test_words_that_filters_may_react_to_are_marked_with_what_to_write_instead(stage: PromptStage) -> None:
    found = view(stage, STACKED)
    marks = {highlight.text: highlight for highlight in found.highlights}
    assert marks["rooftop"].tone == "provider"
    assert "instead of" in marks["rooftop"].suggestion
    assert "".join(segment.text for segment in found.segments) == STACKED


def test_a_plain_prompt_is_one_line(stage: PromptStage) -> None:
    found = view(stage, "A paper boat drifts on a pond")
    assert found.highlights == ()
    assert (found.policy.tone, found.policy.text, found.first_reason) == ("allow", "", "")
    assert found.suggestions == []
    assert found.no_suggestions


@pytest.mark.parametrize(("locale", "words"), [("en", "demands a template"), ("zh-Hant", "要求使用範本")])
def test_a_demanded_template_is_named_beside_the_verdict(stage: PromptStage, locale: str, words: str) -> None:
    t, texts = load_languages()[locale], {"prompt": "a quiet lake"}
    policy = TenantPolicy(tenant="", taxonomy=SHIPPED, policy=load("starter", SHIPPED))
    found = summarize_check((stage.screen(texts, policy),), SHIPPED, texts=texts, options=AdviceOptions())
    for demanded in (False, True):
        shown = check_view(replace(found, template_required=demanded), PRICE, texts["prompt"], SHIPPED, t)
        assert (words in shown.policy.text) is demanded
