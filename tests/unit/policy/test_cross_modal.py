from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safelight.policy.cross_modal import EvidenceChannel, evidence_channel, mark_disagreements
from safelight.policy.findings import Coverage, Finding, Modality
from support.rows import each_row
from support.verdicts import checked_cell, seen

TEXT, FRAMES, AUDIO = Modality.TEXT, Modality.FRAMES, Modality.AUDIO


def finding(modality: Modality, source: str = "", score: float = 0.9, category: str = "violence") -> Finding:
    return seen(category, score, modality, **({"source": source} if source else {}))


def coverage(*modalities: Modality, complete: bool = True) -> Coverage:
    cells = (checked_cell("violence", one, ran=complete, complete=complete) for one in modalities)
    return Coverage(cells=tuple(cells))


PROMPT, SCREEN = finding(TEXT, "prompt"), finding(TEXT, "on_screen")
SHOWN, SAID = finding(FRAMES), finding(AUDIO, "transcript")
EVERYTHING = coverage(TEXT, FRAMES, AUDIO)


@each_row
def test_each_finding_belongs_to_one_channel(one: Finding, where: EvidenceChannel | None) -> None:
    assert evidence_channel(one) is where


@pytest.mark.parametrize(
    ("one", "beside", "covered", "word"),
    [
        # Shown, and not asked for.
        (SHOWN, (), EVERYTHING, "prompt"),
        # Requested and shown: the next channel without the category is named.
        (SHOWN, (PROMPT,), EVERYTHING, "on_screen"),
        (SHOWN, (PROMPT, SCREEN, SAID), EVERYTHING, None),
        # Spoken over harmless pictures, as requested.
        (SAID, (PROMPT,), EVERYTHING, "frames"),
        # An unchecked channel never disagrees.
        (SAID, (PROMPT,), coverage(AUDIO), None),
        (SAID, (PROMPT,), coverage(FRAMES, complete=False), None),
        # A weak finding is not marked, and a weak finding in the other channel prevents a disagreement.
        (finding(FRAMES, score=0.4), (), EVERYTHING, None),
        (SHOWN, (finding(TEXT, "prompt", score=0.3), SCREEN, SAID), EVERYTHING, None),
        # Another category is another matter.
        (SHOWN, (finding(TEXT, "prompt", category="hate"), SCREEN, SAID), EVERYTHING, "prompt"),
    ],
)
def test_the_first_checked_channel_without_the_category_is_named(
    one: Finding, beside: tuple[Finding, ...], covered: Coverage, word: str | None
) -> None:
    (marked,) = mark_disagreements((one,), covered, beside=beside, asked=True, read=True)
    assert marked.attributes.get("disagrees_with") == word


def test_a_missing_request_and_missing_ocr_do_not_count_as_disagreement() -> None:
    (marked,) = mark_disagreements((SHOWN,), EVERYTHING, asked=False, read=False)
    assert marked.attributes["disagrees_with"] == "speech"


@given(
    st.lists(st.sampled_from([PROMPT, SCREEN, SHOWN, SAID, finding(TEXT, "cross_modal")]), max_size=6),
    st.booleans(),
    st.booleans(),
)
def test_marking_changes_only_the_attribute_and_is_idempotent(
    found: list[Finding], asked: bool, read: bool
) -> None:
    marked = mark_disagreements(found, EVERYTHING, asked=asked, read=read)
    assert [(one.category, one.score, one.evidence) for one in marked] == [
        (one.category, one.score, one.evidence) for one in found
    ]
    again = mark_disagreements(marked, EVERYTHING, asked=asked, read=read)
    assert again == marked
