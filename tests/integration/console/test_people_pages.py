"""Sign-in, invitation, own account, and people under Settings, without a browser."""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterator
from itertools import count

import httpx
import pytest

from safelight.trust.accounts import OPERATOR, KeyScope, Principal, PrincipalKind, Role
from safelight.trust.people import NewPerson, People, Person
from safelight.web.auth import COOKIE
from support.console_server import ConsoleServer
from support.people import PASSWORD, one_time_code

NUMBERS = count()


@pytest.fixture
def operator(console: ConsoleServer) -> Principal:
    return Principal(
        tenant=console.server.tenant,
        id=OPERATOR,
        kind=PrincipalKind.PERSON,
        name="operator",
        scopes=frozenset(KeyScope),
    )


@pytest.fixture
def open_browser(console: ConsoleServer) -> Iterator[Callable[[], httpx.Client]]:
    """Makes browsers without JavaScript, each with its own cookies."""
    opened: list[httpx.Client] = []

    def make() -> httpx.Client:
        headers = {"accept": "text/html", "origin": console.server.url, "user-agent": "Test <b>browser</b>"}
        opened.append(httpx.Client(base_url=console.server.url, headers=headers, timeout=20))
        return opened[-1]

    yield make
    for each in opened:
        each.close()


def accept(client: httpx.Client, path: str) -> tuple[httpx.Response, str]:
    """Accept an invitation as a person would. Returns the page of recovery codes, and the TOTP secret."""
    shown = client.get(path)
    assert shown.status_code == 200
    found = re.search(r'<code class="long">([A-Z2-7 ]{39})</code>', shown.text)
    assert found
    secret = found[1].replace(" ", "")
    sealed = re.search(r'name="secret" value="([0-9a-f]+)"', shown.text)
    assert sealed
    form = {
        "token": path.partition("token=")[2],
        "secret": sealed[1],
        "password": PASSWORD,
        "code": one_time_code(secret),
    }
    return client.post("/invitation", data=form), secret


def enrol(
    people: People, operator: Principal, client: httpx.Client, role: Role = Role.OWNER
) -> tuple[Person, list[str]]:
    """A signed-in person with the recovery codes, with which they can sign in again at once."""
    email = f"person{next(NUMBERS)}@example.com"
    invitation = people.add(operator, NewPerson(name="Ada <b>", email=email, role=role))
    page, _ = accept(client, invitation.path)
    assert page.status_code == 200
    return invitation.person, re.findall(r"<li><code>([-a-z0-9]{19})</code></li>", page.text)


def test_an_owner_invites_a_person_who_signs_in(
    console: ConsoleServer, operator: Principal, open_browser: Callable[[], httpx.Client]
) -> None:
    owner, guest = open_browser(), open_browser()
    enrol(console.people, operator, owner)
    email = f"guest{next(NUMBERS)}@example.com"
    form = {"name": "Bo", "email": email, "role": "reviewer", "language": "zh-Hant"}
    invited = owner.post("/settings/people", data=form)
    link = html.unescape(re.search(r'<code class="long secret">([^<]+)</code>', invited.text)[1])  # type: ignore[index]
    assert link.startswith(f"{console.server.url}/invitation?token=invite-")
    assert "token=invite-" not in owner.get("/settings/people").text
    page, secret = accept(guest, link.removeprefix(console.server.url))
    codes = re.findall(r"<li><code>([-a-z0-9]{19})</code></li>", page.text)
    assert len(codes) == 10
    assert guest.get("/review").status_code == 200
    assert guest.get("/settings/people").status_code == 403
    old = guest.cookies[COOKIE]
    again = guest.post(
        "/login", data={"email": email, "password": PASSWORD, "code": codes[0], "back": "/review"}
    )
    assert (again.status_code, again.headers["location"]) == (303, "/review")
    assert guest.cookies[COOKIE] != old
    assert "語言" in guest.get("/account").text
    # The session of before is over.
    assert httpx.get(f"{console.server.url}/review", headers={"cookie": f"{COOKIE}={old}"}).status_code == 303
    assert secret not in again.text


@pytest.mark.parametrize("path", ["/login", "/invitation"])
def test_a_form_without_an_account_is_short_and_has_no_files(
    open_browser: Callable[[], httpx.Client], path: str
) -> None:
    client = open_browser()
    assert client.post(path, data={"email": "x" * 65_536}).status_code == 413
    assert client.post(path, files={"file": b"x"}).status_code == 415
    shown = client.post("/login", data={"email": "x" * 5_000, "password": "", "code": ""}).text
    assert "x" * 254 in shown
    assert "x" * 255 not in shown


def test_no_answer_to_a_failed_sign_in_shows_who_exists(
    console: ConsoleServer, operator: Principal, open_browser: Callable[[], httpx.Client]
) -> None:
    person, codes = enrol(console.people, operator, open_browser())
    client = open_browser()
    pages = set()
    for email, password, code in (
        (person.email, "wrong horse battery", codes[0]),
        (person.email, PASSWORD, "000000x"),
        ("nobody@example.com", PASSWORD, codes[0]),
    ):
        answer = client.post("/login", data={"email": email, "password": password, "code": code})
        assert answer.status_code == 401
        assert COOKIE not in answer.headers.get("set-cookie", "")
        pages.add(re.sub(r"req_[0-9a-f]+", "", answer.text.replace(email, "")))
    assert len(pages) == 1


def test_a_form_of_another_site_is_refused(
    console: ConsoleServer, operator: Principal, open_browser: Callable[[], httpx.Client]
) -> None:
    client = open_browser()
    person, codes = enrol(console.people, operator, client)
    elsewhere = {"origin": "https://evil.example"}
    for path, form in (
        ("/login", {"email": person.email, "password": PASSWORD, "code": codes[0]}),
        ("/invitation", {"token": "invite-" + "A" * 32, "password": PASSWORD, "code": "000000"}),
        ("/account/change", {"password": PASSWORD}),
        ("/account/language", {"language": "en"}),
        ("/settings/people", {"name": "Eve", "email": "eve@example.com", "role": "owner"}),
        (f"/settings/people/{person.id}", {"action": "reset"}),
    ):
        assert client.post(path, data=form, headers=elsewhere).status_code == 403, path
    assert client.get("/account").status_code == 200


def test_roles_change_and_end_with_the_next_request(
    console: ConsoleServer, operator: Principal, open_browser: Callable[[], httpx.Client]
) -> None:
    owner, guest = open_browser(), open_browser()
    enrol(console.people, operator, owner)
    person, _ = enrol(console.people, operator, guest, Role.REVIEWER)
    assert guest.get("/review").status_code == 200
    changed = owner.post(f"/settings/people/{person.id}", data={"action": "role", "role": "creator"})
    assert changed.status_code == 303
    assert guest.get("/review").status_code == 403
    assert guest.get("/").status_code == 200
    owner.post(f"/settings/people/{person.id}", data={"action": "disable"})
    assert guest.get("/").headers["location"].startswith("/login")
    again = owner.post(f"/settings/people/{person.id}", data={"action": "disable"})
    assert (again.status_code, "disabled already" in again.text) == (409, True)


def test_bad_input_is_worded_in_the_language_of_the_page(
    console: ConsoleServer, operator: Principal, open_browser: Callable[[], httpx.Client]
) -> None:
    owner = open_browser()
    person, _ = enrol(console.people, operator, owner)
    owner.cookies.set("safelight_lang", "zh-Hant")
    for form, status, text in (
        ({"name": "", "email": "a@b.org", "role": "owner"}, 400, "姓名須有"),
        ({"name": "x", "email": "nobody", "role": "owner"}, 400, "這不是電子郵件地址"),
        ({"name": "x", "email": person.email, "role": "owner"}, 409, "已有使用這個地址"),
        ({"name": "x", "email": "z@b.org", "role": "king"}, 400, "is not a role"),
    ):
        answer = owner.post("/settings/people", data=form)
        assert (answer.status_code, text in answer.text) == (status, True), form
    assert owner.post("/settings/people/user_nobody", data={"action": "disable"}).status_code == 404
    for token in ("", "nonsense", "invite-" + "A" * 32):
        shown = owner.get("/invitation", params={"token": token})
        assert (shown.status_code, "這份邀請無效" in shown.text) == (401, True)


def test_names_and_browsers_are_shown_as_text(
    console: ConsoleServer, operator: Principal, open_browser: Callable[[], httpx.Client]
) -> None:
    owner = open_browser()
    enrol(console.people, operator, owner)
    for path in ("/account", "/settings/people"):
        page = owner.get(path).text
        assert "Ada &lt;b&gt;" in page
        assert "<b>" not in page.replace('<b class="count">', "")


def test_a_person_confirms_the_password_to_change_it_and_other_sessions_end(
    console: ConsoleServer, operator: Principal, open_browser: Callable[[], httpx.Client]
) -> None:
    first, second = open_browser(), open_browser()
    person, codes = enrol(console.people, operator, first)
    second.post("/login", data={"email": person.email, "password": PASSWORD, "code": codes[0]})
    wrong = first.post("/account/change", data={"password": "wrong horse battery"})
    assert (wrong.status_code, "The password is wrong." in wrong.text) == (401, True)
    begun = first.post("/account/change", data={"password": PASSWORD})
    assert begun.status_code == 303
    page, _ = accept(first, begun.headers["location"])
    assert page.status_code == 200
    assert first.get("/account").status_code == 200
    assert second.get("/account").status_code == 303


def test_a_person_ends_another_session_of_their_own_only(
    console: ConsoleServer, operator: Principal, open_browser: Callable[[], httpx.Client]
) -> None:
    first, second, stranger = open_browser(), open_browser(), open_browser()
    person, codes = enrol(console.people, operator, first)
    enrol(console.people, operator, stranger, Role.CREATOR)
    second.post("/login", data={"email": person.email, "password": PASSWORD, "code": codes[0]})
    ids = re.findall(r"/account/sessions/(session_[0-9a-f]+)/end", first.get("/account").text)
    assert len(ids) == 2
    assert stranger.post(f"/account/sessions/{ids[0]}/end").status_code == 404
    assert first.post(f"/account/sessions/{ids[0]}/end").status_code == 303
    assert second.get("/account").status_code == 303
    assert first.get("/account").status_code == 200
    first.post("/logout")
    assert first.get("/account").status_code == 303


def test_the_operators_link_opens_the_account_page_too(
    console: ConsoleServer, open_browser: Callable[[], httpx.Client]
) -> None:
    client = open_browser()
    client.post("/login", data={"token": console.staff_login()})
    page = client.get("/account")
    assert (page.status_code, "one-time link" in page.text) == (200, True)
    assert client.get("/settings/people").status_code == 200
