from __future__ import annotations

from typing import Any

from safelight.console.explanation_view import charge_sentence, lines, spans
from safelight.console.translations import languages

WORDS = languages()["en"]


def said(details: dict[str, Any], prompt: str = "") -> str:
    return " | ".join(f"{line.label}: {' '.join(line.sentences)}" for line in lines(details, prompt, WORDS))


def test_evidence_is_said_with_its_place() -> None:
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
    text = said(details)
    assert "frames 48 to 71, 2 s to 2.96 s" in text
    assert "the sound from 1 s to 2.5 s" in text
    assert "on a list: an entry of the list hashes" in text
    assert "the picture (image)" in text


def test_words_of_the_prompt_are_quoted_and_marked() -> None:
    evidence = [{"type": "text", "field": "prompt", "start": 2, "end": 5}]
    details = {"evidence": [{"reason": "", "evidence": evidence}]}
    assert "the words “red”" in said(details, "a red fox")
    assert spans(details) == [(2, 5)]


def test_what_is_withheld_is_not_there() -> None:
    assert said({"stage": "prompt", "categories": ["illicit"], "next_step": "Change the prompt."}) == (
        "Where: prompt | What kind: Crime | What now: Change the prompt."
    )
    assert lines({}, "", WORDS) == ()


def test_an_appeal_link_leads_to_our_own_pages_only() -> None:
    assert "Disagree?" in said({"appeal": "/appeals/1"})
    assert "Disagree?" not in said({"appeal": "https://elsewhere.example"})
    assert "Disagree?" not in said({"appeal": "//elsewhere.example"})


def test_cost_is_said_with_its_source() -> None:
    assert charge_sentence({"charged": "no"}, WORDS) == "Nothing was charged."
    paid = {"charged": "yes", "amount": 0.4, "currency": "USD", "source": "upstream"}
    assert charge_sentence(paid, WORDS) == "The generator charged $0.40. Source: upstream."
    assert "how much is not known" in charge_sentence({"upstream": "yes", "amount": None}, WORDS)
    assert "not known" in charge_sentence({"charged": "unknown"}, WORDS)
