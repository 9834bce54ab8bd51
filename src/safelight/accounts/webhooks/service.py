"""Creates, changes, tests and deletes webhook endpoints. Every change is in the audit log."""

from __future__ import annotations

import secrets as secrets_
from collections.abc import Iterable
from dataclasses import asdict, replace
from typing import Any

import msgspec

from safelight.accounts import KeyScope, Principal
from safelight.core.errors import Conflict, InvalidField, NotFound
from safelight.core.ids import new_id
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
from safelight.policy.yaml_reader import did_you_mean
from safelight.store.database import Database, Transaction
from safelight.store.rows import stored_columns
from safelight.store.tables import outbox, webhook_endpoints

from .deliveries import TOPIC
from .models import RegisteredEndpoint, Secret, TestResult, endpoint_from_row
from .signing import new_secret, signed_headers

#: After a rotation, how long messages also carry the signature of the previous secret.
SECRET_OVERLAP_S = 24 * 3600.0
MAX_ENDPOINTS = 20


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
                    found.id,
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
            tx.update(webhook_endpoints, found.id, disabled_at=now, secrets=[])
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
                found.id,
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
    in_use = webhook_endpoints.c.disabled_at.is_(None)
    row = tx.find(webhook_endpoints, "webhook", endpoint_id, in_use, lock=lock)
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
