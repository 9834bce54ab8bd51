"""Browser tests of states that need a fake server, such as a held video, and axe checks of every page."""

from __future__ import annotations

import os
import re
import time
from itertools import product
from typing import Any

import httpx
import pytest
from playwright.sync_api import Page, expect

from safelight.accounts.access_requests import AccessLimits, AccountAccess
from safelight.accounts.standing import Cause, Offence, Standings, Thresholds
from safelight.store import tables
from safelight.web.auth import COOKIE
from support.console_server import ConsoleServer

pytestmark = pytest.mark.browser
PAGES = (
    "/",
    "/videos",
    "/videos?view=list",
    "/videos?q=words+of+no+prompt",
    "/review",
    "/compliance/log",
    "/review?state=closed",
    "/review/quality",
    "/review/replies",
    "/review/standings",
    "/advice",
    "/attempts",
    "/consents",
    "/verify",
    "/verify/feedback?sent=yes",
    "/explain-error",
    "/coverage",
    "/coverage?cell=violence/graphic/frames",
    "/policy",
    "/policy?edit=1",
    "/settings",
    "/nothing",
    "/compliance",
    "/compliance/accounts?kind=end_user&id=ann",
    "/compliance/accounts?kind=tenant",
    "/compliance/access",
    "/compliance/incidents",
    "/compliance/vault",
    "/compliance/tenants",
    "/account/standing",
    "/account/statements",
    "/access",
)
#: Language, colours and width in pixels. All combinations are too slow for each run; `AXE_ALL=1` tests them.
VIEWS = (
    list(product(("en", "zh-TW", "zh-CN"), ("light", "dark"), (390, 1440)))
    if os.environ.get("AXE_ALL")
    else [("en", "light", 360), ("zh-TW", "dark", 1440)]
)


def video_of(page: Page) -> str:
    found = page.locator("#outcome article").get_attribute("data-video")
    assert found
    return found


def test_shortcuts_are_listed_and_off_in_text_fields(staff: Page) -> None:
    staff.locator("main").focus()
    staff.keyboard.press("?")
    expect(staff.get_by_role("dialog")).to_contain_text("Move through a list")
    staff.keyboard.press("Escape")
    expect(staff.get_by_role("dialog")).to_have_count(0)
    staff.keyboard.press("/")
    expect(staff.locator("#prompt")).to_be_focused()
    staff.keyboard.type("?jk/")
    expect(staff.locator("#prompt")).to_have_value("?jk/")


def test_a_provider_error_is_explained_in_place(staff: Page, console: ConsoleServer) -> None:
    staff.goto(f"{console.server.url}/explain-error")
    staff.get_by_role("button", name="Veo").click()
    expect(staff.locator(".verdict")).to_contain_text("refused the content")


@pytest.mark.parametrize(("staff", "scheme", "width"), VIEWS, indirect=["staff"])
def test_axe_finds_no_serious_violations_and_pages_fit_the_screen(
    staff: Page, console: ConsoleServer, axe: str, *, scheme: str, width: int
) -> None:
    staff.emulate_media(color_scheme="light" if scheme == "light" else "dark")
    staff.set_viewport_size({"width": width, "height": 740})
    staff.locator("#prompt").fill("Taylor Swift in a fight")
    staff.locator("#request button.main").click()
    expect(staff.locator("#outcome article")).to_be_visible()
    video = video_of(staff)
    case = console.hold(video)
    with console.database.transaction(console.server.tenant) as tx:
        # Cases of one account are decided together.
        tx.update(tables.cases, tables.cases.c.id == case.id, account="user_1")
    attempt, _ = report_attempts(console, prompt="The same lake")
    request = fill_account(staff, console, video)
    more = (
        f"/attempts/{attempt}",
        f"/videos/{video}",
        f"/review/{case.id}",
        f"/review/{case.id}/same",
        f"/videos/{video}/report",
        f"/videos/{video}/statements",
        f"/videos/{video}/appeal",
        f"/access?token={request}",
        "/login",
    )
    found: list[str] = []
    for path in (*PAGES, *more):
        staff.goto(console.server.url + path)
        if path == "/":
            staff.locator("#prompt").fill("Taylor Swift in a fight")
            expect(staff.locator(".reasons")).to_be_visible()
        elif path.endswith("/same"):
            expect(staff.locator("#other-clause")).to_be_visible()
        staff.locator("details:not(.menu)").evaluate_all("all => all.forEach((one) => { one.open = true; })")
        wide = staff.evaluate("document.documentElement.scrollWidth")
        if wide > width:
            found.append(f"{path}: {wide} pixels wide")
        # The page's Content-Security-Policy blocks injected script elements; `evaluate` is allowed.
        staff.evaluate(axe)
        result: dict[str, Any] = staff.evaluate(
            "() => axe.run(document, { resultTypes: ['violations'],"
            " runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'] })"
        )
        found += [
            f"{path}: {one['id']}: {one['nodes'][0]['html'][:160]}"
            for one in result["violations"]
            if one["impact"] in {"serious", "critical"}
        ]
    assert found == []


def fill_account(page: Page, console: ConsoleServer, video: str) -> str:
    """A strike of the person who is signed in, and requests for access.

    Returns the token of an approved request.
    """
    cookie = next(one for one in page.context.cookies() if one["name"] == COOKIE)
    person = console.server.accounts.sessions.authenticate(cookie["value"])
    with console.database.transaction(console.server.tenant) as tx:
        Standings(console.database, Thresholds()).give(
            tx, Offence(video_id=video, account=person.id, end_user=None, cause=Cause(category="hate"))
        )
    access = AccountAccess(console.database, AccessLimits(accepts_requests=True, requests_per_hour=100))
    asked = {"name": "Ada Reed", "contact": "ada@example.com", "purpose": "Films for a school."}
    access.request(console.server.tenant, **asked)
    approved, token = access.request(console.server.tenant, **asked)
    access.approve(person, approved.id, reason="Welcome.")
    return token


def report_attempts(console: ConsoleServer, *, prompt: str = "") -> list[str]:
    """The ids of two stored attempts that were refused elsewhere. Without a prompt, each has its own."""
    rows = [
        {
            "provider": "runway",
            "prompt": prompt or f"A rooftop at night {n}",
            "error": "SAFETY.OUTPUT.VIDEO",
            "amount": 0.25,
            "currency": "USD",
            "time": time.time() - n,
        }
        for n in range(2)
    ]
    added = httpx.post(
        f"{console.server.url}/v1/safelight/attempts",
        headers=dict(console.server.auth),
        json={"attempts": rows},
        timeout=30,
    )
    return [one["id"] for one in added.json()["data"]]


def test_an_attempt_is_opened_by_keyboard(staff: Page, console: ConsoleServer) -> None:
    attempts = report_attempts(console)
    staff.goto(f"{console.server.url}/attempts")
    expect(staff.locator("#loss")).to_have_text("Net loss")
    staff.keyboard.press("j")
    staff.keyboard.press("Enter")
    staff.wait_for_url(re.compile(f"/attempts/({'|'.join(attempts)})"))
    expect(staff.locator("#gate")).to_contain_text("the provider's filter")


def test_advice_with_an_answer_works_by_keyboard_and_axe_finds_nothing(staff: Page, axe: str) -> None:
    staff.set_viewport_size({"width": 390, "height": 844})
    keys = staff.keyboard
    keys.press("Control+k")
    keys.type("check")
    keys.press("Enter")
    staff.wait_for_url("**/advice")
    staff.locator("main").focus()
    keys.press("/")
    expect(staff.locator("#prompt")).to_be_focused()
    keys.type("Taylor Swift fights on a rooftop")
    keys.press("Tab")
    expect(staff.locator("#provider")).to_be_focused()
    keys.type("Google Veo")
    for field in ("#blocked", "#purpose", "#advice button"):
        keys.press("Tab")
        expect(staff.locator(field)).to_be_focused()
    keys.press("Enter")
    expect(staff.locator("#answer")).to_contain_text("Taylor Swift")
    assert staff.evaluate("document.documentElement.scrollWidth") <= 390
    staff.evaluate(axe)
    found = staff.evaluate("() => axe.run()")
    assert [(one["id"], one["nodes"][0]["html"]) for one in found["violations"]] == []


def test_verify_works_without_login_and_says_without_a_network_that_the_file_was_not_checked(
    stranger: Page, console: ConsoleServer
) -> None:
    file = {"name": "a.mp4", "mimeType": "video/mp4", "buffer": b"no video"}
    result = stranger.locator("#result")
    stranger.goto(f"{console.server.url}/verify")
    stranger.locator("#file").set_input_files(file)
    expect(result).to_have_text("This is not a video or picture that we can open.", timeout=60_000)
    expect(stranger.get_by_role("link", name="Sign in")).to_be_visible()
    stranger.context.set_offline(True)
    stranger.locator("#file").set_input_files(file)
    expect(result).to_have_text(
        "The file could not be checked: this server did not answer. Check your connection, then try again."
    )
    expect(stranger.locator("#verify button")).to_be_enabled()
    stranger.context.set_offline(False)
