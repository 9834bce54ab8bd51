"""Webhook endpoints and deliveries."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


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
    #: Every row of a batch has ended.
    BATCH_COMPLETED = "batch.completed"
    #: A batch was stopped by a rule, its ceiling or an error. OpenAI has this event too.
    BATCH_FAILED = "batch.failed"
    BATCH_CANCELLED = "batch.cancelled"
    #: A provider behaves differently than before, or a drift that was reported has ended.
    PROVIDER_DRIFT = "provider.drift"
    #: Safelight stopped a canary.
    CANARY_STOPPED = "canary.stopped"
    #: The standing of an account or end user changed.
    STANDING_CHANGED = "standing.changed"
    #: A case waits for a reviewer.
    CASE_OPENED = "case.opened"
    #: A case still waits, and its due time is near.
    CASE_DUE_SOON = "case.due_soon"
    #: A reviewer decided a case, and the decision was carried out.
    CASE_DECIDED = "case.decided"
    #: A reviewer decided an appeal, and the decision was carried out.
    APPEAL_DECIDED = "appeal.decided"
    #: A person withdrew a consent, or the operator ended it.
    CONSENT_WITHDRAWN = "consent.withdrawn"
    #: A report has an outcome, which the reporter gets.
    REPORT_DECIDED = "report.decided"


@dataclass(frozen=True, kw_only=True)
class Secret:
    """A signing secret, `whsec_...`. It is not used after `expires_at`.

    `expires_at` of the newest secret is None: it is used until it is rotated.
    """

    value: str
    expires_at: float | None = None

    @property
    def hint(self) -> str:
        """The end of the secret: enough to distinguish it from others, too short to sign with."""
        return f"whsec_...{self.value[-4:]}"


@dataclass(frozen=True, kw_only=True)
class RegisteredEndpoint:
    """A webhook endpoint with its secrets and the result of its latest attempts."""

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
    #: Time of the first failure since the last success. None if the last attempt succeeded, or if there was
    #: none.
    failing_since: float | None
    #: Number of failed attempts since the last success.
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
    """One event for one endpoint. This process has claimed it until the lease expires."""

    #: The id of the message in the outbox.
    id: str
    #: The id of the event. It is the same in every attempt.
    event_id: str
    endpoint: RegisteredEndpoint
    payload: bytes
    created_at: float
    #: The number of this attempt, starting with 1.
    attempt: int


@dataclass(frozen=True, kw_only=True)
class TestResult:
    """The result of a test event. `status` is None if the endpoint did not respond."""

    #: Prevents pytest from collecting this class as a test.
    __test__ = False

    endpoint_id: str
    event_type: EventType
    status: int | None
    error: str
    wall_s: float
