"""Sign-in, invitation, own account, and people under Settings, without a browser."""

from __future__ import annotations

import html
import re
from collections.abc import Callable

import httpx
import pytest

from safelight.accounts import Role
from safelight.web.auth import COOKIE
from support.console_server import ConsoleServer
from support.people import PASSWORD

from .conftest import NUMBERS, Enrol, accept


def test_an_owner_invites_a_person_who_signs_in(
    console: ConsoleServer, enrol: Enrol, open_browser: Callable[[], httpx.Client]
) -> None:
    guest, (owner, _, _) = open_browser(), enrol()
    email = f"guest{next(NUMBERS)}@example.com"
    form = {"name": "Bo", "email": email, "role": "reviewer", "language": "zh-Hant"}
    invited = owner.post("/settings/people", data=form)
    (link,) = re.findall(r'<code class="long secret">([^<]+)</code>', invited.text)
    link = html.unescape(link)
    assert link.startswith(f"{console.server.url}/invitation?token=invite-")
    assert "token=invite-" not in owner.get("/settings/people").text
    page, secret = accept(guest, link.removeprefix(console.server.url))
    codes = re.findall(r"<li><code>([-a-z0-9]{19})</code></li>", page.text)
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
    enrol: Enrol, open_browser: Callable[[], httpx.Client]
) -> None:
    _, person, codes = enrol()
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


def test_roles_change_and_end_with_the_next_request(enrol: Enrol) -> None:
    owner, _, _ = enrol()
    guest, person, _ = enrol(Role.REVIEWER)
    assert guest.get("/review").status_code == 200
    changed = owner.post(f"/settings/people/{person.id}", data={"action": "role", "role": "creator"})
    assert changed.status_code == 303
    assert guest.get("/review").status_code == 403
    assert guest.get("/").status_code == 200
    owner.post(f"/settings/people/{person.id}", data={"action": "disable"})
    assert guest.get("/").headers["location"].startswith("/login")
    again = owner.post(f"/settings/people/{person.id}", data={"action": "disable"})
    assert (again.status_code, "disabled already" in again.text) == (409, True)


def test_bad_input_is_worded_in_the_language_of_the_page(enrol: Enrol) -> None:
    owner, person, _ = enrol()
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


def test_a_person_confirms_the_password_to_change_it_and_ends_other_sessions_of_their_own_only(
    enrol: Enrol, open_browser: Callable[[], httpx.Client]
) -> None:
    stranger, second, third = enrol(Role.CREATOR)[0], open_browser(), open_browser()
    first, person, codes = enrol()
    for client, code in ((second, codes[0]), (third, codes[1])):
        client.post("/login", data={"email": person.email, "password": PASSWORD, "code": code})
    ids = re.findall(r"/account/sessions/(session_[0-9a-f]+)/end", first.get("/account").text)
    assert len(ids) == 3
    assert stranger.post(f"/account/sessions/{ids[0]}/end").status_code == 404
    assert first.post(f"/account/sessions/{ids[0]}/end").status_code == 303
    # The newest session is the first one of the list.
    assert [one.get("/account").status_code for one in (first, second, third)] == [200, 200, 303]
    wrong = first.post("/account/change", data={"password": "wrong horse battery"})
    assert (wrong.status_code, "The password is wrong." in wrong.text) == (401, True)
    begun = first.post("/account/change", data={"password": PASSWORD})
    assert begun.status_code == 303
    page, _ = accept(first, begun.headers["location"])
    assert page.status_code == 200
    assert [one.get("/account").status_code for one in (first, second)] == [200, 303]
    first.post("/logout")
    assert first.get("/account").status_code == 303


def test_names_and_browsers_are_shown_as_text_also_to_the_operator(
    console: ConsoleServer, enrol: Enrol, open_browser: Callable[[], httpx.Client]
) -> None:
    owner, _, _ = enrol()
    for path in ("/account", "/settings/people"):
        page = owner.get(path).text
        assert "Ada &lt;b&gt;" in page
        assert "<b>" not in page.replace('<b class="count">', "")
    client = open_browser()
    client.post("/login", data={"token": console.staff_login()})
    page = client.get("/account")
    assert (page.status_code, "one-time link" in page.text) == (200, True)
    assert client.get("/settings/people").status_code == 200
