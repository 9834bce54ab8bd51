"""`safelight tenants`."""

from __future__ import annotations

from dataclasses import replace

import pytest

from safelight.accounts.access_requests import AccessGrant, AccessLimits, AccountAccess
from safelight.bootstrap import load
from safelight.cli.demo import operator
from safelight.core.errors import Unauthenticated
from support.commands import Run


def test_tenants_are_listed_closed_and_opened_again(run: Run) -> None:
    container = load()
    access = AccountAccess(container.persistence.database, AccessLimits(accepts_requests=True))
    who = operator(container)
    made, token = access.request(who.tenant, name="Ada Films", contact="a@b.example", purpose="Films.")
    access.approve(who, made.id, reason="Yes.", grant=AccessGrant())
    key = access.collect(token)[1] or ""

    first, own = run("tenants", "list")["data"]
    assert (first["managed_by"], own["managed_by"], own["keys"]) == (None, who.tenant, 1)
    assert (own["name"], own["origin"], own["has_reviewer"]) == ("Ada Films", made.id, False)
    closed = run("tenants", "close", "Ada Films", "--reason", "Unpaid.")
    assert (closed["object"], type(closed["created_at"]), type(closed["closed_at"])) == ("tenant", int, int)
    with pytest.raises(Unauthenticated):
        container.persistence.accounts.authenticate(key)
    assert access.read(token).reason == "Unpaid."
    run("tenants", "close", "Ada Films", "--reason", "Again.", code=1)
    run("tenants", "close", who.tenant, "--reason", "Not managed.", code=1)
    assert run("tenants", "reopen", own["id"])["closed_at"] is None

    # Commands without --tenant mean the operator's, also after the first applicant.
    assert run("keys", "create", "app")["tenant"]["id"] == who.tenant
    checks = {one["name"]: one["state"] for one in run("doctor", code=None)["checks"]}
    assert checks["tenants of applicants"] == "warning"


def test_tenants_of_a_second_manager_are_closed_and_opened_again(run: Run) -> None:
    container = load()
    who = replace(operator(container), tenant=container.persistence.accounts.create_tenant("Second").id)
    access = AccountAccess(container.persistence.database, AccessLimits(accepts_requests=True))
    own: list[str] = []
    for name in ("Ada", "Ben"):
        # The second applicant's name is the id of the first one's tenant.
        name = own[0] if own else name
        made, _ = access.request(who.tenant, name=name, contact="a@b.example", purpose="Films.")
        own.append(str(access.approve(who, made.id, reason="Yes.", grant=AccessGrant()).own_tenant))
    assert run("tenants", "close", own[0], "--reason", "Unpaid.")["id"] == own[0]
    run("tenants", "reopen", own[0])
