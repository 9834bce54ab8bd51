"""A person asks for a consent on a page; the subject answers, sees the uses and withdraws on others."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, Page, expect

from support.console_server import ConsoleServer

pytestmark = pytest.mark.browser


@contextmanager
def subject(browser: Browser, language: str) -> Iterator[Page]:
    context = browser.new_context(locale=language, viewport={"width": 390, "height": 844})
    yield context.new_page()
    context.close()


def check(page: Page, axe: str) -> None:
    """No violation in light on a desk and in dark on a phone, and nothing wider than the page."""
    page.evaluate(axe)
    for scheme, width in (("light", 1440), ("dark", 390)):
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        page.emulate_media(color_scheme="light" if scheme == "light" else "dark")
        found = page.evaluate("() => axe.run(document)")["violations"]
        assert [one["id"] for one in found if one["impact"] in {"serious", "critical"}] == []


def test_a_consent_is_asked_given_and_withdrawn_on_pages(
    staff: Page, console: ConsoleServer, browser: Browser, axe: str
) -> None:
    staff.goto(f"{console.server.url}/consents")
    fields = {"subject": "Ann", "email": "ann@example.org", "asker": "Studio", "uses": "a film"}
    for name, value in {**fields, "territory": "EU"}.items():
        staff.locator(f"[name={name}]").fill(value)
    staff.locator("form[action='/consents'] button.main").click()
    link = staff.locator("code.secret").inner_text()
    for language, title in (("en", "May your face"), ("zh-CN", "可以使用您的面部或声音吗？")):
        assert title in staff.request.get(link, headers={"accept-language": language}).text()
    with subject(browser, "zh-TW") as page:
        page.goto(link)
        expect(page.get_by_role("heading", name="可以使用您的臉部或聲音嗎？")).to_be_visible()
        check(page, axe)
        page.locator("[name=likeness]").check()
        page.locator("[name=is_adult]").check()
        page.locator("button[value=accept]").click()
        page.locator("main a code.secret").click()
        check(page, axe)
        page.get_by_role("button", name="立即撤回").click()
        expect(page.locator("main [role=status]")).to_have_text("已撤回")
        expect(page.get_by_role("button", name="立即撤回")).to_have_count(0)
        page.goto(link)
        expect(page.locator("main [role=alert]")).to_be_visible()
