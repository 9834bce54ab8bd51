"""Endpoints: made, changed, rotated, tried out, ended. Every change is audited, and no secret told twice."""

from __future__ import annotations

import secrets as chance
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import msgspec

from safelight.errors import Conflict, InvalidField, NotFound
from safelight.ids import is_id, new_id
from safelight.net.webhook_client import WebhookClient
from safelight.policy.yaml_reader import did_you_mean
from safelight.store.database import Database
from safelight.store.tables import outbox, webhook_endpoints
from safelight.store.transaction import Transaction
from safelight.trust.accounts import KeyScope, Principal

from . import store
from .deliveries import TOPIC
from .models import EventType, RegisteredEndpoint, Secret, TestResult
from .signing import headers, new_secret

#: How long the secret before the newest still signs.
OVERLAP_S = 24 * 3600.0
MOST_ENDPOINTS = 20
_LONGEST_NAME = 100


class Webhooks:
    """The webhook endpoints of one installation; every method needs the scope `admin`."""

    def __init__(self, database: Database, deliverer: WebhookClient) -> None:
        self._database = database
        self._deliverer = deliverer

    def create(
        self, principal: Principal, *, url: str, events: Iterable[str], name: str = ""
    ) -> tuple[RegisteredEndpoint, str]:
        """An endpoint and its secret, which is told this once. It hears of what happens from now on.

        Raises `RefusedAddress` for a target we would not post to, `InvalidField`, and `Conflict` where there
        are too many.
        """
        principal.require(KeyScope.ADMIN)
        self._deliverer.judge(url)
        wanted, named, secret = _events(events), _name(name, url), new_secret()
        with self._database.transaction(principal.tenant) as tx:
            if tx.count(webhook_endpoints, webhook_endpoints.c.disabled_at.is_(None)) >= MOST_ENDPOINTS:
                raise Conflict(f"There are {MOST_ENDPOINTS} endpoints; delete one first.")
            now = tx.now()
            made = RegisteredEndpoint(
                id=new_id("webhook"),
                tenant=principal.tenant,
                name=named,
                url=url,
                events=wanted,
                secrets=(Secret(value=secret),),
                created_at=now,
                updated_at=now,
                disabled_at=None,
                failing_since=None,
                failures=0,
                last_status=None,
                last_error=None,
                last_success_at=None,
            )
            store.add(tx, made)
            tx.append_audit(
                "webhook.created", subject=made.id, actor=principal.id, content=_said(named, url, wanted)
            )
        return made, secret

    def list(self, principal: Principal) -> tuple[RegisteredEndpoint, ...]:
        """A tenant's endpoints, oldest first, without those that were deleted."""
        principal.require(KeyScope.ADMIN)
        with self._database.read_transaction(principal.tenant) as tx:
            rows = tx.select(
                webhook_endpoints,
                webhook_endpoints.c.disabled_at.is_(None),
                order_by=(webhook_endpoints.c.created_at, webhook_endpoints.c.id),
            )
        return tuple(store.endpoint(row) for row in rows)

    def get(self, principal: Principal, endpoint_id: str) -> RegisteredEndpoint:
        principal.require(KeyScope.ADMIN)
        with self._database.read_transaction(principal.tenant) as tx:
            return _one(tx, endpoint_id)

    def update(
        self,
        principal: Principal,
        endpoint_id: str,
        *,
        url: str | None = None,
        events: Iterable[str] | None = None,
        name: str | None = None,
    ) -> RegisteredEndpoint:
        """Change what is given and leave the rest."""
        principal.require(KeyScope.ADMIN)
        if url is not None:
            self._deliverer.judge(url)
        wanted = None if events is None else _events(events)
        with self._database.transaction(principal.tenant) as tx:
            found = _one(tx, endpoint_id, lock=True)
            changed = replace(
                found,
                url=found.url if url is None else url,
                events=found.events if wanted is None else wanted,
                name=found.name if name is None else _name(name, found.url),
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
                said = _said(changed.name, changed.url, changed.events)
                tx.append_audit("webhook.changed", subject=found.id, actor=principal.id, content=said)
            return _one(tx, endpoint_id)

    def delete(self, principal: Principal, endpoint_id: str) -> None:
        """End an endpoint, and what was still on its way to it."""
        principal.require(KeyScope.ADMIN)
        with self._database.transaction(principal.tenant) as tx:
            found = _one(tx, endpoint_id, lock=True)
            now = tx.now()
            tx.update(webhook_endpoints, webhook_endpoints.c.id == found.id, disabled_at=now, secrets=[])
            tx.delete(
                outbox,
                outbox.c.topic == TOPIC,
                outbox.c.subject == found.id,
                outbox.c.delivered_at.is_(None),
            )
            tx.append_audit("webhook.deleted", subject=found.id, actor=principal.id, content={})

    def rotate(
        self, principal: Principal, endpoint_id: str, *, keep_old: bool = True
    ) -> tuple[RegisteredEndpoint, str]:
        """A new secret, told this once. With `keep_old` messages carry the old one's signature too, for a
        day, so that the receiver can change over meanwhile."""
        principal.require(KeyScope.ADMIN)
        secret = new_secret()
        with self._database.transaction(principal.tenant) as tx:
            found = _one(tx, endpoint_id, lock=True)
            now = tx.now()
            kept = [replace(found.secrets[0], expires_at=now + OVERLAP_S)] if keep_old else []
            tx.update(
                webhook_endpoints,
                webhook_endpoints.c.id == found.id,
                secrets=store.pack([Secret(value=secret), *kept]),
                updated_at=now,
            )
            tx.append_audit(
                "webhook.rotated", subject=found.id, actor=principal.id, content={"keep_old": keep_old}
            )
            return _one(tx, endpoint_id), secret

    def test(
        self, principal: Principal, endpoint_id: str, *, event_type: str = EventType.VIDEO_COMPLETED.value
    ) -> TestResult:
        """Send a sample now, once, signed like any other; what the target answered. Nothing is retried."""
        wanted = _events([event_type])[0]
        found = self.get(principal, endpoint_id)
        now = self._database.clock()
        event = new_id("event")
        payload = payload_of(event, wanted, now, _sample(wanted))
        answer = self._deliverer.post(
            found.url, payload, headers(found.valid_secrets(now), event, int(now), payload)
        )
        with self._database.transaction(principal.tenant) as tx:
            tx.append_audit(
                "webhook.tested",
                subject=found.id,
                actor=principal.id,
                content={"status": answer.status, "error": answer.error},
            )
        return TestResult(
            endpoint_id=found.id,
            event_type=wanted,
            status=answer.status,
            error=answer.error,
            wall_s=answer.wall_s,
        )


def payload_of(event_id: str, kind: EventType, at: float, data: dict[str, Any]) -> bytes:
    """The body of one event, as OpenAI shapes them."""
    return msgspec.json.encode(
        {"object": "event", "id": event_id, "type": kind.value, "created_at": int(at), "data": data}
    )


def _sample(kind: EventType) -> dict[str, Any]:
    """Data of an event about nothing that exists."""
    if kind is EventType.SAFETY_IDENTIFIER_BLOCKED:
        return {
            "safety_identifier": "sample",
            "safety_category": "violence",
            "model": None,
            "project_id": None,
            "request_id": None,
        }
    return {"id": f"video_{chance.token_hex(16)}"}


def _one(tx: Transaction, endpoint_id: str, *, lock: bool = False) -> RegisteredEndpoint:
    row = None
    if is_id(endpoint_id, "webhook"):
        mine = (webhook_endpoints.c.id == endpoint_id, webhook_endpoints.c.disabled_at.is_(None))
        row = tx.one(webhook_endpoints, *mine, lock=lock)
    if row is None:
        raise NotFound(f"There is no webhook endpoint {endpoint_id[:80]!r}.", param="webhook_endpoint_id")
    return store.endpoint(row)


def _events(events: Iterable[str]) -> tuple[EventType, ...]:
    known = [event.value for event in EventType]
    wanted = list(dict.fromkeys(events))
    if not wanted:
        raise InvalidField(
            "An endpoint names what it wants to hear of.",
            param="event_types",
            remedy=f"Any of: {', '.join(known)}.",
        )
    for event in wanted:
        if event not in known:
            raise InvalidField(
                f"There is no event {event[:60]!r}.",
                param="event_types",
                remedy=did_you_mean(event[:60], known),
            )
    return tuple(EventType(event) for event in known if event in wanted)


def _name(name: str, url: str) -> str:
    cleaned = name.strip() or url.split("://", 1)[-1].split("/", 1)[0][:_LONGEST_NAME]
    if len(cleaned) > _LONGEST_NAME or not cleaned.isprintable():
        raise InvalidField(f"A name has 1 to {_LONGEST_NAME} printable characters.", param="name")
    return cleaned


def _said(name: str, url: str, events: Iterable[EventType]) -> dict[str, Any]:
    return {"name": name, "url": url, "events": [event.value for event in events]}
