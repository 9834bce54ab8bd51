"""The pages of own standing, terms and access, without a browser."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import replace

import httpx
import pytest

from safelight.accounts import Principal, Role
from safelight.accounts.access_requests import AccountAccess
from safelight.accounts.standing import Cause, Offence, Standings, Thresholds
from safelight.core.ids import new_id
from safelight.store.tables import access_requests
from support.attempts import submitted
from support.console_server import ConsoleServer
from support.rows import each_row

from .conftest import SignIn

#: Roles whose header has no entry Compliance.
WITHOUT_MENU_ENTRY = {Role.OWNER, Role.CREATOR, Role.INTEGRATOR}


def person_of(client: httpx.Client, console: ConsoleServer) -> str:
    """The id of the person who is signed in."""
    cookie = client.cookies["safelight_session"]
    found: Principal = console.server.accounts.sessions.authenticate(cookie)
    return found.id


@each_row
def test_a_person_sees_own_strikes_by_degree_with_quotas(
    console: ConsoleServer, sign_in: SignIn, *, category: str, learned: bool, shown: str, hidden: str
) -> None:
    client = sign_in(Role.CREATOR)
    account = person_of(client, console)
    video = new_id("video")
    with console.database.transaction(console.server.tenant) as tx:
        cause = Cause(category=category, learned=learned)
        Standings(console.database, Thresholds()).give(
            tx, Offence(video_id=video, account=account, end_user=None, cause=cause)
        )
    page = client.get("/account/standing").text
    strikes = page[page.index("<tbody>") : page.index("</tbody>")]
    assert shown in strikes
    assert hidden not in strikes
    assert f'href="/videos/{video}/appeal"' in strikes
    assert "You were warned" in page
    assert '<td data-label="Limit">50</td>' in page
    assert "Decisions about your videos" in client.get("/account/statements").text


def test_terms_are_saved_and_a_change_on_old_values_is_refused(sign_in: SignIn) -> None:
    owner = sign_in(Role.OWNER)
    path = "/compliance/accounts"
    page = owner.get(path, params={"kind": "end_user", "id": "kim"}).text
    assert "Standing: Good, 0 points." in page
    form = {"kind": "end_user", "id": "kim", "revision": "0", "audience": "minors", "videos_per_day": "3"}
    saved = owner.post(path, data={**form, "commercial": "no", "territory": "eu"})
    assert saved.status_code == 303
    page = owner.get(saved.headers["location"]).text
    assert 'name="videos_per_day" value="3"' in page
    assert '<option value="minors" selected>' in page
    assert '<option value="no" selected>' in page
    again = owner.post(path, data={**form, "videos_per_day": "9"})
    assert again.status_code == 409
    assert "Another person changed these terms" in again.text
    assert 'name="videos_per_day" value="3"' in again.text
    assert 'name="revision" value="1"' in again.text
    wrong = owner.post(path, data={**form, "revision": "1", "videos_per_day": "-1"})
    assert wrong.status_code == 400
    assert "Videos per day must be a whole number" in wrong.text
    assert 'value="-1"' in wrong.text
    too_large = owner.post(path, data={**form, "revision": "1", "videos_per_day": "9" * 18})
    assert "videos_per_day must be from 0 to 1000000000000000." in too_large.text
    spaces = owner.get(path, params={"kind": "end_user", "id": " kim "}).text
    assert 'name="id" value=" kim "' in spaces
    assert owner.get(path, params={"kind": "account", "id": "key_unknown"}).status_code == 404
    assert owner.get(path, params={"kind": "end_user", "id": "a\0"}).status_code == 400
    assert owner.post(path, data={**form, "kind": "account", "id": "key_unknown"}).status_code == 404
    assert sign_in(Role.TRUST_LEAD).get(path).status_code == 403


def test_the_terms_of_the_tenant_show_what_it_spent(console: ConsoleServer, sign_in: SignIn) -> None:
    submitted(console.database, console.server.tenant, at=time.time(), amount=0.4)
    owner = sign_in(Role.OWNER)
    page = owner.get("/compliance/accounts", params={"kind": "tenant"}).text
    assert "Today (UTC) $0.40, this month $0.40." in page
    assert (
        "Today (UTC)" not in owner.get("/compliance/accounts", params={"kind": "end_user", "id": "kim"}).text
    )


def test_from_a_request_on_the_page_to_the_key_that_is_shown_once(
    open_browser: Callable[[], httpx.Client], sign_in: SignIn
) -> None:
    stranger, owner = open_browser(), sign_in(Role.OWNER)
    assert 'href="/access"' in stranger.get("/login").text
    asked = {"name": "<b>Ada</b>", "contact": "ada@example.com", "purpose": "School films."}
    for _ in range(6):  # More than one address may ask within an hour: a form with an error does not count.
        assert stranger.post("/access", data={**asked, "purpose": ""}).status_code == 400
    status = stranger.post("/access", data=asked).headers["location"]
    token = status.partition("token=")[2]
    assert "waits for a decision" in stranger.get(status).text
    for path in ("/compliance", "/settings"):
        assert "Requests for access that wait: 1" in owner.get(path).text
    page = owner.get("/compliance/access").text
    assert "&lt;b&gt;Ada&lt;/b&gt;" in page
    assert "The key belongs to this tenant" in page
    path = re.findall(r'action="(/compliance/access/access_[0-9a-f]+)"', page)[-1]
    assert owner.post(path, data={"action": "approve", "reason": ""}).status_code == 400
    wrong = owner.post(path, data={"action": "approve", "reason": "x", "review_first": "many"})
    assert (wrong.status_code, 'value="many"' in wrong.text) == (400, True)
    terms = {"review_first": "3", "audience": "minors", "videos_per_day": "10"}
    assert owner.post(path, data={"action": "approve", "reason": "Welcome.", **terms}).status_code == 303
    assert owner.post(path, data={"action": "decline", "reason": "No."}).status_code == 409
    shown = stranger.get(status).text
    assert "Welcome." in shown
    assert "a tenant that you share with others" in shown
    key = stranger.post("/access/key", data={"token": token})
    assert key.headers["cache-control"] == "no-store"
    (secret,) = re.findall(r'class="long secret">([^<]+)<', key.text)
    assert stranger.get("/v1/videos", headers={"authorization": f"Bearer {secret}"}).status_code == 200
    again = stranger.post("/access/key", data={"token": token})
    assert "secret" not in again.text
    assert "was shown already" in again.text
    assert stranger.post("/access/key", data={"token": "x"}).status_code == 404
    assert stranger.get("/compliance/access").status_code == 303
    assert owner.post(path, data={"action": "withdraw", "reason": "Unpaid."}).status_code == 303
    assert "access was withdrawn" in stranger.get(status).text


@pytest.mark.parametrize("language", ["en", "zh-TW", "zh-CN"])
def test_the_page_of_access_states_that_requests_are_off(
    sign_in: SignIn, monkeypatch: pytest.MonkeyPatch, language: str
) -> None:
    monkeypatch.setattr(AccountAccess, "accepts_requests", property(lambda _: False))
    page = sign_in(Role.OWNER).get("/compliance/access", headers={"accept-language": language})
    assert page.status_code == 200
    assert "access.requests" in page.text


def test_the_link_of_an_invitation_has_the_configured_address(
    console: ConsoleServer, sign_in: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = console.server.app.state.safelight
    services = replace(state.services, public_url="https://videos.example/")
    monkeypatch.setattr(console.server.app.state, "safelight", replace(state, services=services))
    person = {"name": "Eve", "email": "eve@example.org", "role": "creator"}
    invited = sign_in(Role.OWNER).post("/settings/people", data=person)
    assert ">https://videos.example/" in invited.text


def test_decided_requests_are_shown_behind_any_number_of_newer_ones(
    console: ConsoleServer, sign_in: SignIn
) -> None:
    owner = sign_in(Role.OWNER)
    decided, now = new_id("access"), time.time()
    with console.database.transaction(console.server.tenant) as tx:
        for number in range(202):
            tx.insert(
                access_requests,
                id=decided if number == 0 else new_id("access"),
                digest=f"{number:064x}",
                name=f"applicant {number}",
                contact="a@b.example",
                purpose="x",
                state="waiting" if number else "declined",
                created_at=now - 10_000 + number,
            )
    page = owner.get("/compliance/access").text
    assert '<th scope="row">applicant 0</th>' in page


@pytest.mark.parametrize("role", list(Role), ids=lambda role: role.value)
def test_every_link_of_the_compliance_page_opens(sign_in: SignIn, role: Role) -> None:
    client = sign_in(role)
    page = client.get("/compliance").text
    assert ('href="/compliance"' in page) == (role not in WITHOUT_MENU_ENTRY)
    links = re.findall(r'<dt><a href="([^"]+)"', page)
    assert links
    assert {link: client.get(link).status_code for link in links} == dict.fromkeys(links, 200)
