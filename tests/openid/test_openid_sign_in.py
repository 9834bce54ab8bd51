"""Sign-in and sign-out through npm's `oidc-provider`."""

from __future__ import annotations

import html
import re
import time
from collections.abc import Callable
from contextlib import closing

import httpx
import pytest

from safelight.accounts import Accounts, Role
from safelight.accounts.openid import OpenIdRules
from safelight.accounts.people import PersonState, SignedIn
from safelight.core.errors import Forbidden, SafelightError, Unauthenticated
from safelight.store.database import Database
from safelight.store.tables import openid_attempts, openid_sessions
from safelight.web.auth import COOKIE
from safelight.web.console.login import MAX_SIGN_INS
from support.openid_installation import Installation
from support.openid_server import BASE_URL, callback_answer
from support.rows import each_row

Browsers = Callable[[], httpx.Client]


def begin(browser: httpx.Client, back: str = "/review") -> str:
    """The address of the provider to which the sign-in page leads."""
    page = browser.get("/login", params={"back": back})
    link = re.search(r'href="(/login/openid\?[^"]+)"', page.text)
    assert link
    assert "Sign in with Example account" in page.text
    begun = browser.get(html.unescape(link[1]))
    assert begun.status_code == 303
    return str(begun.headers["location"])


def lead_back(browser: httpx.Client, address: httpx.URL) -> httpx.Response:
    """Send what the provider sent back to the gateway of the test."""
    assert str(address).startswith(BASE_URL)
    return browser.get(str(address).removeprefix(BASE_URL))


def sign_in(installation: Installation, browser: httpx.Client) -> httpx.Response:
    return lead_back(browser, installation.openid.sign_in(browser, begin(browser)))


def direct(installation: Installation, rules: OpenIdRules | None = None) -> SignedIn:
    """Sign in without the pages of the gateway."""
    service = installation.sign_in_service(rules)
    begun = service.begin("/")
    with httpx.Client(trust_env=False) as browser:
        answer = callback_answer(installation.openid.sign_in(browser, begun.url))
    return service.complete(answer, begun.browser_secret).signed_in


def refresh_target(page: httpx.Response) -> str:
    found = re.search(r'http-equiv="refresh" content="0;url=([^"]+)"', page.text)
    assert found, page.text
    return html.unescape(found[1])


def test_an_invited_person_signs_in_and_out_through_the_provider(
    installation: Installation, open_browser: Browsers
) -> None:
    person, account = installation.invite()
    installation.openid.next(account)
    browser = open_browser()
    page = sign_in(installation, browser)
    assert (page.status_code, refresh_target(page)) == (200, "/review")
    assert browser.get("/review").status_code == 200
    assert installation.people.get(person.tenant, person.id).state is PersonState.ACTIVE
    # A token of the provider is on no page and not readable in the database.
    with installation.database.across_tenants("test", readonly=True) as tx:
        (row,) = tx.select(openid_sessions, openid_sessions.c.person_id == person.id)
    assert b"eyJ" not in row.id_token

    out = browser.post("/logout")
    target = refresh_target(out)
    assert target.startswith(f"{installation.openid.issuer}/session/end?")
    assert COOKIE not in browser.cookies
    assert installation.openid.sign_out(browser, target) == f"{BASE_URL}/login"
    assert browser.get("/review").headers["location"].startswith("/login")
    # The next time, the person is known by the account, also with another address.
    installation.openid.next({**account, "email": "married@example.com"})
    assert sign_in(installation, open_browser()).status_code == 200


def test_a_disabled_person_cannot_sign_in_and_is_known_again_after_a_new_invitation(
    installation: Installation, open_browser: Browsers
) -> None:
    person, account = installation.invite()
    installation.openid.next(account)
    browser = open_browser()
    sign_in(installation, browser)
    installation.people.disable(installation.operator, person.id)
    assert browser.get("/review").status_code == 303
    refused = sign_in(installation, open_browser())
    assert (refused.status_code, "No person here has this account" in refused.text) == (403, True)
    installation.people.reset(installation.operator, person.id)
    assert sign_in(installation, open_browser()).status_code == 200


@each_row
def test_only_a_verified_address_with_an_open_invitation_is_let_in(
    installation: Installation, open_browser: Browsers, change: dict[str, object]
) -> None:
    person, account = installation.invite(Role.OWNER)
    installation.openid.next({**account, **change})
    browser = open_browser()
    refused = sign_in(installation, browser)
    assert (refused.status_code, "Ask the owner" in refused.text) == (403, True)
    assert COOKIE not in browser.cookies
    assert installation.people.get(person.tenant, person.id).state is PersonState.INVITED


def test_another_account_with_the_address_of_a_known_person_is_refused(installation: Installation) -> None:
    _, account = installation.invite()
    installation.openid.next(account)
    direct(installation)
    installation.openid.next({**account, "sub": "somebody-else"})
    with pytest.raises(Forbidden, match="No person here"):
        direct(installation)


@each_row
def test_a_provider_that_lies_signs_nobody_in(installation: Installation, lie: dict[str, object]) -> None:
    person, account = installation.invite(Role.OWNER)
    installation.openid.next(account, **lie)
    with pytest.raises(Unauthenticated) as refused:
        direct(installation)
    assert refused.value.param == "openid"
    assert installation.people.get(person.tenant, person.id).state is PersonState.INVITED


def test_an_answer_works_once_and_in_its_own_browser_only(
    installation: Installation, open_browser: Browsers
) -> None:
    _, account = installation.invite()
    installation.openid.next(account)
    browser, thief = open_browser(), open_browser()
    address = installation.openid.sign_in(browser, begin(browser))
    begin(thief)
    stolen = lead_back(thief, address)
    assert (stolen.status_code, "not begun in this browser" in stolen.text) == (401, True)
    cookie = browser.cookies["safelight_openid"]
    assert lead_back(browser, address).status_code == 200
    browser.cookies.set("safelight_openid", cookie, path="/login/openid")
    assert lead_back(browser, address).status_code == 401
    for forged in ("", "?state=x&code=y", f"?state={'x' * 5000}&code=%00"):
        assert open_browser().get(f"/login/openid/callback{forged}").status_code == 401


def test_a_code_of_another_sign_in_is_refused(installation: Installation) -> None:
    _, account = installation.invite()
    installation.openid.next(account)
    service = installation.sign_in_service()
    with httpx.Client(trust_env=False) as browser:
        first, second = service.begin("/"), service.begin("/")
        stolen = callback_answer(installation.openid.sign_in(browser, first.url))
        own = callback_answer(installation.openid.sign_in(browser, second.url))
    mixed = type(own)(state=own.state, code=stolen.code, issuer=own.issuer)
    with pytest.raises(Unauthenticated, match="gave no token"):
        service.complete(mixed, second.browser_secret)


@pytest.mark.parametrize("issuer", ["", "https://login.example.net"])
def test_an_answer_of_another_provider_is_refused(installation: Installation, issuer: str) -> None:
    installation.openid.next(installation.invite()[1])
    service = installation.sign_in_service()
    begun = service.begin("/")
    with httpx.Client(trust_env=False) as browser:
        answer = callback_answer(installation.openid.sign_in(browser, begun.url))
    with pytest.raises(Unauthenticated, match="another provider"):
        service.complete(
            type(answer)(state=answer.state, code=answer.code, issuer=issuer), begun.browser_secret
        )


def test_groups_give_roles_at_each_sign_in(installation: Installation) -> None:
    rules = OpenIdRules(roles=(("leads", Role.TRUST_LEAD), ("staff", Role.REVIEWER)))
    person, account = installation.invite(Role.CREATOR)
    for groups, role in ((["staff", "leads"], Role.TRUST_LEAD), ("staff", Role.REVIEWER)):
        installation.openid.next({**account, "groups": groups})
        assert direct(installation, rules).session.principal.role is role
    refused: tuple[object, ...] = ([], ["strangers"], {"staff": True})
    for claim in refused:
        installation.openid.next({**account, "groups": claim})
        with pytest.raises(Forbidden, match="None of your groups"):
            direct(installation, rules)
    assert installation.people.get(person.tenant, person.id).role is Role.REVIEWER


def test_groups_make_an_owner_only_if_that_is_configured(installation: Installation) -> None:
    _owner, account = installation.invite(Role.OWNER)
    installation.openid.next({**account, "groups": ["staff"]})
    without = OpenIdRules(roles=(("staff", Role.REVIEWER),))
    assert direct(installation, without).session.principal.role is Role.OWNER
    # The last owner keeps the role.
    with_owner = OpenIdRules(roles=(("admins", Role.OWNER), ("staff", Role.REVIEWER)))
    with pytest.raises(SafelightError, match="last active owner"):
        direct(installation, with_owner)
    _, other = installation.invite(Role.CREATOR)
    installation.openid.next({**other, "groups": ["admins"]})
    assert direct(installation, with_owner).session.principal.role is Role.OWNER
    installation.openid.next({**account, "groups": ["staff"]})
    assert direct(installation, with_owner).session.principal.role is Role.REVIEWER


@pytest.mark.parametrize("token", ["", "x", "a.b.c", "eyJhbGciOiJub25lIn0.e30.", "x" * 60_000])
def test_a_forged_message_of_the_provider_ends_nothing(
    installation: Installation, open_browser: Browsers, token: str
) -> None:
    answer = open_browser().post("/login/openid/logout", data={"logout_token": token})
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


def test_begun_sign_ins_and_ended_sessions_are_purged(installation: Installation) -> None:
    _, account = installation.invite()
    installation.openid.next(account)
    direct(installation)
    installation.sign_in_service().begin("/")
    installation.server.accounts.sessions.end(direct(installation).token)
    with closing(Database(installation.database.url, clock=lambda: time.time() + 86_400)) as tomorrow:
        Accounts(tomorrow).purge_expired()
        with tomorrow.across_tenants("test", readonly=True) as tx:
            assert tx.count(openid_attempts) == tx.count(openid_sessions) == 0


def test_a_person_who_cancels_is_told_so(installation: Installation, open_browser: Browsers) -> None:
    browser = open_browser()
    state = httpx.URL(begin(browser)).params["state"]
    page = browser.get("/login/openid/callback", params={"state": state, "error": "access_denied"})
    assert page.status_code == 401
    assert "The sign-in at Example account was not completed. Try again." in page.text


def test_a_session_that_ends_at_the_provider_ends_here_however_many_messages_were_refused(
    installation: Installation, open_browser: Browsers
) -> None:
    installation.openid.next(installation.invite()[1])
    browser, elsewhere, stranger = open_browser(), open_browser(), open_browser()
    sign_in(installation, browser)
    sign_in(installation, elsewhere)
    assert browser.get("/review").status_code == elsewhere.get("/review").status_code == 200
    codes = [
        stranger.post("/login/openid/logout", data={"logout_token": "x"}).status_code
        for _ in range(MAX_SIGN_INS + 1)
    ]
    assert (codes[0], codes[-1]) == (400, 429)
    installation.openid.sign_out(browser, f"{installation.openid.issuer}/session/end")
    deadline = time.monotonic() + 20
    while browser.get("/review").status_code == 200 and time.monotonic() < deadline:
        time.sleep(0.05)
    assert browser.get("/review").status_code == 303
    # Another browser has another session at the provider.
    assert elsewhere.get("/review").status_code == 200
