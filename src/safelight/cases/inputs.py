"""Inputs of operations, from reviewers and leads. Without a dependency: commands make options of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated

from safelight.core.errors import InvalidField
from safelight.core.reasons import MAX_REASON_CHARACTERS
from safelight.core.records import About

MAX_CLAUSE_CHARACTERS = 200
MAX_SEARCH_CHARACTERS = 200
MAX_REPLY_CHARACTERS = 1000
# The service compares the length without the spaces around the text.
Reason = Annotated[str, About(max_characters=MAX_REASON_CHARACTERS)]


def parse_day(text: str, param: str) -> float:
    """The start of a day in UTC. Raises `InvalidField`."""
    try:
        return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC).timestamp()
    except ValueError:
        raise InvalidField(
            f"{text[:40]!r} is not a day.", param=param, remedy="Write a day such as 2026-11-01."
        ) from None


def _actions() -> Iterable[str]:
    from safelight.videos.case_rows import DecisionAction

    from .reviews.ozone import DECISION_TYPES

    return (*DecisionAction, *DECISION_TYPES)


_Clause = Annotated[
    Annotated[str, About(max_characters=MAX_CLAUSE_CHARACTERS)] | None,
    About(
        "The id of a rule of the policy. A decision against a person needs it, and `facts`, "
        "unless the verdict of the case gives a rule and its group.",
        help="The rule or clause that the decision is based on.",
    ),
]
_Facts = Annotated[
    Reason | None,
    About(
        "What in the content breaks the rule. The person concerned reads it.",
        help="What in the content breaks the rule; the person concerned reads it.",
    ),
]
_Reply = Annotated[
    str | None,
    About(
        "The name of a saved reply for the person who is notified: of `refuse` and `withdraw` the one who "
        "requested the video, of `keep` the reporters, of `uphold` and `overturn` the one who appealed.",
        help="The name of a saved reply, which the person concerned reads with the decision.",
    ),
]


@dataclass(frozen=True, kw_only=True)
class DecisionRequest:
    """A decision as a reviewer sends it."""

    #: Which decisions are possible depends on the case.
    action: Annotated[str, About(one_of=_actions)]
    reason: Annotated[Reason, About(help="The reason; it is recorded.")]
    clause: _Clause = None
    facts: _Facts = None
    reply: _Reply = None
    #: The version of the case that the reviewer read; None if it is not compared.
    version: int | None = None


class Sameness(StrEnum):
    """What cases have in common that are decided together."""

    #: Only this sender reported them.
    REPORTER = "reporter"
    #: The same account, and the same end user, requested the videos.
    PERSON = "person"
    #: Near-duplicates beyond those that are one case.
    CLUSTER = "cluster"


def _samenesses() -> Iterable[str]:
    return tuple(Sameness)


_Same = Annotated[
    str,
    About(
        "What the cases have in common: the one who reported them, the one who requested the videos, or the "
        "cluster of near-duplicates.",
        help="What the cases have in common: reporter, person or cluster.",
        one_of=_samenesses,
    ),
]


@dataclass(frozen=True, kw_only=True)
class SameQuery:
    same: _Same


@dataclass(frozen=True, kw_only=True)
class BulkRequest:
    """One decision on several cases that are the same."""

    same: _Same
    versions: Annotated[dict[str, int], About("The ids of the cases with the versions that were read.")] = (
        field(default_factory=dict)
    )
    action: Annotated[str, About(one_of=_actions, help="The decision, such as keep or refuse.")]
    reason: Annotated[Reason, About(help="The reason; it is recorded.")]
    clause: _Clause = None
    facts: _Facts = None
    reply: _Reply = None

    def decision(self, version: int) -> DecisionRequest:
        """The decision on one of the cases."""
        return DecisionRequest(
            action=self.action,
            reason=self.reason,
            clause=self.clause,
            facts=self.facts,
            reply=self.reply,
            version=version,
        )


_ReplyText = Annotated[str, About(max_characters=MAX_REPLY_CHARACTERS)]


@dataclass(frozen=True, kw_only=True)
class ReplyChange:
    """The texts of a saved reply. Plain text, at least one."""

    en: Annotated[_ReplyText, About(help="The text in English.")] = ""
    zh_hans: Annotated[_ReplyText, About(help="The text in Simplified Chinese.")] = ""
    zh_hant: Annotated[_ReplyText, About(help="The text in Traditional Chinese.")] = ""


class Holder(StrEnum):
    """Which reviewer has a case open."""

    OWN = "own"
    NONE = "none"
    OTHER = "other"


def _holders() -> Iterable[str]:
    return tuple(Holder)


def _kinds() -> Iterable[str]:
    from safelight.videos.case_rows import CaseKind

    return tuple(CaseKind)


def _lanes() -> Iterable[str]:
    from .reports import ReportLane

    return tuple(ReportLane)


@dataclass(frozen=True, kw_only=True)
class CaseFilter:
    """Which cases a list has. A quality review is found by kind, language, holder, id and prompt only."""

    kind: Annotated[
        str | None, About("Only cases of this kind.", help="Only cases of this kind.", one_of=_kinds)
    ] = None
    category: Annotated[
        str | None, About("Only cases of this category.", help="Only cases of this category.")
    ] = None
    language: Annotated[
        str | None,
        About(
            "Of the prompt, by its script: `en` (all that is not Chinese), `zh-Hans` or `zh-Hant`.",
            help="Only prompts in this language by their script: en, zh-Hans or zh-Hant.",
        ),
    ] = None
    lane: Annotated[
        str | None, About("The lane of a report.", help="Only reports in this lane.", one_of=_lanes)
    ] = None
    holder: Annotated[
        str | None,
        About(
            "`own`: you have it open. `other`: another reviewer has.",
            help="Only cases that you (own), nobody (none) or another reviewer (other) has open.",
            one_of=_holders,
        ),
    ] = None
    late: Annotated[
        bool,
        About("Only cases whose due time is over.", help="Only open cases whose due time is over."),
    ] = False
    search: Annotated[
        str | None,
        About(
            "The id of a case or video, words of the prompt (with the scope `videos:read`), or who "
            "requested or reported the video: an id, an e-mail address, a name, or an end user.",
            help="An id, words of the prompt, or a person who requested or reported the video.",
            max_characters=MAX_SEARCH_CHARACTERS,
        ),
    ] = None


@dataclass(frozen=True, kw_only=True)
class QueueReason:
    """Why a reviewer gives a case back, or sees it past the budget."""

    reason: Annotated[Reason, About(help="The reason; only for this reviewer.")]


@dataclass(frozen=True, kw_only=True)
class PreferencesChange:
    declined_categories: Annotated[list[str] | None, About("Left out: none.")] = None
    mails: Annotated[bool | None, About("Left out: unchanged.")] = None
    switched_off: Annotated[
        list[str] | None,
        About("Of `covered`, `grey`, `small`, `muted` and `slow`, for 8 hours. Left out: unchanged."),
    ] = None


@dataclass(frozen=True, kw_only=True)
class FiguresQuery:
    share: Annotated[
        float,
        About(
            "The share of decided videos that is to be harmful from a proposed point on, 0.5 to 1.",
            help="The share of decisions that is to be right from a proposed point on, 0.5 to 1.",
        ),
    ] = 0.9


@dataclass(frozen=True, kw_only=True)
class RulePointChange:
    """Another point of a rule of the policy in force."""

    rule: str
    score: float


def _gate_steps() -> Iterable[str]:
    from safelight.policy.gates import GateStep

    return (*GateStep,)


@dataclass(frozen=True, kw_only=True)
class GateLowering:
    """Lower the rollout step of a tenant."""

    reason: Annotated[Reason, About(help="Why; it is written to the audit log.")]
    step: Annotated[
        Annotated[str, About(one_of=_gate_steps)] | None,
        About("By default, the step below the present one.", help="The step; by default, the one below."),
    ] = None
