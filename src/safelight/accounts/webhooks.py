"""Webhooks: sends events to registered endpoints, in the format of Standard Webhooks."""

from __future__ import annotations

import base64
import hashlib
import hmac
import logging
import secrets as secrets_
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Row, case, func, or_, select

from safelight.accounts import KeyScope, Principal
from safelight.core.backoff import Backoff
from safelight.core.errors import Conflict, InvalidField, NotFound
from safelight.core.ids import is_id, new_id
from safelight.core.net.webhook_client import WebhookClient
from safelight.core.net.webhook_inputs import (
    KEEPING_THE_OLD,
    MAX_NAME_CHARACTERS,
    SAMPLE,
    EndpointChange,
    EventType,
    NewEndpoint,
    Rotation,
    TestEvent,
)
from safelight.core.records import Seconds, Shown
from safelight.policy.yaml_reader import did_you_mean
from safelight.store.database import Database, Transaction
from safelight.store.outbox import RETRY_BACKOFF
from safelight.store.rows import read_record, stored_columns
from safelight.store.tables import outbox, webhook_endpoints

#: Outbox topic of webhook messages. There is one message per event and endpoint; its subject is the endpoint.
TOPIC = "webhook"
#: Maximum age of a message. After a failed attempt, an older message is not tried again.
MAX_AGE_S = 24 * 3600.0
#: After a failed attempt, no message is sent to the endpoint for this time.
COOLDOWN = Backoff.doubling(first_s=5.0, max_s=300.0)
#: Maximum number of messages that one process sends to one endpoint at the same time.
MAX_CONCURRENT_PER_ENDPOINT = 2
_RETENTION_S = 7 * 86400.0
_MAX_ENDPOINTS_PER_CLAIM = 100
PREFIX = "whsec_"
_SECRET_BYTES = 24
#: After a rotation, how long messages also carry the signature of the previous secret.
SECRET_OVERLAP_S = 24 * 3600.0
MAX_ENDPOINTS = 20

# Webhook endpoints and deliveries.


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


def endpoint_from_row(row: Row[Any]) -> RegisteredEndpoint:
    return read_record(RegisteredEndpoint, row)


# The delivery queue of webhooks: enqueues events, hands them to senders, and schedules retries.

_log = logging.getLogger(__name__)


class _Body(msgspec.Struct, frozen=True, kw_only=True):
    """The body of a message in the outbox."""

    event: str
    payload: str


class Deliveries:
    """Delivers every event at least once.

    If a process stops before `mark_delivered`, the event is sent again with the same id. A lease prevents two
    processes from sending the same message at the same time.
    """

    def __init__(self, database: Database, *, lease_s: float = 60.0) -> None:
        self._database = database
        self._lease_s = lease_s

    def enqueue(
        self, tx: Transaction, *, tenant: str, event_id: str, kind: EventType, at: float, payload: bytes
    ) -> int:
        """Enqueue an event for each endpoint that had subscribed when it happened.

        Returns the number of endpoints.
        """
        now, created_at = tx.now(), webhook_endpoints.c.created_at
        rows = tx.select(
            webhook_endpoints,
            webhook_endpoints.c.tenant_id == tenant,
            webhook_endpoints.c.disabled_at.is_(None),
            # An endpoint "of the future" was created before the clock of the system went back.
            or_(created_at <= at, created_at > now),
        )
        subscribed = [row.id for row in rows if kind.value in row.events]
        for endpoint in subscribed:
            tx.insert(
                outbox,
                id=new_id("event"),
                tenant_id=tenant,
                topic=TOPIC,
                subject=endpoint,
                body=msgspec.json.encode(_Body(event=event_id, payload=payload.decode())),
                created_at=now,
                due_at=now,
            )
        return len(subscribed)

    def claim(self, under_way: Mapping[str, int], *, limit: int) -> tuple[WebhookDelivery, ...]:
        """Claim up to `limit` due deliveries. No other caller gets them until their lease expires.

        `under_way` is the number of running deliveries of each endpoint; they count towards
        `MAX_CONCURRENT_PER_ENDPOINT`. The endpoint that has waited longest comes first.
        """
        with self._database.across_tenants("listing endpoints with due webhooks", readonly=True) as tx:
            waiting = _endpoints_with_due_messages(tx)
        if not waiting or limit <= 0:
            return ()
        claimed: list[WebhookDelivery] = []
        with self._database.across_tenants("claiming webhooks") as tx:
            for endpoint_id in waiting:
                room = min(MAX_CONCURRENT_PER_ENDPOINT - under_way.get(endpoint_id, 0), limit - len(claimed))
                if room > 0:
                    claimed += self._claim_for(tx, endpoint_id, room)
        return tuple(claimed)

    def _claim_for(self, tx: Transaction, endpoint_id: str, room: int) -> list[WebhookDelivery]:
        row = tx.one(webhook_endpoints, webhook_endpoints.c.id == endpoint_id)
        now = tx.now()
        due = tx.select(
            outbox,
            *_undelivered(endpoint_id),
            _is_due(now),
            order_by=(outbox.c.due_at, outbox.c.id),
            limit=room,
            lock=True,
            skip_locked=True,
        )
        if row is None or row.disabled_at is not None:
            for message in due:
                tx.update(
                    outbox, outbox.c.id == message.id, dead_at=now, last_error="The endpoint was deleted."
                )
            return []
        claimed = []
        for message in due:
            try:
                claimed.append(_delivery(message, endpoint_from_row(row)))
            except msgspec.DecodeError:
                _log.exception("The webhook message %s cannot be read and is not sent.", message.id)
                tx.update(
                    outbox, outbox.c.id == message.id, dead_at=now, last_error="The message cannot be read."
                )
                continue
            tx.update(
                outbox,
                outbox.c.id == message.id,
                attempts=message.attempts + 1,
                due_at=now + self._lease_s,
            )
        return claimed

    def mark_delivered(self, delivery: WebhookDelivery, status: int) -> None:
        """Record that a delivery succeeded, and clear the failures of its endpoint."""
        with self._database.across_tenants("a webhook was delivered") as tx:
            now = tx.now()
            tx.update(outbox, outbox.c.id == delivery.id, delivered_at=now, last_error=None)
            tx.update(
                webhook_endpoints,
                webhook_endpoints.c.id == delivery.endpoint.id,
                failing_since=None,
                failures=0,
                last_status=status,
                last_error=None,
                last_success_at=now,
            )

    def mark_failed(self, delivery: WebhookDelivery, error: str, status: int | None) -> float | None:
        """Record a failed attempt and pause the endpoint.

        Returns the time of the next attempt, or None if no further attempt is made.
        """
        with self._database.across_tenants("a webhook was not delivered") as tx:
            now = tx.now()
            row = tx.one(webhook_endpoints, webhook_endpoints.c.id == delivery.endpoint.id, lock=True)
            if row is None:
                return None
            failures = row.failures + 1
            tx.update(
                webhook_endpoints,
                webhook_endpoints.c.id == row.id,
                failing_since=now if row.failing_since is None else row.failing_since,
                failures=failures,
                last_status=status,
                last_error=error[:500],
            )
            paused_until = self._pause(tx, row.id, now, failures)
            if RETRY_BACKOFF.is_exhausted(delivery.attempt) or now - delivery.created_at >= MAX_AGE_S:
                tx.update(outbox, outbox.c.id == delivery.id, dead_at=now, last_error=error[:500])
                return None
            due = max(paused_until, now + RETRY_BACKOFF.delay_s(delivery.attempt))
            tx.update(outbox, outbox.c.id == delivery.id, due_at=due, last_error=error[:500])
            return due

    def _pause(self, tx: Transaction, endpoint_id: str, now: float, failures: int) -> float:
        until: float = now + COOLDOWN.delay_s(failures)
        tx.update(
            outbox, *_undelivered(endpoint_id), or_(outbox.c.due_at < until, _is_due(now)), due_at=until
        )
        tx.update(
            outbox,
            *_undelivered(endpoint_id),
            outbox.c.created_at < now - MAX_AGE_S,
            dead_at=now,
            last_error="The endpoint failed for too long.",
        )
        return until

    def prune(self) -> int:
        """Delete messages that were delivered or given up more than a week ago. Returns their number."""
        with self._database.across_tenants("old messages") as tx:
            old = tx.now() - _RETENTION_S
            deleted = tx.delete(outbox, outbox.c.delivered_at < old)
            return deleted + tx.delete(outbox, outbox.c.topic == TOPIC, outbox.c.dead_at < old)


def _undelivered(endpoint_id: str) -> tuple[Any, ...]:
    return (
        outbox.c.topic == TOPIC,
        outbox.c.subject == endpoint_id,
        outbox.c.delivered_at.is_(None),
        outbox.c.dead_at.is_(None),
    )


def _is_due(now: float) -> ColumnElement[bool]:
    """Whether a message may be sent: its time has come, or is later than any delay because the clock went
    back.
    """
    pause_s = max(COOLDOWN.delays_s)
    delays_s = {number: max(delay_s, pause_s) for number, delay_s in enumerate(RETRY_BACKOFF.delays_s, 1)}
    longest_s = case({0: pause_s, **delays_s}, value=outbox.c.attempts, else_=max(delays_s.values()))
    return or_(outbox.c.due_at <= now, outbox.c.due_at - longest_s > now)


def _endpoints_with_due_messages(tx: Transaction) -> list[str]:
    """Ids of the endpoints that have due messages. The endpoint that has waited longest comes first."""
    first = func.min(outbox.c.due_at)
    statement = (
        select(outbox.c.subject)
        .where(
            outbox.c.topic == TOPIC,
            _is_due(tx.now()),
            outbox.c.delivered_at.is_(None),
            outbox.c.dead_at.is_(None),
        )
        .group_by(outbox.c.subject)
        .order_by(first)
        .limit(_MAX_ENDPOINTS_PER_CLAIM)
    )
    return [row.subject for row in tx.execute(statement)]


def _delivery(row: Row[Any], endpoint: RegisteredEndpoint) -> WebhookDelivery:
    body = msgspec.json.decode(row.body, type=_Body)
    return WebhookDelivery(
        id=row.id,
        event_id=body.event,
        endpoint=endpoint,
        payload=body.payload.encode(),
        created_at=row.created_at,
        attempt=row.attempts + 1,
    )


# Signs webhook messages and builds their headers, in the format of Standard Webhooks.


def new_secret() -> str:
    """A new signing secret: `whsec_` followed by random bytes in base64."""
    return PREFIX + base64.b64encode(secrets_.token_bytes(_SECRET_BYTES)).decode()


def signature(secret: str, message_id: str, timestamp: int, payload: bytes) -> str:
    """The signature of a message: `v1,` and a base64 value.

    The value is the HMAC-SHA256 over id, timestamp and payload, joined by dots.
    """
    key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    signed = b".".join((message_id.encode(), str(timestamp).encode(), payload))
    return "v1," + base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()


def signed_headers(secrets: Iterable[str], message_id: str, timestamp: int, payload: bytes) -> dict[str, str]:
    """The three headers of a message. Every valid secret adds a signature to it."""
    signed = " ".join(signature(secret, message_id, timestamp, payload) for secret in secrets)
    return {
        "content-type": "application/json",
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": signed,
    }


# Creates, changes, tests and deletes webhook endpoints. Every change is in the audit log.


class Webhooks:
    """Manages the webhook endpoints of one installation. Every method needs the scope `admin`."""

    def __init__(self, database: Database, client: WebhookClient) -> None:
        self._database = database
        self._client = client

    def create(self, principal: Principal, asked: NewEndpoint) -> tuple[RegisteredEndpoint, str]:
        """Create an endpoint, which receives events from now on. Its secret is returned only here.

        Raises `ForbiddenUrl` for a URL to which webhooks must not be sent, `InvalidField`, and `Conflict` if
        the tenant has too many endpoints.
        """
        principal.require(KeyScope.ADMIN)
        self._client.judge(asked.url)
        wanted, named, secret = _events(asked.event_types), _name(asked.name or "", asked.url), new_secret()
        with self._database.transaction(principal.tenant) as tx:
            if tx.count(webhook_endpoints, webhook_endpoints.c.disabled_at.is_(None)) >= MAX_ENDPOINTS:
                raise Conflict(
                    f"There are {MAX_ENDPOINTS} endpoints, which is the maximum; delete one first."
                )
            now = tx.now()
            made = RegisteredEndpoint(
                id=new_id("webhook"),
                tenant=principal.tenant,
                name=named,
                url=asked.url,
                events=wanted,
                secrets=(Secret(value=secret),),
                created_at=now,
                updated_at=now,
            )
            tx.insert(webhook_endpoints, **stored_columns(made, webhook_endpoints))
            tx.append_audit(
                "webhook.created",
                subject=made.id,
                actor=principal.id,
                content=_audit_content(named, asked.url, wanted),
            )
        return made, secret

    def list(self, principal: Principal) -> tuple[RegisteredEndpoint, ...]:
        """The endpoints of a tenant, oldest first. Deleted endpoints are not included."""
        principal.require(KeyScope.ADMIN)
        with self._database.read_transaction(principal.tenant) as tx:
            rows = tx.select(
                webhook_endpoints,
                webhook_endpoints.c.disabled_at.is_(None),
                order_by=(webhook_endpoints.c.created_at, webhook_endpoints.c.id),
            )
        return tuple(endpoint_from_row(row) for row in rows)

    def get(self, principal: Principal, webhook_endpoint_id: str) -> RegisteredEndpoint:
        principal.require(KeyScope.ADMIN)
        with self._database.read_transaction(principal.tenant) as tx:
            return _one(tx, webhook_endpoint_id)

    def update(
        self, principal: Principal, webhook_endpoint_id: str, asked: EndpointChange
    ) -> RegisteredEndpoint:
        """Change those fields of an endpoint that are given."""
        principal.require(KeyScope.ADMIN)
        if asked.url is not None:
            self._client.judge(asked.url)
        wanted = None if asked.event_types is None else _events(asked.event_types)
        with self._database.transaction(principal.tenant) as tx:
            found = _one(tx, webhook_endpoint_id, lock=True)
            changed = replace(
                found,
                url=found.url if asked.url is None else asked.url,
                events=found.events if wanted is None else wanted,
                name=found.name if asked.name is None else _name(asked.name, found.url),
            )
            if changed != found:
                tx.update(
                    webhook_endpoints,
                    webhook_endpoints.c.id == found.id,
                    url=changed.url,
                    events=[event.value for event in changed.events],
                    name=changed.name,
                    updated_at=tx.now(),
                )
                content = _audit_content(changed.name, changed.url, changed.events)
                tx.append_audit("webhook.changed", subject=found.id, actor=principal.id, content=content)
            return _one(tx, webhook_endpoint_id)

    def delete(self, principal: Principal, webhook_endpoint_id: str) -> RegisteredEndpoint:
        """Delete an endpoint and its undelivered messages."""
        principal.require(KeyScope.ADMIN)
        with self._database.transaction(principal.tenant) as tx:
            found = _one(tx, webhook_endpoint_id, lock=True)
            now = tx.now()
            tx.update(webhook_endpoints, webhook_endpoints.c.id == found.id, disabled_at=now, secrets=[])
            tx.delete(
                outbox,
                outbox.c.topic == TOPIC,
                outbox.c.subject == found.id,
                outbox.c.delivered_at.is_(None),
            )
            tx.append_audit("webhook.deleted", subject=found.id, actor=principal.id, content={})
        return found

    def rotate(
        self, principal: Principal, webhook_endpoint_id: str, asked: Rotation = KEEPING_THE_OLD
    ) -> tuple[RegisteredEndpoint, str]:
        """Replace the signing secret of an endpoint. The new secret is returned only here.

        Unless told otherwise, messages also carry the signature of the old secret for a day, so that the
        receiver has time to change its configuration.
        """
        keep_old = asked.keep_old_secret_active_for_24_hours is not False
        principal.require(KeyScope.ADMIN)
        secret = new_secret()
        with self._database.transaction(principal.tenant) as tx:
            found = _one(tx, webhook_endpoint_id, lock=True)
            now = tx.now()
            kept = [replace(found.secrets[0], expires_at=now + SECRET_OVERLAP_S)] if keep_old else []
            tx.update(
                webhook_endpoints,
                webhook_endpoints.c.id == found.id,
                secrets=[asdict(one) for one in (Secret(value=secret), *kept)],
                updated_at=now,
            )
            tx.append_audit(
                "webhook.rotated", subject=found.id, actor=principal.id, content={"keep_old": keep_old}
            )
            return _one(tx, webhook_endpoint_id), secret

    def test(self, principal: Principal, webhook_endpoint_id: str, asked: TestEvent = SAMPLE) -> TestResult:
        """Send a sample event once, signed like every event, and return the result."""
        principal.require(KeyScope.ADMIN)
        event_type = EventType.VIDEO_COMPLETED if asked.event_type is None else asked.event_type
        wanted = _events([event_type])[0]
        found = self.get(principal, webhook_endpoint_id)
        now = self._database.clock()
        event = new_id("event")
        payload = build_payload(event, wanted, now, _sample(wanted))
        response = self._client.post(
            found.url, payload, signed_headers(found.valid_secrets(now), event, int(now), payload)
        )
        with self._database.transaction(principal.tenant) as tx:
            tx.append_audit(
                "webhook.tested",
                subject=found.id,
                actor=principal.id,
                content={"status": response.status, "error": response.error},
            )
        return TestResult(
            endpoint_id=found.id,
            event_type=wanted,
            status=response.status,
            error=response.error,
            wall_s=response.wall_s,
        )


def build_payload(event_id: str, kind: EventType, at: float, data: dict[str, Any]) -> bytes:
    """The body of one event, in the format of OpenAI."""
    return msgspec.json.encode(
        {"object": "event", "id": event_id, "type": kind.value, "created_at": int(at), "data": data}
    )


def _sample(kind: EventType) -> dict[str, Any]:
    """The field `data` of a sample event."""
    if kind is EventType.SAFETY_IDENTIFIER_BLOCKED:
        return {
            "safety_identifier": "sample",
            "safety_category": "violence",
            "model": None,
            "project_id": None,
            "request_id": None,
        }
    return {"id": f"video_{secrets_.token_hex(16)}"}


def _one(tx: Transaction, endpoint_id: str, *, lock: bool = False) -> RegisteredEndpoint:
    row = None
    if is_id(endpoint_id, "webhook"):
        mine = (webhook_endpoints.c.id == endpoint_id, webhook_endpoints.c.disabled_at.is_(None))
        row = tx.one(webhook_endpoints, *mine, lock=lock)
    if row is None:
        raise NotFound(f"No webhook endpoint has the id {endpoint_id[:80]!r}.", param="webhook_endpoint_id")
    return endpoint_from_row(row)


def _events(events: Iterable[str]) -> tuple[EventType, ...]:
    known = [event.value for event in EventType]
    wanted = list(dict.fromkeys(events))
    if not wanted:
        raise InvalidField(
            "An endpoint needs at least one event type.",
            param="event_types",
            remedy=f"Use any of: {', '.join(known)}.",
        )
    for event in wanted:
        if event not in known:
            raise InvalidField(
                f"{event[:60]!r} is not an event type.",
                param="event_types",
                remedy=did_you_mean(event[:60], known),
            )
    return tuple(EventType(event) for event in known if event in wanted)


def _name(name: str, url: str) -> str:
    cleaned = name.strip() or url.split("://", 1)[-1].split("/", 1)[0][:MAX_NAME_CHARACTERS]
    if len(cleaned) > MAX_NAME_CHARACTERS or not cleaned.isprintable():
        raise InvalidField(f"A name must have 1 to {MAX_NAME_CHARACTERS} printable characters.", param="name")
    return cleaned


def _audit_content(name: str, url: str, events: Iterable[EventType]) -> dict[str, Any]:
    return {"name": name, "url": url, "events": [event.value for event in events]}
