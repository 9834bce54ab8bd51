"""Endpoints and deliveries on both databases, to real targets on the loopback address."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from safelight.accounts import KeyScope, Principal
from safelight.accounts.webhooks import (
    COOLDOWN,
    MAX_AGE_S,
    MAX_ENDPOINTS,
    Deliveries,
    RegisteredEndpoint,
    WebhookDelivery,
    Webhooks,
    build_payload,
    signature,
)
from safelight.core.errors import Conflict, Forbidden, ForbiddenUrl, InvalidField, NotFound
from safelight.core.ids import new_id
from safelight.core.net.webhook_client import DeliverLimits, WebhookClient
from safelight.core.net.webhook_inputs import EndpointChange, EventType, NewEndpoint, Rotation, TestEvent
from safelight.store.database import Database
from safelight.store.outbox import RETRY_BACKOFF
from safelight.store.tables import audit_log_contents, outbox
from support.people import person
from support.review_room import Clock
from support.webhook_receiver import Target, target

URL = "https://hooks.example/in"
COMPLETED, FAILED = EventType.VIDEO_COMPLETED, EventType.VIDEO_FAILED


def admin(tenant: str = "acme") -> Principal:
    return person(tenant, KeyScope.ADMIN)


ADA, STRANGER = admin(), admin("other")


@pytest.fixture
def to() -> Iterator[Target]:
    with target() as made:
        yield made


@pytest.fixture
def hooks(database: Database, to: Target) -> Webhooks:
    limits = DeliverLimits(total_s=2.0, idle_s=1.0)
    return Webhooks(database, WebhookClient(allow_hosts={to.host}, limits=limits))


@pytest.fixture
def box(database: Database) -> Deliveries:
    return Deliveries(database)


@pytest.fixture
def endpoint(hooks: Webhooks) -> RegisteredEndpoint:
    """An endpoint of `acme` for videos that are completed."""
    return subscribe(hooks)


def subscribe(hooks: Webhooks, event: EventType = COMPLETED, who: Principal = ADA, **fields: Any) -> Any:
    return hooks.create(who, NewEndpoint(**{"url": URL, "event_types": [event], **fields}))[0]


def queue(
    database: Database, *, tenant: str = "acme", kind: EventType = COMPLETED, age_s: float = 0.0
) -> tuple[str, int]:
    """The id of a new event, and to how many endpoints it goes."""
    event = new_id("event")
    with database.across_tenants("a test") as tx:
        at = tx.now() - age_s
        payload = build_payload(event, kind, at, {"id": "video_1"})
        count = Deliveries(database).enqueue(
            tx, tenant=tenant, event_id=event, kind=kind, at=at, payload=payload
        )
    return event, count


def queue_for_one(database: Database) -> str:
    """The id of a new event, which goes to one endpoint."""
    event, count = queue(database)
    assert count == 1
    return event


def claim_one(box: Deliveries) -> WebhookDelivery:
    (claimed,) = box.claim({}, limit=8)
    return claimed


def test_the_secret_is_returned_once_and_not_in_the_audit_log(hooks: Webhooks, database: Database) -> None:
    made, secret = hooks.create(ADA, NewEndpoint(url=URL, event_types=["video.completed"]))
    assert secret.startswith("whsec_")
    assert (made.name, made.secrets[0].hint) == ("hooks.example", f"whsec_...{secret[-4:]}")
    with database.across_tenants("a test", readonly=True) as tx:
        said = b"".join(bytes(row.content) for row in tx.select(audit_log_contents))
    assert secret[-8:].encode() not in said


def test_endpoints_are_visible_to_admins_of_their_tenant_only(
    hooks: Webhooks, endpoint: RegisteredEndpoint
) -> None:
    assert [each.id for each in hooks.list(ADA)] == [endpoint.id]
    assert hooks.list(STRANGER) == ()
    for call in (
        lambda: hooks.get(STRANGER, endpoint.id),
        lambda: hooks.delete(STRANGER, endpoint.id),
        lambda: hooks.rotate(STRANGER, endpoint.id),
        lambda: hooks.test(STRANGER, endpoint.id),
        lambda: hooks.update(STRANGER, endpoint.id, EndpointChange(name="x")),
        lambda: hooks.get(ADA, "webhook_" + "0" * 32),
        lambda: hooks.get(ADA, "nonsense"),
    ):
        with pytest.raises(NotFound):
            call()
    with pytest.raises(Forbidden):
        hooks.list(person("acme", KeyScope.VIDEOS_WRITE))


def test_a_private_target_is_refused_on_create_and_on_change(
    hooks: Webhooks, endpoint: RegisteredEndpoint
) -> None:
    for url in ("https://10.0.0.1/x", "http://hooks.example/x", "https://localhost/x", "x"):
        with pytest.raises(ForbiddenUrl):
            subscribe(hooks, url=url)
        with pytest.raises(ForbiddenUrl):
            hooks.update(ADA, endpoint.id, EndpointChange(url=url))


def test_events_must_exist_and_names_and_endpoints_are_limited(hooks: Webhooks) -> None:
    with pytest.raises(InvalidField, match="Did you mean"):
        subscribe(hooks, event_types=["video.complete"])
    for wrong in ({"event_types": []}, {"name": "x" * 101}):
        with pytest.raises(InvalidField):
            subscribe(hooks, **wrong)
    made = [subscribe(hooks) for _ in range(MAX_ENDPOINTS)]
    with pytest.raises(Conflict):
        subscribe(hooks)
    hooks.delete(ADA, made[0].id)
    subscribe(hooks)


def test_a_change_keeps_other_fields_and_the_secret(hooks: Webhooks) -> None:
    made = subscribe(hooks, FAILED, name="first")
    changed = hooks.update(
        ADA, made.id, EndpointChange(event_types=["video.held", "video.completed", "video.held"])
    )
    assert changed.events == (COMPLETED, EventType.VIDEO_HELD)
    assert (changed.url, changed.name, changed.secrets) == (made.url, "first", made.secrets)
    assert hooks.update(ADA, made.id, EndpointChange()) == changed


def test_the_old_secret_also_signs_for_one_day(hooks: Webhooks, clock: Clock) -> None:
    made, first = hooks.create(ADA, NewEndpoint(url=URL, event_types=["video.failed"]))
    rotated, second = hooks.rotate(ADA, made.id)
    for hours, valid in ((0, (second, first)), (23, (second, first)), (2, (second,))):
        clock.now += hours * 3600
        assert rotated.valid_secrets(clock.now) == valid
    at_once, third = hooks.rotate(ADA, made.id, Rotation(keep_old_secret_active_for_24_hours=False))
    assert at_once.valid_secrets(clock.now) == (third,)


def test_a_test_is_sent_at_once_and_returns_the_response(hooks: Webhooks, to: Target) -> None:
    made, secret = hooks.create(ADA, NewEndpoint(url=to.url, event_types=["video.failed"]))
    result = hooks.test(ADA, made.id)
    assert (result.status, result.error) == (200, "")
    (got,) = to.got
    body = json.loads(got.body)
    assert (body["object"], body["type"]) == ("event", "video.completed")
    assert got.headers["webhook-id"] == body["id"]
    timestamp = int(got.headers["webhook-timestamp"])
    assert got.headers["webhook-signature"] == signature(secret, body["id"], timestamp, got.body)
    to.status = 500
    assert hooks.test(ADA, made.id, TestEvent(event_type="safety_identifier.blocked")).status == 500
    failing_since = hooks.get(ADA, made.id).failing_since
    assert failing_since is None, "a test does not affect the health of the endpoint"


# Deliveries


def test_an_event_is_sent_to_endpoints_that_subscribed_before_it(
    hooks: Webhooks, endpoint: RegisteredEndpoint, database: Database, box: Deliveries
) -> None:
    subscribe(hooks, FAILED)
    subscribe(hooks, who=STRANGER)
    hooks.delete(ADA, subscribe(hooks).id)
    event = queue_for_one(database)
    delivery = claim_one(box)
    assert (delivery.endpoint.id, delivery.event_id) == (endpoint.id, event)
    assert queue(database, age_s=10)[1] == 0


@pytest.mark.both_databases
def test_events_are_sent_when_the_clock_goes_back(
    endpoint: RegisteredEndpoint, database: Database, clock: Clock, box: Deliveries
) -> None:
    before = queue_for_one(database)
    clock.now -= 3600
    after = queue_for_one(database)
    claimed = box.claim({}, limit=10)
    assert {each.event_id for each in claimed} == {before, after}
    # The new times are in force: nothing is sent twice, and failed messages are tried again in order.
    assert box.claim({}, limit=10) == ()
    due = [box.mark_failed(each, "refused", 500) for each in claimed]
    assert all(at is not None and clock.now < at < clock.now + 600 for at in due)
    later = queue_for_one(database)
    clock.now = max(at for at in due if at is not None)
    claimed = box.claim({endpoint.id: 0}, limit=1) + box.claim({}, limit=10)
    assert {each.event_id for each in claimed} == {before, after, later}


@pytest.mark.both_databases
def test_when_the_clock_goes_back_the_pause_of_a_failing_endpoint_is_kept(
    endpoint: RegisteredEndpoint, database: Database, clock: Clock, box: Deliveries
) -> None:
    for _ in range(4):
        queue(database)
    clock.now -= 3600
    due = [box.mark_failed(each, "refused", 500) for each in box.claim({}, limit=10)]
    assert len(due) == 2
    assert box.claim({}, limit=10) == (), "the messages of the future rest too"
    clock.now = max(at for at in due if at is not None)
    assert box.claim({}, limit=10)


@pytest.mark.both_databases
def test_when_the_clock_goes_back_a_message_that_was_tried_does_not_wait_for_the_jump(
    endpoint: RegisteredEndpoint, database: Database, clock: Clock, box: Deliveries
) -> None:
    event = queue_for_one(database)
    box.mark_failed(claim_one(box), "refused", 500)
    clock.now -= 7 * 86400
    again = claim_one(box)
    assert (again.event_id, again.attempt) == (event, 2)


@pytest.mark.both_databases
def test_a_message_is_claimed_by_one_worker_until_its_lease_ends(
    endpoint: RegisteredEndpoint, database: Database, clock: Clock, box: Deliveries
) -> None:
    event, second = queue_for_one(database), Deliveries(database)
    assert claim_one(box).event_id == event
    assert second.claim({}, limit=8) == ()
    clock.now += 61
    again = claim_one(second)
    assert (again.event_id, again.attempt) == (event, 2)
    second.mark_delivered(again, 200)
    clock.now += 10_000
    assert box.claim({}, limit=8) == ()


def test_a_slow_endpoint_gets_only_its_share_of_deliveries(
    hooks: Webhooks, endpoint: RegisteredEndpoint, database: Database, box: Deliveries
) -> None:
    for _ in range(10):
        queue(database)
    quick = subscribe(hooks, FAILED)
    queue(database, kind=FAILED)
    ids = [each.endpoint.id for each in box.claim({}, limit=8)]
    assert sorted(ids) == sorted([endpoint.id, endpoint.id, quick.id])
    assert box.claim({endpoint.id: 2}, limit=8) == ()
    assert [each.endpoint.id for each in box.claim({endpoint.id: 1}, limit=8)] == [endpoint.id]


def test_a_failing_endpoint_is_paused_and_recovers_with_the_first_delivery(
    hooks: Webhooks, endpoint: RegisteredEndpoint, database: Database, clock: Clock, box: Deliveries
) -> None:
    queue(database)
    queue(database)
    (first,) = box.claim({}, limit=1)
    due = box.mark_failed(first, "The target answered with status 500.", 500)
    assert due is not None
    shown = hooks.get(ADA, endpoint.id)
    assert (shown.failing_since, shown.failures, shown.last_status) == (clock.now, 1, 500)
    assert box.claim({}, limit=8) == (), "the other message rests too"
    clock.now = due + 1
    for delivery in box.claim({}, limit=8):
        box.mark_delivered(delivery, 204)
    well = hooks.get(ADA, endpoint.id)
    assert (well.failing_since, well.failures, well.last_error) == (None, 0, None)
    assert well.last_success_at == clock.now


def test_a_message_is_retried_for_about_a_day_and_then_kept_as_dead(
    hooks: Webhooks, endpoint: RegisteredEndpoint, database: Database, clock: Clock, box: Deliveries
) -> None:
    queue(database)
    tries = [clock.now]
    while (due := box.mark_failed(claim_one(box), "no", None)) is not None:
        clock.now = due
        tries.append(due)
    assert len(tries) <= RETRY_BACKOFF.max_attempts
    assert 20 * 3600 < tries[-1] - tries[0] < 30 * 3600
    with database.across_tenants("a test", readonly=True) as tx:
        (row,) = tx.select(outbox, outbox.c.topic == "webhook")
    assert (row.dead_at, row.last_error) == (clock.now, "no")
    assert hooks.get(ADA, endpoint.id).failing_since is not None


def test_waiting_messages_of_a_dead_target_are_given_up_too(
    endpoint: RegisteredEndpoint, database: Database, clock: Clock, box: Deliveries
) -> None:
    for _ in range(50):
        queue(database)
    began, tries = clock.now, 0
    while clock.now - began < MAX_AGE_S + 7 * 3600:
        for delivery in box.claim({}, limit=8):
            tries += 1
            box.mark_failed(delivery, "no", None)
        clock.now += COOLDOWN.delays_s[-1]
    assert tries <= 50 * RETRY_BACKOFF.max_attempts
    with database.across_tenants("a test", readonly=True) as tx:
        assert tx.count(outbox, outbox.c.topic == "webhook", outbox.c.dead_at.is_(None)) == 0


def test_a_deleted_endpoint_gets_no_more_messages(
    hooks: Webhooks, endpoint: RegisteredEndpoint, database: Database, clock: Clock, box: Deliveries
) -> None:
    queue(database)
    claimed = claim_one(box)
    queue(database)
    hooks.delete(ADA, endpoint.id)
    box.mark_failed(claimed, "no", None)
    clock.now += 100
    assert box.claim({}, limit=8) == ()


def test_old_messages_are_deleted_and_recent_ones_kept(
    endpoint: RegisteredEndpoint, database: Database, clock: Clock, box: Deliveries
) -> None:
    queue(database)
    box.mark_delivered(claim_one(box), 200)
    clock.now += 8 * 86400
    queue(database)
    assert [box.prune() for _ in range(2)] == [1, 0]
    assert claim_one(box).attempt == 1
