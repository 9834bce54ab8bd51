"""Canaries at a simulated provider with a drift date: from the calls to the event and the page."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from safelight.providers.attempts.attempt_log import AttemptLog
from safelight.providers.attempts.canaries.models import StopReason
from safelight.providers.attempts.drift import DriftKind, DriftSource
from safelight.providers.attempts.drift_history import DriftHistory
from safelight.providers.attempts.drift_watch import DriftWatch
from safelight.providers.attempts.models import AttemptFilter
from safelight.providers.attempts.patterns import find_patterns
from safelight.providers.attempts.risk_history import judged_requests
from safelight.providers.videos_api import create as videos_api
from safelight.store.tables import outbox
from safelight_lab.simulation.hidden_filter import HiddenFilter
from safelight_lab.simulation.simulated_provider import ProviderBehaviour, SimulatedProvider, make_upstream
from support.canaries import HOUR_S, Time, log_of, state_of, switched_on, work
from support.house import House

#: Refuses nothing.
LAX = HiddenFilter(score=lambda _prompt: 0.0, mean=0.0, spread=1.0, threshold=5.0, noise=0.0)
BEFORE = 30


@pytest.fixture
def time(house: House) -> Time:
    return Time(house.database)


@pytest.fixture
def simulated(house: House, time: Time) -> Iterator[House]:
    """The paid model is one of a simulated provider that refuses everything after `BEFORE` hours."""
    drift_at = time.now + BEFORE * HOUR_S
    behaviour = ProviderBehaviour(drift_at=drift_at, drift_share=1.0, output_share=0.0)
    provider = SimulatedProvider(hidden=LAX, behaviour=behaviour, clock=lambda: time.now)
    with make_upstream(provider, "paid-1", host="127.0.0.1", port=0) as upstream:
        paid = videos_api(
            {"url": upstream.url, "models": ["paid-1"], "name": "paid", "billing": "paid"}
            | {"usd_per_second": 0.1}
        )
        generators: Any = house.container.core.generators
        generators["paid"] = paid
        yield house
        paid.close()


def test_a_drift_is_found_within_six_canaries_reported_once_and_no_user_is_involved(
    simulated: House, time: Time
) -> None:
    database, tenant = simulated.database, simulated.who.tenant
    canary, users = switched_on(simulated), log_of(simulated)
    start = time.now
    for _hour in range(BEFORE + 8):
        for _round in range(2):
            work(simulated)
        time.pass_s(HOUR_S)
    history = DriftHistory(AttemptLog(database))
    (drift,) = history.search(tenant).drifts
    assert (drift.kind, drift.found_in) == (DriftKind.REFUSES_MORE, DriftSource.CANARIES)
    assert drift.earliest <= start + BEFORE * HOUR_S <= drift.latest
    assert drift.after.count <= 6
    report = state_of(simulated, canary)
    assert (report.refused, report.canary.reason) == (6, StopReason.REFUSED)
    # The background part reports it by itself.
    watch = DriftWatch(database, history, stopping=threading.Event())
    assert watch.search_next() == tenant
    with database.read_transaction(tenant) as tx:
        (event,) = tx.select(outbox, outbox.c.topic == "provider.drift")
    assert msgspec.json.decode(event.body)["kind"] == "refuses_more"
    # Neither the fitted risk nor the patterns read the calls.
    assert log_of(simulated) == users
    log = AttemptLog(database)
    read = log.all(tenant, AttemptFilter())
    assert not any(one.refused for one in judged_requests(read, "paid-1"))
    assert all(one.rate.refused == 0 for one in find_patterns(read))
