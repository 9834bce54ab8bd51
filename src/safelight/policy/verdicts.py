"""Verdicts: the only thing that decides, bound to the hash of what it judged."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from .coverage import Cell
from .findings import Finding, Stage


class Action(StrEnum):
    """What happens next. The order of severity is allow, label, hold, block."""

    ALLOW = "allow"
    LABEL = "label"
    HOLD = "hold"
    BLOCK = "block"

    @property
    def severity(self) -> int:
        return _SEVERITY[self]


_SEVERITY = {Action.ALLOW: 0, Action.LABEL: 1, Action.HOLD: 2, Action.BLOCK: 3}


class Audience(StrEnum):
    GENERAL = "general"
    SENSITIVE = "sensitive"
    MINORS = "minors"


class Context(msgspec.Struct, frozen=True, kw_only=True):
    """What a policy may know besides findings and coverage. Never who pays or how busy it is."""

    stage: Stage
    audience: Audience = Audience.GENERAL
    #: Ids of consent records that cover the recognised subjects of this video.
    consents: tuple[str, ...] = ()
    #: Ids of waivers in force at the time of the verdict, see `policy.waivers`.
    waivers: tuple[WaiverTerms, ...] = ()
    #: Facts for `unless: context`, such as `medical`; set by an operator's key, never by users.
    facts: frozenset[str] = frozenset()


class WaiverTerms(msgspec.Struct, frozen=True, kw_only=True):
    """What one waiver excuses: coverage that no installed detector can give. A crash is never excused."""

    id: str
    name: str
    #: Categories, or ("*",) for the whole mandatory set.
    categories: tuple[str, ...]


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """The outcome of one stage. Same findings, coverage, context and policy: same verdict."""

    action: Action
    stage: Stage
    #: sha256 of the judged content, hex; for text, of the canonical request.
    subject_sha256: str
    policy: str
    policy_sha256: str
    #: The deciding category, rule and one sentence why; empty where nothing fired.
    category: str = ""
    rule: str = ""
    reason: str = ""
    #: The findings the deciding rule rests on; never empty where a rule on findings decided.
    findings: tuple[Finding, ...] = ()
    #: Every rule that fired, the deciding one first.
    matched_rules: tuple[str, ...] = ()
    #: Required cells nobody checked; those under a waiver are in `waived`.
    gaps: tuple[Cell, ...] = ()
    waived: tuple[Cell, ...] = ()
    #: Names of the waivers that were needed for this action.
    waivers: tuple[str, ...] = ()
    #: Known hash, or sexual with a sign of a minor: locked away at once, seen by no ordinary reviewer.
    vault: bool = False
    #: Sexual while age was not checked: out of the ordinary queue.
    quarantine: bool = False
    #: Only the safety test card's own finding decided: no strike.
    test_card_only: bool = False
    #: A sign of distress was seen: who is told of this verdict gets help lines, kindly. No punishment.
    support: bool = False
    #: The rest of the context that went into it, so that it can be decided again.
    audience: Audience = Audience.GENERAL
    consents: tuple[str, ...] = ()
    facts: frozenset[str] = frozenset()
