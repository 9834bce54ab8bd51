"""Endpoints and deliveries on both databases, to real targets on the loopback address."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace

import pytest

from safelight.errors import Conflict, Forbidden, ForbiddenUrl, InvalidField, NotFound
from safelight.ids import new_id
from safelight.net.webhook_client import DeliverLimits, WebhookClient
from safelight.store.database import Database
from safelight.store.outbox import RETRY_BACKOFF
from safelight.store.tables import audit_log_contents, outbox
from safelight.trust.accounts import Accounts, KeyScope, Principal, PrincipalKind
from safelight.trust.accounts.managed_tenants import close_tenant
from safelight.trust.webhooks import (
    Deliveries,
    EventType,
    WebhookDelivery,
    Webhooks,
    build_payload,
    signature,
)
from safelight.trust.webhooks.deliveries import CLOSING_S, COOLDOWN, MAX_AGE_S
from safelight.trust.webhooks.service import MAX_ENDPOINTS
from support.webhook_receiver import Target, target

URL = "https://hooks.example/in"


class Clock:
    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def database(database_url: str, clock: Clock) -> Iterator[Database]:
    database = Database(database_url, clock=clock)
    yield database
    database.close()


@pytest.fixture
def to() -> Iterator[Target]:
    with target() as made:
        yield made


@pytest.fixture
def hooks(database: Database, to: Target) -> Webhooks:
    limits = DeliverLimits(total_s=2.0, idle_s=1.0)
    return Webhooks(database, WebhookClient(allow_hosts={to.host}, limits=limits))


def admin(tenant: str = "acme", *scopes: KeyScope) -> Principal:
    return Principal(
        tenant=tenant,
        id="ada",
        kind=PrincipalKind.PERSON,
        name="Ada",
        scopes=frozenset(scopes or {KeyScope.ADMIN}),
    )


def queue(
    database: Database,
    *,
    tenant: str = "acme",
    kind: EventType = EventType.VIDEO_COMPLETED,
    age_s: float = 0.0,
) -> tuple[str, int]:
    event = new_id("event")
    with database.across_tenants("a test") as tx:
        at = tx.now() - age_s
        payload = build_payload(event, kind, at, {"id": "video_1"})
        count = Deliveries(database).enqueue(
            tx, tenant=tenant, event_id=event, kind=kind, at=at, payload=payload
        )
    return event, count


def test_the_secret_is_returned_once_and_not_in_the_audit_log(hooks: Webhooks, database: Database) -> None:
    made, secret = hooks.create(admin(), url=URL, events=["video.completed"])
    assert secret.startswith("whsec_")
    assert made.secrets[0].hint == f"whsec_...{secret[-4:]}"
    assert made.name == "hooks.example"
    with database.across_tenants("a test", readonly=True) as tx:
        said = b"".join(bytes(row.content) for row in tx.select(audit_log_contents))
    assert secret.encode() not in said
    assert secret[-8:].encode() not in said


def test_endpoints_are_visible_to_admins_of_their_tenant_only(hooks: Webhooks) -> None:
    made, _ = hooks.create(admin(), url=URL, events=["video.failed"])
    assert [each.id for each in hooks.list(admin())] == [made.id]
    assert hooks.list(admin("other")) == ()
    for call in (
        lambda: hooks.get(admin("other"), made.id),
        lambda: hooks.delete(admin("other"), made.id),
        lambda: hooks.rotate(admin("other"), made.id),
        lambda: hooks.test(admin("other"), made.id),
        lambda: hooks.update(admin("other"), made.id, name="x"),
        lambda: hooks.get(admin(), "webhook_" + "0" * 32),
        lambda: hooks.get(admin(), "nonsense"),
    ):
        with pytest.raises(NotFound):
            call()
    with pytest.raises(Forbidden):
        hooks.list(admin("acme", KeyScope.VIDEOS_WRITE))


@pytest.mark.parametrize("url", ["https://10.0.0.1/x", "http://hooks.example/x", "https://localhost/x", "x"])
def test_a_private_target_is_refused_on_create_and_on_change(hooks: Webhooks, url: str) -> None:
    with pytest.raises(ForbiddenUrl):
        hooks.create(admin(), url=url, events=["video.failed"])
    made, _ = hooks.create(admin(), url=URL, events=["video.failed"])
    with pytest.raises(ForbiddenUrl):
        hooks.update(admin(), made.id, url=url)


def test_an_endpoint_can_subscribe_only_to_existing_events(hooks: Webhooks) -> None:
    with pytest.raises(InvalidField, match="Did you mean"):
        hooks.create(admin(), url=URL, events=["video.complete"])
    with pytest.raises(InvalidField):
        hooks.create(admin(), url=URL, events=[])
    with pytest.raises(InvalidField):
        hooks.create(admin(), url=URL, events=["video.failed"], name="x" * 101)


def test_the_number_of_endpoints_is_limited(hooks: Webhooks) -> None:
    made = [hooks.create(admin(), url=URL, events=["video.failed"])[0] for _ in range(MAX_ENDPOINTS)]
    with pytest.raises(Conflict):
        hooks.create(admin(), url=URL, events=["video.failed"])
    hooks.delete(admin(), made[0].id)
    hooks.create(admin(), url=URL, events=["video.failed"])


def test_a_change_keeps_other_fields_and_the_secret(hooks: Webhooks) -> None:
    made, _ = hooks.create(admin(), url=URL, events=["video.failed"], name="first")
    changed = hooks.update(admin(), made.id, events=["video.held", "video.completed", "video.held"])
    assert changed.events == (EventType.VIDEO_COMPLETED, EventType.VIDEO_HELD)
    assert (changed.url, changed.name, changed.secrets) == (made.url, "first", made.secrets)
    assert hooks.update(admin(), made.id) == changed


def test_the_old_secret_also_signs_for_one_day(hooks: Webhooks, clock: Clock) -> None:
    made, first = hooks.create(admin(), url=URL, events=["video.failed"])
    rotated, second = hooks.rotate(admin(), made.id)
    assert rotated.valid_secrets(clock.now) == (second, first)
    clock.now += 23 * 3600
    assert rotated.valid_secrets(clock.now) == (second, first)
    clock.now += 2 * 3600
    assert rotated.valid_secrets(clock.now) == (second,)
    at_once, third = hooks.rotate(admin(), made.id, keep_old=False)
    assert at_once.valid_secrets(clock.now) == (third,)


def test_a_test_is_sent_at_once_and_returns_the_response(hooks: Webhooks, to: Target) -> None:
    made, secret = hooks.create(admin(), url=to.url, events=["video.failed"])
    result = hooks.test(admin(), made.id)
    assert (result.status, result.error) == (200, "")
    (got,) = to.got
    body = json.loads(got.body)
    assert (body["object"], body["type"]) == ("event", "video.completed")
    assert got.headers["webhook-id"] == body["id"]
    timestamp = int(got.headers["webhook-timestamp"])
    assert got.headers["webhook-signature"] == signature(secret, body["id"], timestamp, got.body)
    to.status = 500
    assert hooks.test(admin(), made.id, event_type="safety_identifier.blocked").status == 500
    assert hooks.get(admin(), made.id).failing_since is None, (
        "a test does not affect the health of the endpoint"
    )


# Deliveries


def claim_one(box: Deliveries) -> WebhookDelivery:
    (claimed,) = box.claim({}, limit=8)
    return claimed


def test_an_event_is_sent_to_endpoints_that_subscribed_before_it(hooks: Webhooks, database: Database) -> None:
    wants, _ = hooks.create(admin(), url=URL, events=["video.completed"])
    hooks.create(admin(), url=URL, events=["video.failed"])
    hooks.create(admin("other"), url=URL, events=["video.completed"])
    gone, _ = hooks.create(admin(), url=URL, events=["video.completed"])
    hooks.delete(admin(), gone.id)
    event, count = queue(database)
    assert count == 1
    delivery = claim_one(Deliveries(database))
    assert (delivery.endpoint.id, delivery.event_id) == (wants.id, event)
    assert queue(database, age_s=10)[1] == 0


def test_who_acts_in_a_managed_tenant_deletes_its_webhooks_and_sets_up_none(hooks: Webhooks) -> None:
    made, _ = hooks.create(admin(), url=URL, events=["video.completed"])
    acting = replace(admin(), manager="home", acts_in="Acme")
    for call in (
        lambda: hooks.create(acting, url=URL, events=["video.completed"]),
        lambda: hooks.update(acting, made.id, url=URL),
        lambda: hooks.rotate(acting, made.id),
        lambda: hooks.test(acting, made.id),
    ):
        with pytest.raises(Forbidden, match="managed tenant"):
            call()
    hooks.delete(acting, made.id)
    assert hooks.list(acting) == ()


def test_a_closed_tenant_gets_the_events_of_its_last_videos_and_then_none(
    hooks: Webhooks, database: Database, clock: Clock
) -> None:
    tenant = Accounts(database).create_tenant("Acme").id
    hooks.create(admin(tenant), url=URL, events=["video.completed"])
    with database.transaction(tenant) as tx:
        close_tenant(tx, reason="Unpaid.", by="ada")
    clock.now += CLOSING_S / 2
    assert queue(database, tenant=tenant)[1] == 1
    clock.now += CLOSING_S
    assert queue(database, tenant=tenant)[1] == 0


@pytest.mark.both_databases
def test_events_are_sent_when_the_clock_goes_back(hooks: Webhooks, database: Database, clock: Clock) -> None:
    made, _ = hooks.create(admin(), url=URL, events=["video.completed"])
    deliveries = Deliveries(database)
    before, _ = queue(database)
    clock.now -= 3600
    after, count = queue(database)
    assert count == 1
    claimed = deliveries.claim({}, limit=10)
    assert {each.event_id for each in claimed} == {before, after}
    # The new times are in force: nothing is sent twice, and failed messages are tried again in order.
    assert deliveries.claim({}, limit=10) == ()
    due = [deliveries.mark_failed(each, "refused", 500) for each in claimed]
    assert all(at is not None and clock.now < at < clock.now + 600 for at in due)
    later, count = queue(database)
    assert count == 1
    clock.now = max(at for at in due if at is not None)
    claimed = deliveries.claim({made.id: 0}, limit=1) + deliveries.claim({}, limit=10)
    assert {each.event_id for each in claimed} == {before, after, later}


@pytest.mark.both_databases
def test_when_the_clock_goes_back_the_pause_of_a_failing_endpoint_is_kept(
    hooks: Webhooks, database: Database, clock: Clock
) -> None:
    hooks.create(admin(), url=URL, events=["video.completed"])
    for _ in range(4):
        queue(database)
    deliveries = Deliveries(database)
    clock.now -= 3600
    due = [deliveries.mark_failed(each, "refused", 500) for each in deliveries.claim({}, limit=10)]
    assert len(due) == 2
    assert deliveries.claim({}, limit=10) == (), "the messages of the future rest too"
    clock.now = max(at for at in due if at is not None)
    assert deliveries.claim({}, limit=10)


@pytest.mark.both_databases
def test_when_the_clock_goes_back_a_message_that_was_tried_does_not_wait_for_the_jump(
    hooks: Webhooks, database: Database, clock: Clock
) -> None:
    hooks.create(admin(), url=URL, events=["video.completed"])
    event, _ = queue(database)
    deliveries = Deliveries(database)
    deliveries.mark_failed(claim_one(deliveries), "refused", 500)
    clock.now -= 7 * 86400
    again = claim_one(deliveries)
    assert (again.event_id, again.attempt) == (event, 2)


@pytest.mark.both_databases
def test_a_message_is_claimed_by_one_worker_until_its_lease_ends(
    hooks: Webhooks, database: Database, clock: Clock
) -> None:
    hooks.create(admin(), url=URL, events=["video.completed"])
    event, _ = queue(database)
    first, second = Deliveries(database), Deliveries(database)
    assert claim_one(first).event_id == event
    assert second.claim({}, limit=8) == ()
    clock.now += 61
    again = claim_one(second)
    assert (again.event_id, again.attempt) == (event, 2)
    second.mark_delivered(again, 200)
    clock.now += 10_000
    assert first.claim({}, limit=8) == ()


def test_a_slow_endpoint_gets_only_its_share_of_deliveries(hooks: Webhooks, database: Database) -> None:
    slow, _ = hooks.create(admin(), url=URL, events=["video.completed"])
    for _ in range(10):
        queue(database)
    quick, _ = hooks.create(admin(), url=URL, events=["video.failed"])
    queue(database, kind=EventType.VIDEO_FAILED)
    box = Deliveries(database)
    ids = [each.endpoint.id for each in box.claim({}, limit=8)]
    assert sorted(ids) == sorted([slow.id, slow.id, quick.id])
    assert box.claim({slow.id: 2}, limit=8) == ()
    assert [each.endpoint.id for each in box.claim({slow.id: 1}, limit=8)] == [slow.id]


def test_a_failing_endpoint_is_paused_and_recovers_with_the_first_delivery(
    hooks: Webhooks, database: Database, clock: Clock
) -> None:
    made, _ = hooks.create(admin(), url=URL, events=["video.completed"])
    queue(database)
    queue(database)
    box = Deliveries(database)
    first = box.claim({}, limit=1)[0]
    due = box.mark_failed(first, "The target answered with status 500.", 500)
    assert due is not None
    shown = hooks.get(admin(), made.id)
    assert (shown.failing_since, shown.failures, shown.last_status) == (clock.now, 1, 500)
    assert box.claim({}, limit=8) == (), "the other message rests too"
    clock.now = due + 1
    for delivery in box.claim({}, limit=8):
        box.mark_delivered(delivery, 204)
    well = hooks.get(admin(), made.id)
    assert (well.failing_since, well.failures, well.last_error) == (None, 0, None)
    assert well.last_success_at == clock.now


def exhaust(box: Deliveries, clock: Clock) -> list[float]:
    """Fail until it is given up; when each try was."""
    tries: list[float] = []
    while True:
        delivery = claim_one(box)
        tries.append(clock.now)
        due = box.mark_failed(delivery, "no", None)
        if due is None:
            return tries
        clock.now = due


def test_a_message_is_retried_for_about_a_day_and_then_kept_as_dead(
    hooks: Webhooks, database: Database, clock: Clock
) -> None:
    made, _ = hooks.create(admin(), url=URL, events=["video.completed"])
    queue(database)
    box = Deliveries(database)
    tries = exhaust(box, clock)
    assert len(tries) <= RETRY_BACKOFF.max_attempts
    assert 20 * 3600 < tries[-1] - tries[0] < 30 * 3600
    with database.across_tenants("a test", readonly=True) as tx:
        row = tx.one(outbox, outbox.c.topic == "webhook")
    assert row is not None
    assert (row.dead_at, row.last_error) == (clock.now, "no")
    assert hooks.get(admin(), made.id).failing_since is not None


def test_waiting_messages_of_a_dead_target_are_given_up_too(
    hooks: Webhooks, database: Database, clock: Clock
) -> None:
    hooks.create(admin(), url=URL, events=["video.completed"])
    for _ in range(50):
        queue(database)
    box = Deliveries(database)
    began, tries = clock.now, 0
    while clock.now - began < MAX_AGE_S + 7 * 3600:
        for delivery in box.claim({}, limit=8):
            tries += 1
            box.mark_failed(delivery, "no", None)
        clock.now += COOLDOWN.delays_s[-1]
    assert tries <= 50 * RETRY_BACKOFF.max_attempts
    with database.across_tenants("a test", readonly=True) as tx:
        assert tx.count(outbox, outbox.c.topic == "webhook", outbox.c.dead_at.is_(None)) == 0


def test_a_deleted_endpoint_gets_no_more_messages(hooks: Webhooks, database: Database, clock: Clock) -> None:
    made, _ = hooks.create(admin(), url=URL, events=["video.completed"])
    queue(database)
    claimed = claim_one(Deliveries(database))
    queue(database)
    hooks.delete(admin(), made.id)
    Deliveries(database).mark_failed(claimed, "no", None)
    clock.now += 100
    assert Deliveries(database).claim({}, limit=8) == ()


def test_old_messages_are_deleted_and_recent_ones_kept(
    hooks: Webhooks, database: Database, clock: Clock
) -> None:
    hooks.create(admin(), url=URL, events=["video.completed"])
    box = Deliveries(database)
    queue(database)
    box.mark_delivered(claim_one(box), 200)
    clock.now += 8 * 86400
    queue(database)
    assert box.prune() == 1
    assert box.prune() == 0
    assert claim_one(box).attempt == 1
