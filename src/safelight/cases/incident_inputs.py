"""Inputs of operations on incidents. Without a dependency: commands make options of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated

from safelight.core.records import About

from .inputs import Reason

#: One sentence on the system card.
MAX_SENTENCE_CHARACTERS = 300


def _kinds() -> Iterable[str]:
    from safelight.accounts.incidents import IncidentKind

    return tuple(IncidentKind)


def _severities() -> Iterable[str]:
    from safelight.accounts.incidents import Severity

    return tuple(Severity)


_Kind = Annotated[str, About(one_of=_kinds)]
_Severity = Annotated[str, About(one_of=_severities)]
_Sentence = Annotated[str, About(max_characters=MAX_SENTENCE_CHARACTERS)]
_KIND = About(
    help="What went wrong: harm (was delivered), overblocking (of harmless requests), disclosure (of data), "
    "unchecked (checks did not run), untrusted (marks or keys), other.",
)
_SEVERITY = About(help="How grave it is: minor, major or serious.")
_BEGAN = About(
    "A day or a time in UTC, such as `2026-11-01` or `2026-11-01T14:30`.",
    help="When it began, in UTC, such as 2026-11-01 or 2026-11-01T14:30.",
)
_ENDED = About(
    "As `began`. Empty: it goes on, or the end is not known.",
    help="When it ended, in UTC; empty if it goes on.",
)
_CATEGORY = About("Empty: none.", help="The category of the policy that it concerns; empty for none.")
_VIDEOS = About("Their ids.", help="The id of a video that it concerns; repeatable.", option="--video")
_CASES = About("Their ids.", help="The id of a case that it concerns; repeatable.", option="--case")
_SENTENCE = About(
    "For the system card, if it is published. Without names and personal data.",
    help="One sentence for the public, without names and personal data.",
)
_NOTE = About("Auditors do not read it.", help="A note for staff; auditors do not read it.")
_DONE = About(help="What was done about it.")
_Revision = Annotated[
    int | None,
    About(
        "The revision that you read. 409 if the incident was changed since.",
        help="The revision that you read; refused if the incident was changed since.",
    ),
]


@dataclass(frozen=True, kw_only=True)
class IncidentOpening:
    """A new incident."""

    kind: Annotated[_Kind, _KIND]
    severity: Annotated[_Severity, _SEVERITY]
    began: Annotated[str, _BEGAN]
    ended: Annotated[str, _ENDED] = ""
    category: Annotated[str, _CATEGORY] = ""
    videos: Annotated[list[str] | None, _VIDEOS] = None
    cases: Annotated[list[str] | None, _CASES] = None
    sentence: Annotated[_Sentence, _SENTENCE] = ""
    note: Annotated[Reason, _NOTE] = ""
    done: Annotated[Reason, _DONE] = ""


@dataclass(frozen=True, kw_only=True)
class IncidentChange:
    """What changes of an incident. What is left out stays."""

    kind: Annotated[_Kind | None, _KIND] = None
    severity: Annotated[_Severity | None, _SEVERITY] = None
    began: Annotated[str | None, _BEGAN] = None
    ended: Annotated[str | None, _ENDED] = None
    category: Annotated[str | None, _CATEGORY] = None
    videos: Annotated[list[str] | None, _VIDEOS] = None
    cases: Annotated[list[str] | None, _CASES] = None
    sentence: Annotated[_Sentence | None, _SENTENCE] = None
    note: Annotated[Reason | None, _NOTE] = None
    done: Annotated[Reason | None, _DONE] = None
    published: Annotated[
        bool | None,
        About(help="Whether the public system card has the sentence.", option="--publish/--no-publish"),
    ] = None
    revision: _Revision = None


@dataclass(frozen=True, kw_only=True)
class IncidentClosing:
    done: Annotated[
        Reason | None,
        About("Left out: as stated before.", help="What was done; by default, as stated before."),
    ] = None
    revision: _Revision = None


@dataclass(frozen=True, kw_only=True)
class IncidentQuery:
    after: Annotated[
        str | None, About("The last id of the page before.", help="The last id that you read.")
    ] = None
