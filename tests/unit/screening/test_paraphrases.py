"""What a rewording inherits: faint findings of what the block was for count, and nothing is made up."""

from __future__ import annotations

from dataclasses import replace

from safelight.screening.paraphrases import NO_MATCH, EvasionMatch, raise_scores
from support.verdicts import seen

BLOCK = EvasionMatch(lineage="lineage_1", matched_categories={"extremism": 0.9})


def test_a_weak_finding_of_the_same_category_gets_the_score_of_the_block() -> None:
    (raised,) = raise_scores(BLOCK, [seen("extremism", 0.45)])
    assert raised.score == 0.9
    assert raised.attributes["rewording"] is True


def test_a_writer_who_was_told_of_no_block_is_told_of_no_paraphrase() -> None:
    (raised,) = raise_scores(BLOCK, [seen("extremism", 0.45)])
    assert raised.reason == "Because."
    (raised,) = raise_scores(replace(BLOCK, is_known_to_writer=True), [seen("extremism", 0.45)])
    assert "paraphrases" in raised.reason


def test_other_categories_negations_and_stronger_findings_are_unchanged() -> None:
    findings = (
        seen("hate", 0.4),
        seen("extremism", 0.35),
        seen("extremism", 0.95),
        seen("extremism", 0.4, negated=True),
        seen("extremism", 0.4, card=True),
    )
    assert raise_scores(BLOCK, findings) == findings


def test_a_paraphrase_without_findings_is_unchanged() -> None:
    assert raise_scores(BLOCK, ()) == ()
    assert raise_scores(NO_MATCH, (weak := seen("extremism", 0.4),)) == (weak,)
