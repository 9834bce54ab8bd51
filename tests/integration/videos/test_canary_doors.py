"""Canaries by the API, the command line and the page of attempts."""

from __future__ import annotations

import io
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from safelight.accounts import KeyScope
from safelight.cli import canaries as command
from safelight.cli import main
from safelight.cli.output import Exit
from safelight.testing.upstream import ScriptedUpstream
from support.canaries import add, add_entry, service, switched_on, work
from support.house import House

ROUTE = "/v1/safelight/canaries"


@pytest.fixture
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """One database: the other tests of canaries run on both."""
    path = tmp_path / "db.sqlite3"
    shutil.copyfile(request.getfixturevalue("sqlite_template"), path)
    return f"sqlite:///{path}"


@pytest.fixture
def client(priced: House) -> TestClient:
    return TestClient(priced.app)


def key(house: House, *scopes: KeyScope) -> dict[str, str]:
    accounts = house.accounts
    _, secret = accounts.create_key(house.who.tenant, "test", scopes=frozenset(scopes))
    return {"authorization": f"Bearer {secret}"}


def test_the_whole_life_of_a_canary_by_the_api(
    priced: House, client: TestClient, upstream: ScriptedUpstream
) -> None:
    admin = key(priced, KeyScope.ADMIN, KeyScope.VIDEOS_READ, KeyScope.VIDEOS_WRITE)
    body = {"entry_id": add_entry(priced), "model": "paid-1", "per_day": 1, "max_usd_per_month": 20}
    added = client.post(ROUTE, headers=admin, json=body).json()
    assert (added["state"], added["usd_per_month"]) == ("off", pytest.approx(12.4))
    one = f"{ROUTE}/{added['id']}"
    assert client.post(one, headers=admin, json={"on": True}).status_code == 400
    assert client.post(one, headers=admin, json={"on": True, "usd_per_month": 12.3}).status_code == 409
    switched = client.post(one, headers=admin, json={"on": True, "usd_per_month": 12.4}).json()
    assert switched["state"] == "on"
    work(priced)
    assert client.get(one, headers=admin).json()["last_outcome"] == "passed"
    assert client.post(f"{one}/run", headers=admin).json()["run_requested"] is True
    work(priced)
    assert upstream.counts["received"] == 2
    listed = client.get("/v1/safelight/attempts?origin=canary", headers=admin).json()["data"]
    assert [(row["origin"], row["reported"], row["outcome"]) for row in listed] == [
        ("canary", False, "passed")
    ] * 2
    assert client.post(one, headers=admin, json={"on": False}).json()["state"] == "off"
    assert client.delete(one, headers=admin).json()["deleted"] is True
    assert client.get(ROUTE, headers=admin).json()["data"] == []


def test_changes_need_an_admin_and_wrong_bodies_are_named(priced: House, client: TestClient) -> None:
    user = key(priced, KeyScope.VIDEOS_READ, KeyScope.VIDEOS_WRITE)
    admin = key(priced, KeyScope.ADMIN, KeyScope.VIDEOS_WRITE)
    body = {"entry_id": add_entry(priced), "model": "paid-1", "per_day": 1, "max_usd_per_month": 20}
    for scopes in ((KeyScope.VIDEOS_READ, KeyScope.VIDEOS_WRITE), (KeyScope.VIDEOS_READ, KeyScope.ADMIN)):
        assert client.post(ROUTE, headers=key(priced, *scopes), json=body).status_code == 403
    assert client.get(ROUTE, headers=user).status_code == 200
    for wrong in (
        {"per_day": 0},
        {"per_day": 25},
        {"per_day": True},
        {"per_day": "2"},
        {"max_usd_per_month": -1},
        {"max_usd_per_month": None},
        {"max_usd_per_month": 20.01},
        {"max_usd_per_month": "much"},
        {"usd_per_call": 0.1},
        {"model": "none"},
    ):
        answer = client.post(ROUTE, headers=admin, json={**body, **wrong})
        assert (answer.status_code, answer.json()["error"]["param"]) == (400, next(iter(wrong)))
    assert client.delete(f"{ROUTE}/canary_none", headers=admin).status_code == 404


def test_the_page_of_attempts_shows_canaries_apart(
    priced: House, client: TestClient, upstream: ScriptedUpstream
) -> None:
    switched_on(priced)
    work(priced)
    login = priced.accounts.create_login_link(priced.who)
    client.base_url = "http://testserver"
    client.post("/login", data={"token": login}, headers={"origin": "http://testserver"})
    text = client.get("/attempts", headers={"accept": "text/html"}).text
    section = text[text.index('id="canaries"') :]
    assert "paid/paid-1" in section
    assert "The prompt had passed 5 times" in section
    assert "The ceiling is $20.00 in 31 days. Spent in the last 31 days: $0.40." in section
    assert section.count('href="/attempts/attempt_') == 1
    chinese = client.get("/attempts", headers={"accept": "text/html", "accept-language": "zh-TW"}).text
    assert "定期探測" in chinese


def test_the_command_shows_the_price_before_it_switches_on(
    priced: House, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(command, "_open", lambda _ctx: (service(priced), priced.who))

    def call(*arguments: str) -> Any:
        code = main(["canaries", *arguments, "--json"])
        told = capsys.readouterr()
        return code, json.loads(told.out), told.err

    entry = add_entry(priced)
    code, added, _ = call("add", entry, "--model", "paid-1", "--per-day", "1", "--max-per-month", "15")
    assert (code, added["state"], added["max_usd_per_month"]) == (Exit.OK, "off", 15.0)
    code, switched, said = call("on", added["id"], "--yes")
    assert (code, switched["state"]) == (Exit.OK, "on")
    assert "A month costs $12.40 (1 calls a day at $0.40). The ceiling is $15.00" in said
    # Without an answer to the question, nothing is switched on.
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    call("off", added["id"])
    code, refused, _ = call("on", added["id"])
    assert code == Exit.ERROR
    assert "question was not answered" in refused["error"]["message"]
    assert service(priced).get(priced.who, added["id"]).canary.state.value == "off"
    assert main(["canaries", "list"]) == Exit.OK
    assert "paid/paid-1  off" in capsys.readouterr().out
    assert call("list")[1] == {
        "object": "list",
        "data": [service(priced).get(priced.who, added["id"]).as_json()],
    }
    assert call("remove", added["id"])[1]["object"] == "canary.deleted"
    with pytest.raises(Exception, match="never refused"):
        add(priced, add_entry(priced, passes=4, prompt="another lake"))
