from __future__ import annotations

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safelight.detectors.protocol import Capability, MediaText, TextContent
from safelight.detectors.text.pipeline import TextPipeline
from safelight.moderation.context_rescoring import MAX_SCENE_CHARACTERS, blend_odds, rescore_in_context
from safelight.policy.findings import Finding, Modality, TextSpan

LINES = (MediaText(text="over the wall", confidence=1.0, start_s=1.0, end_s=2.0),)


class Head:
    """As sure of words alone as `alone` says, and of words in a garden as `there` says."""

    version = "1"
    capabilities: tuple[Capability, ...] = (Capability(category="ncii", modality=Modality.TEXT),)

    def __init__(
        self, name: str, alone: float, there: float, *, category: str = "ncii", breaks: bool = False
    ) -> None:
        self.category = category
        self.name, self._alone, self._there, self._breaks = name, alone, there, breaks
        self.read: list[str] = []

    def inspect_text(self, content: TextContent) -> Iterable[Finding]:
        self.read.append(content.text)
        in_garden = "garden" in content.text
        if in_garden and self._breaks:
            raise RuntimeError("no")
        yield Finding(
            category=self.category,
            score=self._there if in_garden else self._alone,
            modality=Modality.TEXT,
            detector=self.name,
            version=self.version,
            reason="Like examples.",
            evidence=(TextSpan(field=content.field, start=0, end=4),),
        )


def read(head: Head, scene: str) -> Finding:
    pipeline = TextPipeline([head], budget_s=20)
    alone = pipeline.screen_media_text(LINES, "transcript").findings
    (found,) = rescore_in_context(alone, LINES, scene, pipeline)
    return found


@pytest.mark.parametrize(("name", "least", "most"), [("minilm", 0.5, 0.7), ("ngrams", 0.3, 0.5)])
def test_context_lowers_the_scores_of_classifiers(name: str, least: float, most: float) -> None:
    found = read(Head(name, 0.8, 0.3), "children play in a garden")
    assert least < found.score < most
    assert found.attributes["standalone_score"] == 0.8
    assert found.reason.endswith("With the request as context the score is lower.")


def test_without_context_nothing_changes_and_nothing_is_screened_again() -> None:
    head = Head("minilm", 0.8, 0.3)
    assert read(head, "  ").score == 0.8
    assert len(head.read) == 1


def test_context_never_raises_a_score() -> None:
    found = read(Head("minilm", 0.6, 0.8), "a garden")
    assert (found.score, "standalone_score" in found.attributes) == (0.6, False)


def test_certain_findings_and_other_detectors_are_unchanged() -> None:
    assert read(Head("minilm", 0.95, 0.3), "a garden").score == 0.95
    assert read(Head("words", 0.8, 0.3), "a garden").score == 0.8


@pytest.mark.parametrize("category", ["hate", "extremism", "self-harm", "deception", "sexual"])
def test_a_harmless_request_does_not_hide_a_harmful_clip(category: str) -> None:
    assert read(Head("minilm", 0.8, 0.3, category=category), "a garden").score == 0.8


def test_a_long_request_cannot_outweigh_the_text() -> None:
    head = Head("minilm", 0.8, 0.3)
    read(head, "garden " * 500)
    assert len(head.read[-1]) <= MAX_SCENE_CHARACTERS + 1 + len(LINES[0].text)


def test_a_finding_that_cannot_be_screened_in_context_is_unchanged() -> None:
    assert read(Head("minilm", 0.8, 0.3, breaks=True), "a garden").score == 0.8


@given(st.floats(0, 1), st.floats(0, 1), st.floats(0, 1))
def test_a_blended_score_is_never_above_the_score_without_context(
    alone: float, there: float, weight: float
) -> None:
    found = blend_odds(alone, there, weight)
    assert min(alone, there) - 1e-3 <= found <= alone
