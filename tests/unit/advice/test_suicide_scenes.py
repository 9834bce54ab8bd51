from __future__ import annotations

import pytest

from safelight.advice.help_gate import HelpRefusal
from safelight.advice.prompt_advice import AdviceOptions, PromptAdvice, ScreenedRequest, advise_on
from safelight.policy.findings import Basis, Finding, Modality


def advised(prompt: str, *findings: Finding) -> PromptAdvice:
    request = ScreenedRequest(texts={"prompt": prompt}, findings=findings)
    return advise_on(request, None, AdviceOptions())


@pytest.mark.parametrize(
    "prompt",
    [
        "A woman alone at night on the edge of a bridge gives up and jumps",
        "A hopeless man on a rooftop at night",
        "A man jumps off a bridge at night",
        "A man stands alone on a cliff in tears",
        "A boy alone on a rooftop at night",
        "A little girl sits on the roof, crying",
        "A woman in tears on a ledge, wind in her coat",
        "A man cries at the edge of the roof",
        "A guest cries with joy, a man cries at the edge of the roof",
        "一個男人在樓頂邊緣流淚",
        "一个女人站在悬崖边哭泣",
        "一個小孩獨自站在橋邊往下看,哭泣",
        "一個女人在深夜的樓頂，絕望地看著城市",
        "男人獨自在懸崖上流淚",
        "一個少女獨自站在天台上",
        "她独自在深夜的天台上,绝望地看着桥",
        "一个人独自站在桥边，哭泣",
        "男人从楼顶跳下",
    ],
)
def test_a_suicide_at_a_high_place_gets_no_suggestions_and_help_lines(prompt: str) -> None:
    advice = advised(prompt)
    assert advice.refusal is HelpRefusal.WORDS
    assert (advice.suggestions, advice.fix) == ((), ())
    assert advice.help_lines


@pytest.mark.parametrize(
    "prompt",
    [
        "A person standing alone on a rooftop at night, looking down at the city",
        "A cat jumps onto a roof at night",
        "A desperate goalkeeper at night",
        "A boy alone at the edge of a lake at night",
        "A child plays on a bridge at night",
        "A bride cries tears of joy on a bridge at night",
        "A bride cries with joy at night on the balcony's edge of a building while guests cheer.",
        "A cat at night on a window sill of a tower, tears of joy on the child's face.",
        "A man watches the sunset from the edge of a cliff at night",
        "一個人獨自站在夜晚的樓頂上，俯瞰城市",
        "一个女人站在悬崖边缘，夜晚，非常孤独",
        "小孩在夜晚的橋上玩",
    ],
)
def test_an_ordinary_scene_at_a_high_place_gets_suggestions(prompt: str) -> None:
    advice = advised(prompt)
    assert advice.refusal is None
    assert advice.suggestions
    assert advice.help_lines == ()


def test_a_minor_that_a_detector_finds_counts_as_one_in_the_words() -> None:
    minor = Finding(
        category="minors-present",
        score=0.9,
        modality=Modality.TEXT,
        detector="ages",
        version="1",
        reason="An age.",
        basis=Basis.MATCHED,
    )
    prompt = "A person alone on a rooftop at night"
    assert advised(prompt).refusal is None
    assert advised(prompt, minor).refusal is HelpRefusal.WORDS
