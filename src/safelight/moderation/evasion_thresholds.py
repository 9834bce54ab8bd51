"""Raises the scores of prompts that paraphrase a blocked prompt. Pure."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from safelight.policy.findings import Basis, Finding
from safelight.trust.evasion.models import EvasionMatch

#: A lower score is not raised, so that a prompt is allowed after its user has made it harmless.
MIN_RAISED_SCORE = 0.4


def apply_scrutiny(scrutiny: EvasionMatch, findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Raise the scores in the categories of the blocked prompt: at least to the score of that prompt.

    No finding is added, so a paraphrase without findings is allowed.
    """
    return tuple(_raised(finding, scrutiny) for finding in findings)


def _raised(finding: Finding, scrutiny: EvasionMatch) -> Finding:
    score = scrutiny.matched_categories.get(finding.category, 0.0)
    if (
        not MIN_RAISED_SCORE <= finding.score < score
        or finding.test_card
        or finding.attributes.get("negated")
    ):
        return finding
    return msgspec.structs.replace(
        finding,
        score=score,
        # The finding and the similarity to a blocked prompt count together.
        basis=Basis.COMPOSED,
        reason=f"{finding.reason} The prompt paraphrases a prompt that was blocked for this category."
        if scrutiny.is_known_to_writer
        else finding.reason,
        attributes={**finding.attributes, "rewording": True},
    )
