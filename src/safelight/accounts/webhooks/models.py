"""Webhook endpoints and deliveries."""

from __future__ import annotations

from dataclasses import dataclass

from safelight.core.net.webhook_inputs import EventType
from safelight.core.records import Seconds, Shown
from safelight.store.database import Row
from safelight.store.rows import read_record


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
class EndpointIdentity(Shown):
    id: str
    name: str
    url: str
    created_at: Seconds
    updated_at: Seconds


@dataclass(frozen=True, kw_only=True)
class DeliveryHealth(Shown):
    """The result of the latest attempts."""

    #: Time of the first failure since the last success. None if the last attempt succeeded, or if there was
    #: none.
    failing_since: Seconds | None = None
    #: Number of failed attempts since the last success.
    failures: int = 0
    last_status: int | None = None
    last_error: str | None = None
    last_success_at: Seconds | None = None


@dataclass(frozen=True, kw_only=True)
class RegisteredEndpoint(EndpointIdentity, DeliveryHealth):
    """A webhook endpoint with its secrets."""

    tenant: str
    events: tuple[EventType, ...]
    #: Newest first.
    secrets: tuple[Secret, ...]
    disabled_at: float | None = None

    @property
    def failing(self) -> bool:
        return self.failing_since is not None

    @property
    def event_types(self) -> tuple[EventType, ...]:
        return self.events

    @property
    def signing_secret_hint(self) -> str:
        return self.secrets[0].hint

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


def endpoint_from_row(row: Row) -> RegisteredEndpoint:
    return read_record(RegisteredEndpoint, row)
