from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safelight.detectors.remote.guard_formats import GUARD_FORMATS, UnparseableResponse
from safelight.detectors.remote.vision_formats import VISION_FORMATS
from safelight.policy.findings import SHIPPED
from support.rows import each_row


def said(text: str, **more: Any) -> dict[str, Any]:
    return {"choices": [{"message": {"role": "assistant", "content": text}, **more}]}


def logprobs(yes: float) -> dict[str, Any]:
    top = [
        {"token": "Yes", "logprob": math.log(yes)},
        {"token": "No", "logprob": math.log(1 - yes)},
        {"token": " maybe", "logprob": -9.0},
    ]
    return {"content": [{"token": "Yes", "logprob": math.log(yes), "top_logprobs": top}]}


def omni(**scores: float) -> dict[str, Any]:
    flags = {name: value > 0.4 for name, value in scores.items()}
    return {"results": [{"flagged": any(flags.values()), "categories": flags, "category_scores": scores}]}


ANSWERS: list[tuple[str, dict[str, Any], dict[str, float]]] = [
    ("qwen3guard", said("Safety: Safe\nCategories: None"), {}),
    ("qwen3guard", said("Safety: Unsafe\nCategories: Violent"), {"violence": 0.9}),
    ("qwen3guard", said("Safety: Unsafe\nCategories: Violent, PII"), {"violence": 0.9, "privacy": 0.9}),
    ("qwen3guard", said("Safety: Controversial\nCategories: Suicide & Self-Harm"), {"self-harm": 0.55}),
    ("llama-guard", said("\n\nsafe"), {}),
    ("llama-guard", said("unsafe\nS1,S10"), {"violence": 0.9, "hate": 0.9}),
    ("llama-guard", said("unsafe\nS4"), {"sexual/minors": 0.9}),
    ("llama-guard", said("unsafe\nS14"), {}),
    ("shieldgemma", said("No", logprobs=logprobs(0.02)), {}),
    ("shieldgemma", said("Yes"), dict.fromkeys(("sexual", "hate", "illicit", "harassment"), 0.9)),
    (
        "shieldgemma",
        said("Yes", logprobs=logprobs(0.7)),
        dict.fromkeys(("sexual", "hate", "illicit", "harassment"), 0.7),
    ),
    ("gpt-oss-safeguard", said('{"violation": 0, "categories": [], "confidence": "high"}'), {}),
    (
        "gpt-oss-safeguard",
        said('```json\n{"violation": 1, "categories": ["deception"], "confidence": "medium"}```'),
        {"deception": 0.75},
    ),
    ("omni-moderation", omni(sexual=0.001, violence=0.02), {}),
    ("omni-moderation", omni(hate=0.45, violence=0.97), {"hate": 0.5, "violence": 0.97}),
]


@pytest.mark.parametrize(("name", "answer", "scores"), ANSWERS)
def test_each_format_is_parsed(name: str, answer: dict[str, Any], scores: dict[str, float]) -> None:
    assert GUARD_FORMATS[name].read(answer) == pytest.approx(scores)


def moderation(*applied: str, **flagged: float) -> dict[str, Any]:
    """A whole answer of the moderations endpoint for a text and a picture, as its reference shows it."""
    of_pictures = {
        *("self-harm", "self-harm/instructions", "self-harm/intent"),
        *("sexual", "violence", "violence/graphic"),
    }
    of_texts = {
        *("harassment", "harassment/threatening", "hate", "hate/threatening"),
        *("illicit", "illicit/violent", "sexual/minors"),
    }
    names = sorted(of_pictures | of_texts)
    scores = {name: flagged.get(name.replace("/", "_"), 0.0003) for name in names}
    return {
        "id": "modr-970d409ef3bef3b70c73d8232df86e7d",
        "model": "omni-moderation-latest",
        "results": [
            {
                "flagged": any(score > 0.4 for score in scores.values()),
                "categories": {name: score > 0.4 for name, score in scores.items()},
                "category_scores": scores,
                "category_applied_input_types": {
                    name: [kind for kind in applied if kind == "text" or name in of_pictures]
                    for name in names
                },
            }
        ],
    }


def completion(text: str) -> dict[str, Any]:
    """A whole chat completion, as vLLM sends it."""
    return {
        "id": "chatcmpl-5f1c6d",
        "object": "chat.completion",
        "created": 1763900000,
        "model": "guard",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": text, "refusal": None, "tool_calls": []},
                "logprobs": None,
                "finish_reason": "stop",
                "stop_reason": None,
            }
        ],
        "usage": {"prompt_tokens": 301, "total_tokens": 316, "completion_tokens": 15},
    }


@pytest.mark.parametrize(
    ("name", "answer", "scores"),
    [
        ("qwen3guard", completion("Safety: Unsafe\nCategories: Violent"), {"violence": 0.9}),
        ("llama-guard", completion("\n\nunsafe\nS10"), {"hate": 0.9}),
        ("omni-moderation", moderation("text", violence=0.86), {"violence": 0.86}),
    ],
)
def test_a_whole_answer_about_a_text_is_parsed(
    name: str, answer: dict[str, Any], scores: dict[str, float]
) -> None:
    assert GUARD_FORMATS[name].read(answer) == pytest.approx(scores)


@pytest.mark.parametrize(
    ("name", "answer", "scores"),
    [
        ("llama-guard", completion("unsafe\nS1,S12"), {"violence": 0.9, "sexual": 0.9}),
        (
            "policy",
            completion('{"violation": 1, "categories": ["violence/graphic"], "confidence": "medium"}'),
            {"violence/graphic": 0.75},
        ),
        ("omni-moderation", moderation("image", violence_graphic=0.91), {"violence/graphic": 0.91}),
    ],
)
def test_a_whole_answer_about_a_picture_is_parsed(
    name: str, answer: dict[str, Any], scores: dict[str, float]
) -> None:
    assert VISION_FORMATS[name].read(answer) == pytest.approx(scores)


def test_an_answer_in_which_the_picture_was_not_checked_is_unparseable() -> None:
    with pytest.raises(UnparseableResponse, match="not checked"):
        VISION_FORMATS["omni-moderation"].read(moderation("text"))


@pytest.mark.parametrize("name", sorted(GUARD_FORMATS))
@each_row
def test_an_answer_outside_the_format_is_unparseable(name: str, answer: dict[str, Any]) -> None:
    with pytest.raises(UnparseableResponse):
        GUARD_FORMATS[name].read(answer)


@pytest.mark.parametrize("name", sorted(GUARD_FORMATS))
@given(text=st.text(max_size=80))
def test_any_answer_is_parsed_or_unparseable_and_any_prompt_can_be_sent(name: str, text: str) -> None:
    grammar = GUARD_FORMATS[name]
    json.dumps(grammar.body("m", text))
    try:
        grammar.read(said(text))
    except UnparseableResponse:
        pass


@pytest.mark.parametrize("name", sorted(GUARD_FORMATS))
def test_every_reported_category_exists(name: str) -> None:
    assert GUARD_FORMATS[name].categories
    assert all(category in SHIPPED for category in GUARD_FORMATS[name].categories)
