"""The gate of help: for which requests Safelight suggests nothing. It is stricter than every policy.

A refusal never states which category caused it, because that could guide an evasion.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

from safelight.policy.categories import Category
from safelight.policy.coverage import Cell, Depth
from safelight.policy.findings import Basis, Finding, Modality, suggests_sexual_minors
from safelight.policy.verdicts import Action

#: No help if a detector reports one of these, even if the policy allows the request.
GATED = frozenset(
    category.value
    for category in (
        Category.SEXUAL_MINORS,
        Category.SEXUAL,
        Category.NCII,
        Category.LIKENESS,
        Category.EXTREMISM,
        Category.SELF_HARM_INSTRUCTIONS,
        Category.ILLICIT,
        Category.VIOLENCE_GRAPHIC,
    )
)
#: From this score on, a finding without an operating point counts.
MIN_SCORE = 0.5


class HelpRefusal(StrEnum):
    """Why a request gets no suggestions."""

    #: Our policy holds or blocks the request, or has not decided yet.
    POLICY = "policy"
    #: A detector reports a gated category.
    FINDING = "finding"
    #: Words, alone or with a finding, suggest graphic violence, a suicide, or a minor without clothes.
    WORDS = "words"
    #: A gated category was not checked in the language of the text.
    NOT_CHECKED = "not_checked"
    #: The text reads like the writer's own distress.
    DISTRESS = "distress"
    #: The request is similar to one that our policy blocked within a day.
    RECENT_BLOCK = "recent_block"
    #: The request is similar to one of another end user of the account that our policy blocked within a day.
    BLOCK_OF_ANOTHER = "block_of_another"
    #: Many requests of this end user or account were similar to one that our policy blocked within a day.
    MANY_SIMILAR = "many_similar"
    #: Our policy blocked two requests of this end user or account within a day.
    TWO_BLOCKS = "two_blocks"


def find_refusal(
    findings: Iterable[Finding],
    cells: Iterable[Cell],
    *,
    action: Action,
    undecided: bool = False,
    recent: HelpRefusal | None = None,
    dangerous: bool = False,
) -> HelpRefusal | None:
    """Why these findings and this coverage get no suggestions; None if they do. Pure.

    `recent`: the refusal that earlier blocks cause, if any. `dangerous`: whether the words
    suggest graphic violence (`graphic_words`), a suicide (`suicide_scenes`) or a minor without clothes
    (`minor_scenes`).
    """
    found = tuple(findings)
    if action.severity >= Action.HOLD.severity:
        return HelpRefusal.POLICY
    if any(is_alarm(one) and one.category == Category.SELF_HARM_INTENT for one in found):
        return HelpRefusal.DISTRESS
    if undecided:
        return HelpRefusal.POLICY
    if suggests_sexual_minors(found) or any(is_alarm(one) and one.category in GATED for one in found):
        return HelpRefusal.FINDING
    if dangerous:
        return HelpRefusal.WORDS
    if any(_was_not_checked(cell) for cell in cells):
        return HelpRefusal.NOT_CHECKED
    return recent


def is_alarm(finding: Finding) -> bool:
    """Whether a detector reports its category: at its own operating point, or else from `MIN_SCORE` on."""
    if finding.attributes.get("negated"):
        return False
    if finding.basis is Basis.LEARNED and finding.modality is Modality.TEXT:
        return finding.point is not None and finding.score >= finding.point.score
    return finding.score >= MIN_SCORE


def _was_not_checked(cell: Cell) -> bool:
    """Whether a gated category was not checked in the text, or only by lists because a classifier does not
    know the language.
    """
    if cell.category not in GATED or cell.modality is not Modality.TEXT:
        return False
    return not cell.complete or (cell.depth is Depth.LISTS and bool(cell.note))
