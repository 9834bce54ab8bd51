"""The sign-in page: what it says, and where it leads."""

from __future__ import annotations

import html
from collections.abc import Callable

import httpx
import pytest

from safelight.accounts import KeyScope, Principal, PrincipalKind
from safelight.core.ids import new_id
from safelight.web.auth import COOKIE
from support.console_server import ConsoleServer

OpenBrowser = Callable[[], httpx.Client]


def login_link(console: ConsoleServer, *scopes: KeyScope) -> str:
    """The token of a link for a person with these scopes."""
    person = Principal(
        tenant=console.server.tenant,
        id=new_id("user"),
        kind=PrincipalKind.PERSON,
        name="Bea",
        scopes=frozenset(scopes),
    )
    return console.server.accounts.create_login_link(person)


def test_the_link_is_the_only_form_until_a_person_has_a_password(
    console: ConsoleServer, open_browser: OpenBrowser, enrol: Callable[..., object]
) -> None:
    page = open_browser().get("/login").text
    assert 'name="email"' not in page
    assert "<details><summary>Sign in with a one-time link" not in page
    assert 'name="token"' in page
    enrol()
    page = open_browser().get("/login").text
    assert page.index('name="email"') < page.index('name="token"')


@pytest.mark.parametrize(
    ("scopes", "back", "start"),
    [
        ((KeyScope.VIDEOS_READ, KeyScope.ADMIN), "/settings", "/settings"),
        ((KeyScope.VIDEOS_READ,), "/settings", "/"),
        ((KeyScope.VIDEOS_READ,), "/videos?q=a%20cat", "/videos?q=a%20cat"),
        ((KeyScope.VIDEOS_READ,), "/no/such/page", "/no/such/page"),
        ((KeyScope.REVIEW,), "/", "/review"),
        ((KeyScope.VIDEOS_READ, KeyScope.REVIEW), "/", "/review"),
        ((KeyScope.VIDEOS_READ, KeyScope.VIDEOS_WRITE, KeyScope.REVIEW), "/", "/"),
        ((KeyScope.AUDIT,), "/videos", "/"),
        ((), "/settings", "/verify"),
    ],
)
def test_the_sign_in_leads_to_the_page_or_else_to_the_first_that_the_person_may_open(
    console: ConsoleServer,
    open_browser: OpenBrowser,
    scopes: tuple[KeyScope, ...],
    back: str,
    start: str,
) -> None:
    answer = open_browser().post("/login", data={"token": login_link(console, *scopes), "back": back})
    assert (answer.status_code, answer.headers["location"]) == (303, start)


def test_a_link_that_is_opened_leads_back_to_the_page_that_asked_for_the_sign_in(
    console: ConsoleServer, open_browser: OpenBrowser
) -> None:
    browser = open_browser()
    asked = browser.get("/videos", params={"q": "貓; a"})
    browser.get(asked.headers["location"])
    token = login_link(console, KeyScope.VIDEOS_READ)
    page = html.unescape(browser.get("/login", params={"token": token}).text)
    back = "/videos?q=%E8%B2%93%3B%20a"
    assert f'name="back" value="{back}"' in page.replace("+", "%20")
    browser.post("/login", data={"token": token, "back": back})
    # Only once.
    assert 'name="back" value="/"' in browser.get("/login", params={"token": token}).text


def test_the_sign_in_says_that_the_session_has_ended_and_not_after_a_sign_out(
    console: ConsoleServer, open_browser: OpenBrowser
) -> None:
    browser = open_browser()
    ended, other_site = "Your session has ended.", "came here by a link from another site"
    page = browser.get("/login?back=/videos").text
    assert (ended in page, other_site in page) == (False, True)
    browser.post("/login", data={"token": login_link(console, KeyScope.VIDEOS_READ)})
    assert ended not in browser.get("/login").text
    console.server.accounts.sessions.end(browser.cookies[COOKIE])
    page = browser.get(browser.get("/videos").headers["location"]).text
    assert (ended in page, other_site in page) == (True, False)
    # A script knows it also if the browser has dropped the cookie.
    assert ended in open_browser().get("/login?back=/videos&ended=1").text
    browser.post("/logout")
    assert ended not in browser.get("/login").text


def test_a_form_of_a_page_with_a_query_leads_back_to_it(open_browser: OpenBrowser) -> None:
    answer = open_browser().post("/templates/lake?version=1", data={"slot.TIME": "dawn"})
    assert answer.headers["location"] == "/login?back=%2Ftemplates%2Flake%3Fversion%3D1"
    # A page above the address of the form has other parameters.
    answer = open_browser().post("/review/replies/first/remove?version=1")
    assert answer.headers["location"] == "/login?back=%2Freview%2Freplies"
