"""The lane of the vault officer on its page and in the API, without JavaScript."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from safelight.accounts import KeyScope, Role
from safelight.accounts.sessions import open_session
from safelight.accounts.store import principal_of_person
from safelight.core.ids import new_id
from safelight.store.tables import people, vault_entries
from safelight.videos.vault_entries import VaultKind, open_entry
from safelight.web.auth import COOKIE
from support.console_server import ConsoleServer
from support.people import add_person
from support.videos import add_video

from .conftest import browser, sign_in_as

PAGE, API = "/compliance/vault", "/v1/vault"


@pytest.fixture
def officer(console: ConsoleServer) -> Iterator[httpx.Client]:
    """The browser of an enrolled vault officer, alone in the role."""
    with console.database.transaction(console.server.tenant) as tx:
        tx.delete(vault_entries)
        tx.update(people, role=Role.CREATOR.value)
        add_person(tx, identity := new_id("user"), role=Role.VAULT_OFFICER)
        row = tx.one(people, people.c.id == identity)
        principal = None if row is None else principal_of_person(row)
        assert principal is not None
        token = open_session(tx, principal)[1]
    with browser(console.server.url) as client:
        client.cookies.set(COOKIE, token)
        yield client


def add(console: ConsoleServer, kind: VaultKind = VaultKind.VAULTED, **columns: float) -> str:
    with console.database.transaction(console.server.tenant) as tx:
        open_entry(tx, video := add_video(tx, prompt="private words", **columns), kind)
        row = tx.one(vault_entries, vault_entries.c.video_id == video)
    assert row is not None
    return str(row.id)


def test_the_officer_decides_on_the_page_and_the_second_decision_is_refused(
    console: ConsoleServer, officer: httpx.Client
) -> None:
    assert f'href="{PAGE}"' in officer.get("/compliance").text
    assert "No entries." in officer.get(PAGE).text
    entry, other = add(console), add(console, VaultKind.QUARANTINED, deleted_at=1.0)
    page = officer.get(PAGE).text
    assert (entry in page, other in page, "private words" in page) == (True, True, False)
    done = officer.post(f"{PAGE}/{entry}", data={"decision": "reported", "note": "No. 12"})
    assert (done.status_code, "Recorded: Reported to the authority" in done.text) == (200, True)
    again = officer.post(f"{PAGE}/{entry}", data={"decision": "dismissed"})
    assert (again.status_code, "was decided already" in again.text) == (409, True)
    refused = officer.post(f"{PAGE}/{other}", data={"decision": "reported", "note": "Typed."})
    assert (refused.status_code, 'value="Typed."' in refused.text) == (400, True)
    closed = officer.get(f"{PAGE}?closed=").text
    assert (entry in closed, "No. 12" in closed, other in closed) == (True, True, False)


def test_a_role_that_is_taken_away_while_the_page_is_open_ends_it(
    console: ConsoleServer, officer: httpx.Client
) -> None:
    entry = add(console)
    with console.database.transaction(console.server.tenant) as tx:
        tx.update(people, people.c.role == Role.VAULT_OFFICER.value, role=Role.TRUST_LEAD.value)
    assert officer.post(f"{PAGE}/{entry}", data={"decision": "dismissed"}).status_code == 403
    page = officer.get(PAGE)
    assert (page.status_code, entry in page.text, "Open: 1" in page.text) == (200, False, True)
    assert "--role vault_officer" in page.text
    for path in ("/compliance", PAGE):
        assert "--role vault_officer" in officer.get(path).text


def test_a_lead_sees_counts_and_other_people_nothing(console: ConsoleServer, officer: httpx.Client) -> None:
    entry = add(console)
    with sign_in_as(console.server, scopes=frozenset({KeyScope.POLICY, KeyScope.VIDEOS_READ})) as lead:
        page = lead.get(PAGE)
        assert (page.status_code, entry in page.text, "Open: 1" in page.text) == (200, False, True)
        assert ("Open: 1" in lead.get("/compliance").text, "--role" in page.text) == (True, False)
        assert lead.get(API).status_code == 403
    with sign_in_as(console.server, scopes=frozenset({KeyScope.VIDEOS_READ, KeyScope.REVIEW})) as reviewer:
        assert reviewer.get(PAGE).status_code == 403
        assert PAGE not in reviewer.get("/compliance").text
    with sign_in_as(console.server, scopes=frozenset({KeyScope.VAULT})) as guest:
        # With the scope, but without the role.
        assert guest.get(API).status_code == 403


def test_the_api_lists_and_decides(console: ConsoleServer, officer: httpx.Client) -> None:
    entry = add(console)
    (listed,) = officer.get(API).json()["data"]
    assert (listed["object"], listed["id"], listed["decision"]) == ("vault_entry", entry, None)
    assert not {"prompt", "reason", "category"} & listed.keys()
    path = f"{API}/{entry}/decision"
    assert officer.post(path, json={"decision": "burned"}).status_code == 400
    assert officer.post(path, json={"decision": "dismissed"}).json()["decision"] == "dismissed"
    assert officer.post(path, json={"decision": "dismissed"}).status_code == 409
    assert officer.post(f"{API}/vault_0/decision", json={"decision": "dismissed"}).status_code == 404
    assert officer.get(API).json()["data"] == []
    assert officer.get(API, params={"closed": "true"}).json()["data"][0]["id"] == entry
