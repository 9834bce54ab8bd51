"""Sends webhooks: converts events of the outbox to messages, and delivers them.

Each endpoint that is subscribed to an event gets one message.
"""

from __future__ import annotations

import logging
import threading
from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import msgspec

from safelight.accounts.standing import TOPIC as STANDING_TOPIC
from safelight.accounts.statements import statement_of_case
from safelight.accounts.webhooks import Deliveries, WebhookDelivery, build_payload, signed_headers
from safelight.cases.appeals import BY_REPORTER
from safelight.cases.reports.notice_store import PAGE_TOPIC
from safelight.cases.reports.notice_store import TOPIC as REPORT_TOPIC
from safelight.cases.reviews.case_mails import announce_by_mail
from safelight.cases.vault_alerts import TOPICS as VAULT_TOPICS
from safelight.consents.store import WITHDRAWN_TOPIC as CONSENT_TOPIC
from safelight.core.background.part import BackgroundPart
from safelight.core.net.webhook_client import WebhookClient
from safelight.core.net.webhook_inputs import EventType
from safelight.providers.attempts.drift_alarms import TOPIC as DRIFT_TOPIC
from safelight.store import tables
from safelight.store.database import Database, Row, Transaction
from safelight.videos import mappers
from safelight.videos.case_rows import CaseState, DecisionAction
from safelight.videos.models import VideoState

_log = logging.getLogger(__name__)
_INTERVAL_S = 0.5
_PRUNE_INTERVAL_S = 3600.0
_MAX_EVENTS_PER_BATCH = 200
#: Maximum number of messages that one process sends at the same time.
_MAX_SENDERS = 8

#: The webhook event for each state of an accepted video. A state that is not listed sends no event.
_EVENTS: Mapping[VideoState, EventType] = {
    VideoState.DELIVERED: EventType.VIDEO_COMPLETED,
    VideoState.REJECTED: EventType.VIDEO_FAILED,
    VideoState.BLOCKED: EventType.VIDEO_FAILED,
    VideoState.FAILED: EventType.VIDEO_FAILED,
    VideoState.HELD: EventType.VIDEO_HELD,
    VideoState.WITHDRAWN: EventType.VIDEO_WITHDRAWN,
}
_BLOCKS = frozenset({VideoState.REJECTED, VideoState.BLOCKED})
_TOPICS = {f"video.{state.value}": state for state in VideoState}
#: The webhook event for each topic of a case of the review queue.
_CASE_EVENTS: Mapping[str, EventType] = {
    "case.opened": EventType.CASE_OPENED,
    "case.due_soon": EventType.CASE_DUE_SOON,
    "case.decided": EventType.CASE_DECIDED,
}
#: The webhook event for each topic whose message is the data of the event.
_BODY_EVENTS: Mapping[str, EventType] = {
    DRIFT_TOPIC: EventType.PROVIDER_DRIFT,
    STANDING_TOPIC: EventType.STANDING_CHANGED,
    **{topic: EventType(topic) for topic in VAULT_TOPICS},
}


class Notifier:
    """A background part with several senders. Several processes may share a database."""

    def __init__(
        self,
        database: Database,
        deliveries: Deliveries,
        deliverer: WebhookClient,
        *,
        stopping: threading.Event,
        mails_cases: bool = False,
    ) -> None:
        """`mails_cases`: also let `CaseMails` announce cases that wait."""
        self._mails_cases = mails_cases
        self._database = database
        self._deliveries = deliveries
        self._deliverer = deliverer
        self._stopping = stopping
        self._in_flight: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._senders = ThreadPoolExecutor(max_workers=_MAX_SENDERS, thread_name_prefix="webhooks")
        self.part = BackgroundPart(
            "notifier",
            {"queue_events": self._queue_all_events, "send": self.send},
            interval_s=_INTERVAL_S,
            stopping=stopping,
            version=database.version,
        )
        #: A part of its own, because it has another interval.
        self.pruning = BackgroundPart(
            "webhook-pruning", {"prune": deliveries.prune}, interval_s=_PRUNE_INTERVAL_S, stopping=stopping
        )

    def queue_events(self) -> int:
        """Convert events to messages, one per subscribed endpoint. Returns the number of converted events.

        An event is marked as done in the same transaction, so that it is converted only once. An event that
        cannot be converted stays in the outbox, and the others are converted.
        """
        due = (
            tables.outbox.c.topic.in_(
                [*_TOPICS, *_CASE_EVENTS, *_BODY_EVENTS, REPORT_TOPIC, PAGE_TOPIC, CONSENT_TOPIC]
            ),
            tables.outbox.c.due_at <= self._database.clock(),
            tables.outbox.c.delivered_at.is_(None),
            tables.outbox.c.dead_at.is_(None),
            tables.outbox.c.id.not_in(self.part.rows.parked()),
        )
        converted = 0
        with self._database.across_tenants("video events", readonly=True) as tx:
            if not tx.select(tables.outbox, *due, columns=[tables.outbox.c.id], limit=1):
                return 0
        with self._database.across_tenants("queueing webhooks for video events") as tx:
            events = tx.select(
                tables.outbox,
                *due,
                order_by=(tables.outbox.c.due_at, tables.outbox.c.id),
                limit=_MAX_EVENTS_PER_BATCH,
                lock=True,
                skip_locked=True,
            )
            for event in events:
                with self.part.rows.attempt(event.id), tx.savepoint():
                    self._queue_event(tx, event)
                    tx.update(tables.outbox, event.id, delivered_at=tx.now())
                    converted += 1
        return converted

    def send(self) -> int:
        """Hand due messages to the free senders. Returns the number of messages."""
        with self._lock:
            room = _MAX_SENDERS - self._in_flight.total()
            claimed = self._deliveries.claim(dict(self._in_flight), limit=room) if room else ()
            for delivery in claimed:
                self._in_flight[delivery.endpoint.id] += 1
        for delivery in claimed:
            self._senders.submit(self._send_one, delivery)
        return len(claimed)

    def _queue_event(self, tx: Transaction, event: Row) -> None:
        if event.topic == EventType.CASE_DECIDED.value:
            self._queue_decision(tx, event)
            return
        if event.topic in _CASE_EVENTS:
            self._queue_case_event(tx, event, _CASE_EVENTS[event.topic])
            return
        if event.topic == REPORT_TOPIC:
            self._queue_report_event(tx, event)
            return
        if event.topic == PAGE_TOPIC:
            if self._mails_cases:
                announce_by_mail(tx, event.subject, event.tenant_id, due_soon=False)
            return
        if event.topic in _BODY_EVENTS:
            body = msgspec.json.decode(event.body)
            self._queue(tx, event, event.id, _BODY_EVENTS[event.topic], body)
            return
        if event.topic == CONSENT_TOPIC:
            self._queue(tx, event, event.id, EventType.CONSENT_WITHDRAWN, {"id": event.subject})
            return
        state = _TOPICS[event.topic]
        kind = _EVENTS.get(state)
        row = None
        if kind is not None:
            videos = tables.videos.c
            row = tx.one(tables.videos, event.subject, videos.tenant_id == event.tenant_id)
        if kind is None or row is None:
            return
        if row.accepted_at is not None:
            self._queue(tx, event, event.id, kind, {"id": row.id})
        if state in _BLOCKS and row.end_user is not None:
            blocked = _identifier_blocked(row)
            if blocked is not None:
                # A second event needs its own id, which must stay the same if this event is processed again.
                self._queue(tx, event, f"{event.id}b", EventType.SAFETY_IDENTIFIER_BLOCKED, blocked)

    def _queue_case_event(self, tx: Transaction, event: Row, kind: EventType) -> None:
        """An event of a case that still waits: a link for the reviewers, and nothing about the video."""
        of = tables.cases.c
        row = tx.one(tables.cases, of.id == event.subject, of.tenant_id == event.tenant_id)
        if row is not None and row.state == CaseState.OPEN.value and row.leader_id is None:
            data = {
                "id": row.id,
                "kind": row.kind,
                "due_at": int(row.due_at),
                "path": f"/review/{row.id}",
            }
            self._queue(tx, event, event.id, kind, data)
            if self._mails_cases:
                announce_by_mail(tx, row.id, row.tenant_id, due_soon=kind is EventType.CASE_DUE_SOON)

    def _queue_report_event(self, tx: Transaction, event: Row) -> None:
        """The outcome of a report, without anything about the reporter: the id is enough to find them."""
        of = tables.notices.c
        row = tx.one(tables.notices, of.id == event.subject, of.tenant_id == event.tenant_id)
        if row is not None and row.outcome is not None:
            data = {"id": row.id, "video_id": row.video_id, "lane": row.lane, "outcome": row.outcome}
            self._queue(tx, event, event.id, EventType.REPORT_DECIDED, data)

    def _queue_decision(self, tx: Transaction, event: Row) -> None:
        """The outcome of a case, and of the appeal that it is about, without anything about the reviewer."""
        decided, tenant = tables.decisions.c, event.tenant_id
        made = tx.one(tables.decisions, decided.case_id == event.subject, decided.tenant_id == tenant)
        case = tx.one(tables.cases, event.subject, tables.cases.c.tenant_id == tenant)
        if made is None or case is None:
            return
        data = {"id": case.id, "kind": case.kind, "video_id": case.video_id, "action": made.action}
        self._queue(tx, event, event.id, EventType.CASE_DECIDED, data)
        appeal = tx.one(tables.appeals, tables.appeals.c.case_id == case.id)
        if appeal is None:
            return
        # A reporter stays unknown: this event also reaches systems for the person who requested the video.
        is_reporter = statement_of_case(tx, case.id).content.kind in BY_REPORTER
        data = {
            "id": appeal.id,
            "statement_id": appeal.statement_id,
            "video_id": appeal.video_id,
            "safety_identifier": None if is_reporter else appeal.end_user,
            "state": "overturned" if made.action == DecisionAction.OVERTURN.value else "upheld",
        }
        # A second event needs its own id, which must stay the same if this event is processed again.
        self._queue(tx, event, f"{event.id}a", EventType.APPEAL_DECIDED, data)

    def _queue(
        self, tx: Transaction, event: Row, event_id: str, kind: EventType, data: dict[str, Any]
    ) -> None:
        self._deliveries.enqueue(
            tx,
            tenant=event.tenant_id,
            event_id=event_id,
            kind=kind,
            at=event.created_at,
            payload=build_payload(event_id, kind, event.created_at, data),
        )

    def _send_one(self, delivery: WebhookDelivery) -> None:
        try:
            now = self._database.clock()
            secrets = delivery.endpoint.valid_secrets(now)
            signed = signed_headers(secrets, delivery.event_id, int(now), delivery.payload)
            answer = self._deliverer.post(delivery.endpoint.url, delivery.payload, signed)
            if answer.arrived and answer.status is not None:
                self._deliveries.mark_delivered(delivery, answer.status)
            elif self._deliveries.mark_failed(delivery, answer.error, answer.status) is None:
                _log.warning(
                    "%s: delivery to %s failed, and no further attempt is made.",
                    delivery.event_id,
                    delivery.endpoint.id,
                )
        except Exception as error:
            # The lease of the message expires, and then the message is sent again.
            _log.warning("%s: the result of the delivery was not recorded: %r", delivery.event_id, error)
        finally:
            with self._lock:
                self._in_flight[delivery.endpoint.id] -= 1

    def _queue_all_events(self) -> None:
        while self.queue_events() >= _MAX_EVENTS_PER_BATCH and not self._stopping.is_set():
            continue


def _identifier_blocked(row: Row) -> dict[str, Any] | None:
    """The event data for an end user whose request was blocked. None if no verdict blocked the content."""
    explanation = mappers.from_json(row.explanation) or {}
    if explanation.get("reason") == "review_expired":
        return None
    named = explanation.get("categories") or []
    category = "withheld" if row.vaulted else explanation.get("group") or (named[0] if named else "unknown")
    return {
        "safety_identifier": row.end_user,
        "safety_category": category,
        "model": row.model,
        "project_id": row.tenant_id,
        "request_id": row.id,
    }
