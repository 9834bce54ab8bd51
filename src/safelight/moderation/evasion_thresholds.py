"""Raises scores of prompts that paraphrase a blocked prompt. Pure."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from safelight.policy.findings import Finding
from safelight.trust.evasion.models import EvasionMatch

#: Lower scores stay unchanged, so that a prompt that was changed until it is harmless is allowed.
MIN_RAISED_SCORE = 0.4


def apply_scrutiny(scrutiny: EvasionMatch, findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """The findings. Those in a category of the earlier block get at least the score that they had there.

    No finding is added: a prompt without findings is allowed.
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
        reason=f"{finding.reason} The prompt paraphrases a request that was blocked for this.",
        attributes={**finding.attributes, "rewording": True},
    )
