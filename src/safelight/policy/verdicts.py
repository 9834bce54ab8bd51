"""Verdicts: the decision of a policy about content, bound to the hash of that content."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

import msgspec

from .findings import Basis, Cell, Finding, Stage

#: The outcome of content that is allowed, also with a label, only because required checks were waived.
ALLOWED_UNDER_WAIVER = "allowed_under_waiver"
#: The outcome of content that a reviewer approved although required checks were not completed.
APPROVED_WITH_GAPS = "approved_with_gaps"


class Action(StrEnum):
    """The action of a verdict. Order of severity: allow, label, hold, block."""

    ALLOW = "allow"
    LABEL = "label"
    HOLD = "hold"
    BLOCK = "block"

    @property
    def severity(self) -> int:
        return _SEVERITY[self]


_SEVERITY = {Action.ALLOW: 0, Action.LABEL: 1, Action.HOLD: 2, Action.BLOCK: 3}


def describe_outcome(action: Action, *, waived: bool, gaps_approved: bool = False) -> str:
    """The action; of content that is allowed, whether checks were missing."""
    if action.severity >= Action.HOLD.severity:
        return action.value
    return APPROVED_WITH_GAPS if gaps_approved else ALLOWED_UNDER_WAIVER if waived else action.value


class Audience(StrEnum):
    """The audience of the videos. Rules may be stricter for some audiences."""

    GENERAL = "general"
    SENSITIVE = "sensitive"
    MINORS = "minors"


class Context(msgspec.Struct, frozen=True, kw_only=True):
    """The input of a decision besides findings and coverage. Prices and server load are never part of it."""

    stage: Stage
    audience: Audience = Audience.GENERAL
    #: Ids of consent records that cover the recognised subjects of this video.
    consents: tuple[str, ...] = ()
    #: Waivers that are valid at the time of the verdict, see `policy.waivers`.
    waivers: tuple[WaiverTerms, ...] = ()
    #: Facts for `unless: context`, such as `medical`. The operator's key sets them, never an end user.
    facts: frozenset[str] = frozenset()


class WaiverTerms(msgspec.Struct, frozen=True, kw_only=True):
    """The scope of a waiver: coverage that no installed detector provides. It never covers a crash."""

    id: str
    name: str
    #: Categories, or ("*",) for the whole mandatory set.
    categories: tuple[str, ...]


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """The outcome of one stage. The same findings, coverage, context and policy give the same verdict."""

    action: Action
    stage: Stage
    #: sha256 of the evaluated content, hex; for text, of the canonical request.
    subject_sha256: str
    policy: str
    policy_sha256: str
    #: The deciding category, rule and reason; empty if no rule matched.
    category: str = ""
    rule: str = ""
    reason: str = ""
    #: The findings that the deciding rule matched; never empty if such a rule decided.
    findings: tuple[Finding, ...] = ()
    #: Ids of all rules that matched; the deciding one is first.
    matched_rules: tuple[str, ...] = ()
    #: Required cells that were not checked, except those under a waiver (`waived`).
    gaps: tuple[Cell, ...] = ()
    waived: tuple[Cell, ...] = ()
    #: Names of the waivers without which the action would be stronger.
    waivers: tuple[str, ...] = ()
    #: True after a match of a known hash or of sexual content with a sign of a minor. The file is encrypted
    #: at once and hidden from most reviewers.
    vault: bool = False
    #: True after sexual content without a complete age check, and after words that suggest sexual content
    #: with a minor. The case is not in the normal review queue.
    quarantine: bool = False
    #: True if the decision rests on the score of one classifier. Such a verdict is at most a hold, even if
    #: the rule asks for a block.
    learned_alone: bool = False
    #: True if only findings of the safety test card decided. Such a verdict is not a strike.
    test_card_only: bool = False
    #: True if a sign of distress was found: the explanation lists help lines. This is not a strike.
    support: bool = False
    #: The rest of the context. With it, the verdict can be reproduced.
    audience: Audience = Audience.GENERAL
    consents: tuple[str, ...] = ()
    facts: frozenset[str] = frozenset()

    @property
    def is_decided_by_gaps(self) -> bool:
        """Whether only missing checks hold or block the content. Then the category is not a finding."""
        return bool(self.gaps) and not self.findings and self.action is not Action.ALLOW

    def counted(self, findings: Iterable[Finding], cells: Iterable[Cell]) -> tuple[Finding, ...]:
        """The findings worth showing: all but the learned ones of categories that do not count as checked, on
        which this verdict does not rest either, such as a look-alike of a symbol in one frame.
        """
        checked = {(cell.category, cell.modality) for cell in cells if cell.available}
        return tuple(
            one
            for one in findings
            if one.basis is not Basis.LEARNED
            or (one.category, one.modality) in checked
            or one in self.findings
        )
