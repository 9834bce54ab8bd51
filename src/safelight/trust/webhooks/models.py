"""Webhook endpoints and deliveries."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class EventType(StrEnum):
    """The types of events. Names are those of OpenAI if it has the event."""

    VIDEO_COMPLETED = "video.completed"
    VIDEO_FAILED = "video.failed"
    #: Ours: a reviewer has to decide.
    VIDEO_HELD = "video.held"
    #: Ours: withdrawn after it was delivered.
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
        """Enough to distinguish secrets, too little to sign with."""
        return f"whsec_...{self.value[-4:]}"


@dataclass(frozen=True, kw_only=True)
class RegisteredEndpoint:
    """A webhook endpoint with its secrets and the result of its last attempts."""

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
    #: The first failure since the last success; None if the last attempt succeeded or there was none.
    failing_since: float | None
    #: Failed attempts since the last success.
    failures: int
    last_status: int | None
    last_error: str | None
    last_success_at: float | None

    def valid_secrets(self, now: float) -> tuple[str, ...]:
        """The secrets that are valid now, newest first."""
        return tuple(
            secret.value for secret in self.secrets if secret.expires_at is None or secret.expires_at > now
        )


@dataclass(frozen=True, kw_only=True)
class WebhookDelivery:
    """One event for one endpoint, claimed by this process until its lease expires."""

    #: The id of the message in the outbox.
    id: str
    #: The id of the event, the same in every attempt.
    event_id: str
    endpoint: RegisteredEndpoint
    payload: bytes
    created_at: float
    #: The number of this attempt, from 1.
    attempt: int


@dataclass(frozen=True, kw_only=True)
class TestResult:
    """The result of a test event. `status` is None without a response."""

    #: Tells pytest that this is not a test class.
    __test__ = False

    endpoint_id: str
    event_type: EventType
    status: int | None
    error: str
    wall_s: float
