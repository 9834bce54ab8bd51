"""Canaries: requests that a client marks, whose attempts are apart from those of other clients."""

from __future__ import annotations

import threading

import msgspec

from safelight.providers.attempts.attempt_log import AttemptLog
from safelight.providers.attempts.drift import DriftKind, DriftSource
from safelight.providers.attempts.drift_history import DriftHistory
from safelight.providers.attempts.drift_watch import DriftWatch
from safelight.providers.attempts.models import CANARY_METADATA, AttemptFilter, AttemptOrigin, AttemptOutcome
from safelight.providers.attempts.patterns import find_patterns
from safelight.providers.attempts.risk_history import judged_requests
from safelight.store.tables import attempts, outbox
from safelight.testing.upstream import ScriptedUpstream
from support.attempts import submitted

from .conftest import House
from .test_refusal_budget import limit, refused
from .test_video_lifecycle import PAID

HOUR_S = 3_600.0
CANARIES = AttemptFilter(origin=AttemptOrigin.CANARY)


def test_a_marked_request_is_a_canary_is_listed_apart_and_counts_in_the_refusal_budget(
    house: House, upstream: ScriptedUpstream
) -> None:
    budget, log, tenant = limit(house, 4), AttemptLog(house.database), house.who.tenant
    user = house.make("a lake", **PAID)
    first = house.make("a quiet lake", metadata={**CANARY_METADATA, "note": "x"}, **PAID)
    second = refused(house, upstream, "a lake at dusk", metadata=CANARY_METADATA)
    other = refused(house, upstream, "a lake at noon", metadata={"safelight_origin": "else"})
    found = log.page(tenant, CANARIES).items
    assert [(one.video_id, one.outcome) for one in found] == [
        (second.id, AttemptOutcome.REFUSED),
        (first.id, AttemptOutcome.PASSED),
    ]
    for wanted in (AttemptFilter(), AttemptFilter(origin=AttemptOrigin.GATEWAY)):
        assert [one.video_id for one in log.page(tenant, wanted).items] == [other.id, user.id]
    # Pages of canaries follow each other, and each one is found by its id.
    (last,) = log.page(tenant, CANARIES, after=found[0].id).items
    assert log.get(tenant, last.id) == last
    assert last.origin is AttemptOrigin.CANARY
    assert not last.is_reported
    # The provider's answer can be read as of any other attempt of the gateway.
    assert "moderation" in (log.answer(tenant, found[0]) or "")
    assert budget.read()["paid"].refused == 2


def test_a_drift_is_found_within_seven_canaries_and_reported_once_and_no_statistic_of_users_reads_them(
    house: House,
) -> None:
    database, tenant = house.database, house.who.tenant
    start = database.clock() - 40 * HOUR_S
    for number in range(37):
        passed = {"outcome": "done", "state": "delivered", "explanation": None} if number < 30 else {}
        submitted(database, tenant, at=start + number * HOUR_S, is_canary=True, **passed)
    history = DriftHistory(AttemptLog(database))
    (drift,) = history.drifts(tenant)
    assert (drift.kind, drift.found_in) == (DriftKind.REFUSES_MORE, DriftSource.CANARIES)
    assert (drift.since, drift.after.count) == (start + 30 * HOUR_S, 7)
    with database.transaction(tenant) as tx:
        tx.publish("video.blocked", subject="video_1", body={})
    watch = DriftWatch(database, history, stopping=threading.Event())
    assert watch.search_next() == tenant
    with database.read_transaction(tenant) as tx:
        (event,) = tx.select(outbox, outbox.c.topic == "provider.drift")
        assert len(tx.select(attempts, attempts.c.is_canary.is_not(None))) == 37
    assert msgspec.json.decode(event.body)["kind"] == "refuses_more"
    read = AttemptLog(database).all(tenant, AttemptFilter())
    assert not list(judged_requests(read, "my-runway"))
    assert not find_patterns(read)
