"""Endpoints that are told of events, and one delivery on its way."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class EventType(StrEnum):
    """What an endpoint may be told of. OpenAI's names where OpenAI has them."""

    VIDEO_COMPLETED = "video.completed"
    VIDEO_FAILED = "video.failed"
    #: Ours: a person has to decide.
    VIDEO_HELD = "video.held"
    #: Ours: taken back after it was delivered.
    VIDEO_WITHDRAWN = "video.withdrawn"
    #: A request with a `safety_identifier` was blocked.
    SAFETY_IDENTIFIER_BLOCKED = "safety_identifier.blocked"


@dataclass(frozen=True, kw_only=True)
class Secret:
    """A signing secret, `whsec_...`. Not used after `expires_at` (None: the newest, used until rotated)."""

    value: str
    expires_at: float | None = None

    @property
    def hint(self) -> str:
        """Enough to tell secrets apart, too little to sign with."""
        return f"whsec_...{self.value[-4:]}"


@dataclass(frozen=True, kw_only=True)
class RegisteredEndpoint:
    id: str
    tenant: str
    name: str
    url: str
    events: tuple[EventType, ...]
    #: Newest first.
    secrets: tuple[Secret, ...]
    created_at: float
    updated_at: float
    disabled_at: float | None
    #: Since when nothing arrived any more; None: all is well, or nothing was sent yet.
    failing_since: float | None
    #: Attempts that failed since something last arrived.
    failures: int
    last_status: int | None
    last_error: str | None
    last_success_at: float | None

    def valid_secrets(self, now: float) -> tuple[str, ...]:
        """The secrets to sign with now, the newest first."""
        return tuple(
            secret.value for secret in self.secrets if secret.expires_at is None or secret.expires_at > now
        )


@dataclass(frozen=True, kw_only=True)
class WebhookDelivery:
    """One event to one endpoint, claimed by this process until its lease ends."""

    #: Of the message in the outbox.
    id: str
    #: The event's id: the receiver sees it again when it is sent again.
    event_id: str
    endpoint: RegisteredEndpoint
    payload: bytes
    created_at: float
    #: This one included.
    attempt: int


@dataclass(frozen=True, kw_only=True)
class TestResult:
    """What came of a test sent at once. `status` is None where there was no answer."""

    #: Not a class of tests, whatever its name begins with.
    __test__ = False

    endpoint_id: str
    event_type: EventType
    status: int | None
    error: str
    wall_s: float
