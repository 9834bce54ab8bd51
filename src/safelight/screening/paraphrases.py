"""Raises the scores of prompts that paraphrase a blocked prompt. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import msgspec

from safelight.policy.findings import Basis, Finding

#: A lower score is not raised, so that a prompt is allowed after its user has made it harmless.
MIN_RAISED_SCORE = 0.4


@dataclass(frozen=True, kw_only=True)
class EvasionMatch:
    """The blocked lineage that a text paraphrases. False in a boolean context if there is none."""

    #: Id of the lineage; None if the text is not a paraphrase of a blocked prompt.
    lineage: str | None = None
    #: The categories of the lineage, each with its highest score.
    matched_categories: Mapping[str, float] = field(default_factory=dict)
    #: Whether the writer was told of a block: another prompt of the lineage was submitted. A check while a
    #: prompt is typed is no block of which its writer knows.
    is_known_to_writer: bool = False

    def __bool__(self) -> bool:
        return self.lineage is not None


#: The match of a text that does not paraphrase a blocked prompt.
NO_MATCH = EvasionMatch()


def raise_scores(scrutiny: EvasionMatch, findings: Iterable[Finding]) -> tuple[Finding, ...]:
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
