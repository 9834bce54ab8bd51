"""Which decisions give a strike. Pure.

A check, a hold, a quarantine, a vaulted video, the safety test card, a sign of distress, a missing check and
a paraphrase never do. A block by the policy does so only on matched or composed evidence in the words or
references of the request: the person did not draw the output.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from safelight.policy.findings import INDICATOR_SCORE, Basis, Finding, Stage
from safelight.policy.verdicts import Action, Verdict
from safelight.trust.reviews.priority import severity_of

#: Signs of distress. A person who searches for help is not punished for it.
_DISTRESS = frozenset({"self-harm", "self-harm/intent"})
_REQUEST_STAGES = frozenset({Stage.PROMPT, Stage.REFERENCE})
_GROUNDED = frozenset({Basis.MATCHED, Basis.COMPOSED})


@dataclass(frozen=True, kw_only=True)
class Cause:
    """Why a strike is given."""

    category: str
    #: Whether one classifier alone reported it.
    learned: bool = False

    @property
    def severity(self) -> int:
        return severity_of(self.category)


def find_machine_cause(verdict: Verdict, *, is_paraphrase: bool = False) -> Cause | None:
    """The cause of a strike after a block by the policy; None if it gives no strike."""
    grounded = any(
        one.basis in _GROUNDED and not one.test_card and one.category == verdict.category
        for one in verdict.findings
    )
    if verdict.action is not Action.BLOCK or verdict.stage not in _REQUEST_STAGES:
        return None
    return Cause(category=verdict.category) if grounded and not is_paraphrase and _may(verdict) else None


def find_refusal_cause(verdict: Verdict, requested: Iterable[Finding]) -> Cause | None:
    """The cause of a strike after a reviewer refused a held video; None if it gives no strike.

    `verdict`: the verdict that held it. `requested`: the findings in the request. A refused output gives a
    strike only if the request already had a sign of the same category.
    """
    if not verdict.findings or not _may(verdict):
        return None
    if verdict.stage not in _REQUEST_STAGES and not _has_sign(requested, verdict.category):
        return None
    return Cause(category=verdict.category, learned=verdict.learned_alone)


def find_withdrawal_cause(category: str, requested: Iterable[Finding]) -> Cause | None:
    """The cause of a strike after a reviewer withdrew a reported video; None if it gives no strike.

    `category`: the one that the reviewer or a finding confirmed, else empty. `requested`: the findings in the
    request. Without a sign of this category in the request, the generator is the cause, not the person.
    """
    if category in _DISTRESS or not _has_sign(requested, category):
        return None
    return Cause(category=category)


def _has_sign(requested: Iterable[Finding], category: str) -> bool:
    return any(
        one.category == category and one.score >= INDICATOR_SCORE and not one.test_card for one in requested
    )


def _may(verdict: Verdict) -> bool:
    return not (
        verdict.vault
        or verdict.quarantine
        or verdict.test_card_only
        or verdict.support
        or verdict.category in _DISTRESS
    )
