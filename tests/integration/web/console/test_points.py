"""The points of rules on the coverage page, without a script: tried, set, refused."""

from __future__ import annotations

import html
import re

import httpx
import pytest

from safelight.accounts import KeyScope
from support.console_server import ConsoleServer
from support.decided_videos import add_decided, add_judged, text_coverage
from support.verdicts import seen

from .conftest import sign_in_as

CELL = {"cell": "sexual/text"}


@pytest.fixture(autouse=True)
def cell_of_text(console: ConsoleServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(console.server.desk, "coverage", lambda: text_coverage("sexual"))


@pytest.fixture(scope="module", autouse=True)
def history(console: ConsoleServer) -> None:
    with console.database.transaction(console.server.tenant) as tx:
        for action in ("approve", "refuse"):
            add_decided(tx, 0.9, action)
        add_judged(tx, seen("sexual", 0.9), prompt="secret words")
        add_judged(tx)


def test_a_script_gets_only_the_trial(staff: httpx.Client, console: ConsoleServer) -> None:
    asked = {**CELL, "rule": "sx-1", "score": "0.95"}
    part = staff.get("/coverage", params=asked, headers={"accept": "text/x-fragment"}).text
    assert "3 of the last 4 requests" in part
    assert "coverage-map" not in part
    refused = staff.get("/coverage", params={**asked, "score": "x"}, headers={"accept": "text/x-fragment"})
    assert "The score must be a number" in refused.text


def test_a_point_that_may_not_be_set_is_refused_with_the_reason(
    staff: httpx.Client, console: ConsoleServer
) -> None:
    for fields, status, reason in (
        ({"rule": "sm-1", "score": "0.5"}, 409, "no rule &#39;sm-1&#39; whose point can be moved"),
        ({"rule": "sx-1", "score": "1"}, 400, "The score must be 0.1 to 0.95."),
        ({"rule": "sx-1", "score": ""}, 400, "The score must be a number"),
    ):
        answer = staff.post("/coverage", data={**CELL, **fields})
        assert answer.status_code == status
        assert reason in answer.text
    assert console.policies.list(console.server.tenant) == ()


def test_without_the_scope_there_are_no_points(console: ConsoleServer) -> None:
    with sign_in_as(console.server, scopes=frozenset({KeyScope.VIDEOS_READ})) as ada:
        check_without_scope(ada)


def check_without_scope(ada: httpx.Client) -> None:
    page = ada.get("/coverage", params={**CELL, "rule": "sx-1", "score": "0.95"})
    assert page.status_code == 200
    assert 'name="rule"' not in page.text
    assert ada.post("/coverage", data={**CELL, "rule": "sx-1", "score": "0.6"}).status_code == 403


def test_a_point_is_tried_on_the_last_prompts_and_then_set(
    staff: httpx.Client, console: ConsoleServer
) -> None:
    page = staff.get("/coverage", params=CELL).text
    assert 'name="rule" value="sx-1"' in page
    assert "test: not enough decisions, 2 of 30." in page
    # No locked rule has a point.
    assert 'name="rule" value="sm-' not in page
    tried = staff.get("/coverage", params={**CELL, "rule": "sx-1", "score": "0.95"})
    assert tried.status_code == 200
    text = html.unescape(re.sub(r"<[^>]+>|\s+", " ", tried.text))
    assert "sx-1 from 0.95: 3 of the last 4 requests would get another verdict." in text
    assert "1 would then be right, 1 would then be wrong" in text
    assert "secret" not in tried.text
    assert console.policies.list(console.server.tenant) == ()

    fields = dict(
        re.findall(
            r'name="(cell|rule|score)" value="([^"]*)"',
            tried.text.split('method="post" action="/coverage"')[1],
        )
    )
    assert fields == {**CELL, "rule": "sx-1", "score": "0.95"}
    done = staff.post("/coverage", data=fields, follow_redirects=True)
    assert "Version 1 is now in force." in done.text
    (published,) = console.policies.list(console.server.tenant)
    assert (published.name, published.active) == ("house", True)
    # What the editor changes from now on is the policy of this tenant.
    assert "house 1" in staff.get("/policy").text
    back = staff.post("/policy", data={"action": "rollback"}, follow_redirects=True)
    assert "The policy of the installation is in force again." in back.text
    assert console.policies.owner(console.server.tenant) is None
