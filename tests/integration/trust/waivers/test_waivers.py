from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from safelight.errors import Conflict, InvalidField, NotFound
from safelight.policy.categories import SHIPPED
from safelight.store.database import Database
from safelight.store.tables import audit_log, audit_log_contents
from safelight.trust.waivers import NewWaiver, Waivers, parse_expiry


class Clock:
    now = 1_000_000.0

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
def waivers(database: Database) -> Waivers:
    return Waivers(database)


def add(waivers: Waivers, **changes: Any) -> Any:
    given: dict[str, Any] = {
        "name": "no-gore-model",
        "decided_by": "Ada",
        "reason": "There is none yet.",
        "categories": ["violence/graphic"],
        **changes,
    }
    return waivers.add(NewWaiver(**given), taxonomy=SHIPPED)


def test_a_waiver_is_in_force_for_every_tenant_until_revoked(waivers: Waivers) -> None:
    added = add(waivers)
    assert waivers.in_force("tenant_a", loopback=False) == (added,)
    revoked = waivers.revoke("no-gore-model", revoked_by="Grace")
    assert revoked.revoked_by == "Grace"
    assert waivers.in_force("tenant_a", loopback=False) == ()
    assert waivers.list() == (revoked,)
    with pytest.raises(NotFound):
        waivers.revoke(added.id, revoked_by="Grace")


def test_a_waiver_of_one_tenant_does_not_affect_another(waivers: Waivers) -> None:
    add(waivers, tenant="tenant_a")
    assert len(waivers.in_force("tenant_a", loopback=False)) == 1
    assert waivers.in_force("tenant_b", loopback=False) == ()
    assert waivers.list("tenant_b") == ()


def test_a_waiver_expires(waivers: Waivers, clock: Clock) -> None:
    add(waivers, expires_at=clock.now + 10)
    assert waivers.in_force("tenant_a", loopback=False)
    clock.now += 10
    assert waivers.in_force("tenant_a", loopback=False) == ()
    add(waivers)
    assert len(waivers.list()) == 2


def test_the_demo_waiver_is_in_force_on_loopback_only(waivers: Waivers) -> None:
    assert add(waivers, name="demo", categories=["*"]).loopback_only
    assert waivers.in_force("tenant_a", loopback=False) == ()
    assert waivers.in_force("tenant_a", loopback=True)


def test_adding_and_revoking_are_in_the_audit_log(waivers: Waivers, database: Database) -> None:
    added = add(waivers)
    waivers.revoke(added.id, revoked_by="Grace")
    with database.across_tenants("test", readonly=True) as tx:
        entries = [(row.event, row.subject) for row in tx.select(audit_log, order_by=(audit_log.c.seq,))]
        said = [
            json.loads(row.content)
            for row in tx.select(audit_log_contents, order_by=(audit_log_contents.c.seq,))
        ]
    assert entries == [("waiver.added", added.id), ("waiver.revoked", added.id)]
    assert (said[0]["decided_by"], said[0]["reason"], said[1]["revoked_by"]) == (
        "Ada",
        "There is none yet.",
        "Grace",
    )


def test_two_waivers_of_one_name_are_never_in_force(waivers: Waivers) -> None:
    add(waivers)
    with pytest.raises(Conflict):
        add(waivers)
    add(waivers, tenant="tenant_a")


@pytest.mark.parametrize(
    ("changes", "param"),
    [
        ({"decided_by": " "}, "decided_by"),
        ({"reason": ""}, "reason"),
        ({"reason": "x" * 1001}, "reason"),
        ({"name": "No Gore"}, "name"),
        ({"categories": []}, "categories"),
        ({"categories": ["gore"]}, "categories"),
        ({"expires_at": 1.0}, "expires"),
    ],
)
def test_an_invalid_waiver_is_refused_by_field(waivers: Waivers, changes: dict[str, Any], param: str) -> None:
    with pytest.raises(InvalidField) as error:
        add(waivers, **changes)
    assert error.value.param == param
    assert error.value.remedy
    assert waivers.list() == ()


def test_an_expiry_is_a_number_of_days_a_date_or_never() -> None:
    assert parse_expiry("2d", 100.0) == 100.0 + 2 * 86_400
    assert parse_expiry("never", 100.0) is None
    end = parse_expiry("1970-01-02", 100.0)
    assert end is not None
    assert round(end) == 2 * 86_400
    for wrong in ("soon", "0d", "1969-12-31", "2026-13-01", ""):
        with pytest.raises(InvalidField):
            parse_expiry(wrong, 100.0)
