"""A person is invited, sets up the sign-in and signs in; the pages for people have no axe violations."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from safelight.accounts import OPERATOR, KeyScope, Principal, PrincipalKind, Role
from safelight.accounts.people import NewPerson
from support.console_server import ConsoleServer
from support.people import PASSWORD, one_time_code

pytestmark = pytest.mark.browser
RULES = "() => axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'] })"
SIZES = {"light": (390, 844), "dark": (1440, 900)}


def invite(console: ConsoleServer, language: str) -> str:
    operator = Principal(
        tenant=console.server.tenant,
        id=OPERATOR,
        kind=PrincipalKind.PERSON,
        name="operator",
        scopes=frozenset(KeyScope),
    )
    new = NewPerson(name="Ada Reed", email=f"ada.{language}@example.com", role=Role.OWNER, language=language)
    return console.server.url + console.people.add(operator, new).path


def problems(page: Page, axe: str) -> list[str]:
    """What axe finds in light at 390 px and in dark at 1440 px, and pages that are too wide."""
    found = []
    for scheme, (width, height) in SIZES.items():
        page.emulate_media(color_scheme="light" if scheme == "light" else "dark")
        page.set_viewport_size({"width": width, "height": height})
        page.evaluate(axe)
        result: dict[str, Any] = page.evaluate(RULES)
        found += [
            f"{page.url} {scheme}: {one['id']} {one['nodes'][0]['html'][:120]}"
            for one in result["violations"]
        ]
        if (wide := page.evaluate("document.documentElement.scrollWidth")) > width:
            found.append(f"{page.url}: {wide} pixels wide of {width}")
    return found


@pytest.mark.parametrize("stranger", ["zh-Hant"], indirect=True)
def test_an_invited_person_sets_up_the_sign_in_and_signs_in(
    console: ConsoleServer, stranger: Page, axe: str
) -> None:
    page = stranger
    for language in ("en", "zh-Hans"):
        shown = page.request.get(invite(console, language), headers={"accept-language": language})
        assert f'<html lang="{language}"' in shown.text()
    page.goto(invite(console, "zh-Hant"))
    expect(page.locator("html")).to_have_attribute("lang", "zh-Hant")
    assert page.locator(".qr").bounding_box()["width"] > 190  # type: ignore[index]
    secret = page.locator("code.long").inner_text().replace(" ", "")
    found = problems(page, axe)
    page.locator("[name=password]").fill(PASSWORD)
    page.locator("[name=code]").fill(one_time_code(secret))
    page.locator("main button.main").click()
    expect(page.locator(".codes li")).to_have_count(10)
    code = page.locator(".codes li").first.inner_text()
    found += problems(page, axe)
    page.locator("main a.second").click()
    page.wait_for_url("**/account")
    found += problems(page, axe)
    page.goto(f"{console.server.url}/settings/people")
    page.locator("[name=name]").fill("Bo Lin")
    page.locator("[name=email]").last.fill("bo@example.com")
    page.locator("main button.main").click()
    expect(page.locator(".created .secret")).to_contain_text("/invitation?token=invite-")
    found += problems(page, axe)
    page.locator("header form[action='/logout'] button").click()
    page.wait_for_url("**/login")
    page.locator("[name=email]").fill("ada.zh-Hant@example.com")
    page.locator("[name=password]").fill("wrong horse battery")
    page.locator("[name=code]").fill(code)
    page.locator("main button.main").click()
    expect(page.get_by_role("alert")).to_be_visible()
    found += problems(page, axe)
    page.locator("[name=password]").fill(PASSWORD)
    page.locator("[name=code]").fill(code)
    page.locator("main button.main").click()
    page.wait_for_url(f"{console.server.url}/")
    assert found == []
