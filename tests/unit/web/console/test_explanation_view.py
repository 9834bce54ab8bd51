from __future__ import annotations

from typing import Any

from safelight.web.console.explanation_view import explanation_lines, format_charge, prompt_spans
from safelight.web.translations import load_languages

ENGLISH = load_languages()["en"]


def render(details: dict[str, Any], prompt: str = "") -> str:
    return " | ".join(
        f"{line.label}: {' '.join(line.sentences)}" for line in explanation_lines(details, prompt, ENGLISH)
    )


def test_evidence_is_shown_with_its_location() -> None:
    details = {
        "stage": "output",
        "categories": ["violence"],
        "rule": "vi-1",
        "evidence": [
            {
                "reason": "a weapon fires.",
                "evidence": [
                    {"type": "frames", "first": 48, "last": 71, "start_s": 2.0, "end_s": 2.96, "peak": 50},
                    {"type": "time", "start_s": 1.0, "end_s": 2.5},
                ],
            },
            {"reason": "on a list", "evidence": [{"type": "match", "list": "hashes", "entry": "x"}]},
            {"reason": "", "evidence": [{"type": "box", "x": 0, "y": 0, "w": 1, "h": 1, "field": "image"}]},
        ],
    }
    text = render(details)
    assert "frames 48 to 71, 2 s to 2.96 s" in text
    assert "the audio from 1 s to 2.5 s" in text
    assert "on a list: an entry of the list hashes" in text
    assert "the image (image)" in text


def test_prompt_evidence_is_quoted_and_highlighted() -> None:
    evidence = [{"type": "text", "field": "prompt", "start": 2, "end": 5}]
    details = {"evidence": [{"reason": "", "evidence": evidence}]}
    assert "the words “red”" in render(details, "a red fox")
    assert prompt_spans(details) == [(2, 5)]
    listed = [*evidence, {"type": "match", "list": "identifiers", "entry": "card"}]
    # A list is named only if the finding has no place.
    assert "identifiers" not in render({"evidence": [{"reason": "", "evidence": listed}]}, "a red fox")


def test_a_held_video_has_no_advice_on_a_retry() -> None:
    details = {"retry": {"action": "never"}, "next_step": "Wait for the review."}
    assert render({**details, "action": "hold"}) == "Next step: Wait for the review."
    assert "Retry: A retry will not pass." in render({**details, "action": "block"})


def test_withheld_details_have_no_row() -> None:
    assert render({"stage": "prompt", "categories": ["illicit"], "next_step": "Change the prompt."}) == (
        "Step: prompt | Category: Illegal activity | Next step: Change the prompt."
    )
    assert explanation_lines({}, "", ENGLISH) == ()


def test_an_appeal_link_must_be_local() -> None:
    assert "Disagree?" in render({"appeal": "/appeals/1"})
    assert "Disagree?" not in render({"appeal": "https://elsewhere.example"})
    assert "Disagree?" not in render({"appeal": "//elsewhere.example"})


def test_cost_is_shown_with_its_source() -> None:
    assert format_charge({"charged": "no"}, ENGLISH) == "Nothing was charged."
    paid = {"charged": "yes", "amount": 0.4, "currency": "USD", "source": "upstream"}
    assert format_charge(paid, ENGLISH) == "The generator charged $0.40. Source: upstream."
    assert "The amount is unknown" in format_charge({"upstream": "yes", "amount": None}, ENGLISH)
    assert "unknown" in format_charge({"charged": "unknown"}, ENGLISH)


def test_missing_checks_are_named_in_words_with_the_reason() -> None:
    details = {
        "not_checked": ["extremism in text", "extremism in frames", "ncii in text"],
        "gap_notes": ["14 frames were not scanned."],
    }
    assert render(details) == (
        "Not checked: text (Violent extremism, Intimate imagery without consent); frames (Violent extremism)"
        " | Why not: 14 frames were not scanned."
    )


def test_the_evidence_is_a_sentence_in_the_language_of_the_page() -> None:
    text = "Darth Vader walks by"
    details = {
        "evidence": [
            {
                "category": "copyrighted-character",
                "reason": "The text names a protected character or work: Darth Vader (Star (Lucas)).",
                "evidence": [{"type": "text", "field": "prompt", "start": 0, "end": 11}],
            },
            {"category": "violence", "reason": "A plugin saw blood.", "evidence": []},
        ]
    }
    chinese = load_languages()["zh-Hant"]
    (line,) = explanation_lines(details, text, chinese)
    assert line.sentences == (
        "文字提到受保護的角色或作品：Darth Vader：" + chinese("explain.in_prompt", words="Darth Vader"),
        chinese("category.violence"),
    )


def test_a_next_step_stands_once() -> None:
    """The sentence above the rows says it already, and the advice about a retry says the same."""
    repeated = {"retry": {"action": "change_prompt"}, "next_step": "Change the prompt."}
    assert render(repeated) == "Retry: Change the prompt. The same one may be blocked again."
    step = "It was submitted again as video_1; follow that video."
    retried = {"retry": {"action": "never"}, "next_step": step, "retried_as": "video_1"}
    assert render(retried) == f"Next step: {step}"
    step = "Change the prompt or appeal."
    details = {"retry": {"action": "change_prompt"}, "next_step": step}
    rows = explanation_lines(details, "", ENGLISH, sentence=f"Blocked before generation. {step}")
    assert rows == ()
    rows = explanation_lines(details, "", ENGLISH, sentence="Blocked before generation.")
    assert [row.sentences for row in rows] == [(step,)]
    advice = ENGLISH("explain.retry_change_prompt")
    rows = explanation_lines(details | {"next_step": "Ask the provider."}, "", ENGLISH)
    assert [row.sentences for row in rows] == [(advice,), ("Ask the provider.",)]
