from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from safelight.bootstrap import load
from safelight.cli import main
from safelight.cli.demo import operator
from safelight.errors import Unauthenticated
from safelight.trust.accounts.access import AccessGrant, AccessLimits, AccountAccess


def test_tenants_are_listed_closed_and_opened_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str) -> tuple[int, Any]:
        code = main(["tenants", *arguments, "--json"])
        return code, json.loads(capsys.readouterr().out or "{}")

    container = load()
    access = AccountAccess(container.persistence.database, AccessLimits(accepts_requests=True))
    who = operator(container)
    made, token = access.request(who.tenant, name="Ada Films", contact="a@b.example", purpose="Films.")
    access.approve(who, made.id, reason="Yes.", grant=AccessGrant())
    key = access.collect(token)[1] or ""

    first, own = run("list")[1]["tenants"]
    assert (first["managed_by"], own["managed_by"], own["keys"]) == (None, who.tenant, 1)
    assert (own["name"], own["origin"], own["has_reviewer"]) == ("Ada Films", made.id, False)
    code, closed = run("close", "Ada Films", "--reason", "Unpaid.")
    assert (code, closed["closed_at"] is not None) == (0, True)
    with pytest.raises(Unauthenticated):
        container.persistence.accounts.authenticate(key)
    assert access.read(token).reason == "Unpaid."
    assert run("close", "Ada Films", "--reason", "Again.")[0] != 0
    assert run("close", who.tenant, "--reason", "Not managed.")[0] != 0
    assert run("reopen", own["id"])[1]["closed_at"] is None

    # Commands without --tenant mean the operator's, also after the first applicant.
    assert main(["keys", "create", "app", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["tenant"]["id"] == who.tenant

    main(["doctor", "--json"])
    checks = {one["name"]: one for one in json.loads(capsys.readouterr().out)["checks"]}
    assert checks["tenants of applicants"]["state"] == "warning"


def test_tenants_of_a_second_manager_are_closed_and_opened_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    container = load()
    who = replace(operator(container), tenant=container.persistence.accounts.create_tenant("Second").id)
    access = AccountAccess(container.persistence.database, AccessLimits(accepts_requests=True))
    own = []
    # The second applicant's name is the id of the first one's tenant.
    for name in ("Ada", "Ben"):
        name = own[0] if own else name
        made, _ = access.request(who.tenant, name=name, contact="a@b.example", purpose="Films.")
        own.append(str(access.approve(who, made.id, reason="Yes.", grant=AccessGrant()).own_tenant))
    assert main(["tenants", "close", own[0], "--reason", "Unpaid.", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["id"] == own[0]
    assert main(["tenants", "reopen", own[0], "--json"]) == 0
