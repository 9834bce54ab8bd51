"""What callers send for webhook endpoints. Without a dependency: commands make options of it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

from safelight.core.records import About

MAX_NAME_CHARACTERS = 100


class EventType(StrEnum):
    """The types of events. An event that OpenAI has too keeps the name that it has there."""

    VIDEO_COMPLETED = "video.completed"
    VIDEO_FAILED = "video.failed"
    #: Not an event of OpenAI. A video is held, and a reviewer has to decide.
    VIDEO_HELD = "video.held"
    #: Not an event of OpenAI. A delivered video was withdrawn.
    VIDEO_WITHDRAWN = "video.withdrawn"
    #: A request that named an end user by `safety_identifier` was blocked.
    SAFETY_IDENTIFIER_BLOCKED = "safety_identifier.blocked"
    #: A provider behaves differently than before, or a drift that was reported has ended.
    PROVIDER_DRIFT = "provider.drift"
    #: The standing of an account or end user changed.
    STANDING_CHANGED = "standing.changed"
    #: A case waits for a reviewer.
    CASE_OPENED = "case.opened"
    #: A case still waits, and its due time is near.
    CASE_DUE_SOON = "case.due_soon"
    #: A reviewer decided a case, and the decision was carried out.
    CASE_DECIDED = "case.decided"
    #: Something waits for the vault officer.
    VAULT_OPENED = "vault.opened"
    #: The vault officer did not decide in time.
    VAULT_OVERDUE = "vault.overdue"
    #: A reviewer decided an appeal, and the decision was carried out.
    APPEAL_DECIDED = "appeal.decided"
    #: A person withdrew a consent, or the operator ended it.
    CONSENT_WITHDRAWN = "consent.withdrawn"
    #: A report has an outcome, which the reporter gets.
    REPORT_DECIDED = "report.decided"


EventTypeName = Annotated[str, About(one_of=lambda: EventType)]
_Name = Annotated[str, About(max_characters=MAX_NAME_CHARACTERS)]
_Url = Annotated[str, About(format="uri")]


@dataclass(frozen=True, kw_only=True)
class NewEndpoint:
    """A webhook endpoint to create. Without a name it is called after its host."""

    event_types: list[EventTypeName]
    url: _Url
    name: _Name | None = None


@dataclass(frozen=True, kw_only=True)
class EndpointChange:
    """Those fields of a webhook endpoint that change."""

    url: _Url | None = None
    event_types: list[EventTypeName] | None = None
    name: _Name | None = None


@dataclass(frozen=True, kw_only=True)
class Rotation:
    keep_old_secret_active_for_24_hours: bool | None = True


KEEPING_THE_OLD = Rotation()


@dataclass(frozen=True, kw_only=True)
class TestEvent:
    #: Prevents pytest from collecting this class as a test.
    __test__ = False

    event_type: Annotated[
        EventTypeName | None, About(help="The event type of the sample.", option="--event")
    ] = "video.completed"


SAMPLE = TestEvent()
