"""A rewording of a block is looked at as closely as the block was. Pure."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from safelight.policy.findings import Finding
from safelight.trust.evasion.models import EvasionMatch

#: Fainter findings stay what they are: who changes a prompt until it is harmless should get through.
WEAK_SCORE = 0.4


def apply_scrutiny(scrutiny: EvasionMatch, findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """The findings; those of what the block was for, even faint ones, count as much as they did there.

    Nothing is added: words in which no detector sees anything any more are free.
    """
    return tuple(_raised(finding, scrutiny) for finding in findings)


def _raised(finding: Finding, scrutiny: EvasionMatch) -> Finding:
    score = scrutiny.matched_categories.get(finding.category, 0.0)
    if not WEAK_SCORE <= finding.score < score or finding.test_card or finding.attributes.get("negated"):
        return finding
    return msgspec.structs.replace(
        finding,
        score=score,
        reason=f"{finding.reason} It rewords a request that was blocked for this.",
        attributes={**finding.attributes, "rewording": True},
    )
