from __future__ import annotations

import json
from typing import Any

import pytest

from safelight.accounts.waivers import Waivers, parse_expiry
from safelight.core.errors import Conflict, InvalidField, NotFound
from safelight.policy.findings import SHIPPED
from safelight.policy.waivers import NewWaiver, Waiver
from safelight.store.database import Database
from safelight.store.tables import audit_log, audit_log_contents
from support.review_room import Clock


@pytest.fixture
def waivers(database: Database) -> Waivers:
    return Waivers(database)


def add(waivers: Waivers, **changes: Any) -> Waiver:
    given: dict[str, Any] = {
        "name": "no-gore-model",
        "decided_by": "Ada",
        "reason": "There is none yet.",
        "categories": ["violence/graphic"],
        **changes,
    }
    return waivers.add(NewWaiver(**given), taxonomy=SHIPPED)


def in_force(waivers: Waivers, tenant: str = "tenant_a", *, loopback: bool = False) -> list[str]:
    return [waiver.id for waiver in waivers.in_force(tenant, loopback=loopback)]


def test_a_waiver_is_in_force_for_every_tenant_until_revoked_and_both_are_in_the_audit_log(
    waivers: Waivers, database: Database
) -> None:
    added = add(waivers)
    assert in_force(waivers) == [added.id]
    revoked = waivers.revoke("no-gore-model", revoked_by="Grace")
    assert revoked.revoked_by == "Grace"
    assert in_force(waivers) == []
    assert waivers.list() == (revoked,)
    with pytest.raises(NotFound):
        waivers.revoke(added.id, revoked_by="Grace")
    with database.across_tenants("test", readonly=True) as tx:
        entries = tx.select(audit_log, order_by=(audit_log.c.seq,))
        rows = tx.select(audit_log_contents, order_by=(audit_log_contents.c.seq,))
    assert [(row.event, row.subject) for row in entries] == [
        ("waiver.added", added.id),
        ("waiver.revoked", added.id),
    ]
    adding, revoking = (json.loads(row.content) for row in rows)
    assert (adding["decided_by"], adding["reason"]) == ("Ada", "There is none yet.")
    assert revoking["revoked_by"] == "Grace"


def test_a_waiver_of_one_tenant_does_not_affect_another(waivers: Waivers) -> None:
    of_one = add(waivers, tenant="tenant_a")
    assert (in_force(waivers), in_force(waivers, "tenant_b")) == ([of_one.id], [])
    assert waivers.list("tenant_b") == ()
    add(waivers)
    with pytest.raises(Conflict):
        add(waivers)


def test_a_waiver_expires(waivers: Waivers, clock: Clock) -> None:
    added = add(waivers, expires_at=clock.now + 10)
    assert in_force(waivers) == [added.id]
    clock.now += 10
    assert in_force(waivers) == []
    add(waivers)
    assert len(waivers.list()) == 2


def test_the_demo_waiver_is_in_force_on_loopback_only(waivers: Waivers) -> None:
    demo = add(waivers, name="demo", categories=["*"])
    assert demo.loopback_only
    assert in_force(waivers) == []
    assert in_force(waivers, loopback=True) == [demo.id]


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
    assert parse_expiry("1970-01-02", 100.0) == pytest.approx(2 * 86_400, abs=0.5)
    for wrong in ("soon", "0d", "1969-12-31", "2026-13-01", ""):
        with pytest.raises(InvalidField):
            parse_expiry(wrong, 100.0)
