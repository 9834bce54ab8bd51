"""What the real gateway does not make at will, such as a held picture, and every page looked at by axe."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from support.console_server import Paged

pytestmark = pytest.mark.browser
PAGES = ("/", "/videos", "/review", "/verify", "/decode", "/coverage", "/policy", "/settings", "/nothing")


def video_of(page: Page) -> str:
    found = page.locator("#outcome article").get_attribute("data-video")
    assert found
    return found


@pytest.mark.parametrize("staff", ["zh-TW"], indirect=True)
def test_the_language_can_be_switched(staff: Page) -> None:
    expect(staff.locator("html")).to_have_attribute("lang", "zh-Hant")
    staff.locator(".menu summary").click()
    staff.locator(".menu button[value=zh-Hans]").click()
    expect(staff.locator("html")).to_have_attribute("lang", "zh-Hans")
    expect(staff.locator("h1")).to_have_text("想做什么视频？")


def test_a_block_is_explained_with_its_words_marked(staff: Page) -> None:
    staff.locator(".beside summary").last.click()
    staff.locator("#try").click()
    expect(staff.locator("#checks")).to_contain_text("would be blocked")
    staff.locator("#order button.main").click()
    expect(staff.get_by_role("heading", name="Blocked before generation.")).to_be_visible()
    expect(staff.get_by_role("link", name="Appeal this decision")).to_be_visible()


def test_a_hold_is_seen_and_released_by_keyboard_alone(staff: Page, rooms: Paged) -> None:
    keys = staff.keyboard
    staff.locator("#prompt").focus()
    keys.type("A saloon to be held")
    keys.press("Control+Enter")
    expect(staff.locator("#outcome article")).to_be_visible()
    case = rooms.hold(video_of(staff))
    expect(staff.locator("#outcome article")).to_have_attribute("data-state", "held")
    keys.press("Escape")
    keys.press("Control+k")
    keys.type("review")
    keys.press("Enter")
    staff.wait_for_url("**/review")
    row = staff.locator(f"[data-row][href='/review/{case.id}']")
    for _ in range(20):
        keys.press("j")
        if row.evaluate("row => row === document.activeElement"):
            break
    keys.press("Enter")
    staff.wait_for_url(f"**/review/{case.id}")
    picture = staff.locator("#veil canvas")
    expect(picture).to_be_hidden()
    keys.down(" ")
    expect(picture).to_be_visible()
    keys.up(" ")
    expect(picture).to_be_hidden()
    assert rooms.looks.count(case.id) == 1
    keys.press("2") if staff.locator("[data-key='2']").count() else None
    keys.press("a")
    expect(staff.locator("#reason")).to_be_focused()
    keys.type("It is stage blood.")
    keys.press("Escape")
    keys.press("a")
    staff.wait_for_url(re.compile(f"done={case.id}"))
    staff.goto(f"{rooms.server.url}/review/{case.id}")
    expect(staff.locator(".decision")).to_contain_text("It is stage blood.")
    expect(staff.locator(".decision")).to_contain_text("Let through")


def test_the_keys_are_shown_and_typed_in_fields(staff: Page) -> None:
    staff.locator("main").focus()
    staff.keyboard.press("?")
    expect(staff.get_by_role("dialog")).to_contain_text("Move through a list")
    staff.keyboard.press("Escape")
    expect(staff.get_by_role("dialog")).to_have_count(0)
    staff.keyboard.press("/")
    expect(staff.locator("#prompt")).to_be_focused()
    staff.keyboard.type("?jk/")
    expect(staff.locator("#prompt")).to_have_value("?jk/")


def test_an_error_is_decoded_in_place(staff: Page, rooms: Paged) -> None:
    staff.goto(f"{rooms.server.url}/decode")
    staff.get_by_role("button", name="Veo").click()
    expect(staff.locator(".verdict")).to_contain_text("refused the content")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious_and_nothing_runs_off_a_phone(
    staff: Page, rooms: Paged, axe: str, scheme: str
) -> None:
    staff.emulate_media(color_scheme="light" if scheme == "light" else "dark")
    staff.set_viewport_size({"width": 360, "height": 740})
    staff.locator("#prompt").fill("Taylor Swift in a fight")
    staff.locator("#order button.main").click()
    expect(staff.locator("#outcome article")).to_be_visible()
    video = video_of(staff)
    case = rooms.hold(video)
    more = (f"/videos/{video}", f"/review/{case.id}", f"/videos/{video}/report", "/login")
    found: list[str] = []
    for path in (*PAGES, *more):
        staff.goto(rooms.server.url + path)
        if path == "/":
            staff.locator("#prompt").fill("Taylor Swift in a fight")
            expect(staff.locator(".whys")).to_be_visible()
        staff.locator("details:not(.menu)").evaluate_all("all => all.forEach((one) => { one.open = true; })")
        wide = staff.evaluate("document.documentElement.scrollWidth")
        if wide > 360:
            found.append(f"{path}: {wide} pixels wide")
        # In the page's own world a script is not let in; the browser's is.
        staff.evaluate(axe)
        result: dict[str, Any] = staff.evaluate(
            "() => axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'] })"
        )
        found += [
            f"{path}: {one['id']}: {one['nodes'][0]['html'][:160]}"
            for one in result["violations"]
            if one["impact"] in {"serious", "critical"}
        ]
    assert found == []


def test_the_verifier_answers_a_stranger_in_place(staff: Page, rooms: Paged) -> None:
    staff.context.clear_cookies()
    staff.goto(f"{rooms.server.url}/verify")
    staff.locator("#file").set_input_files({"name": "a.mp4", "mimeType": "video/mp4", "buffer": b"no video"})
    expect(staff.locator(".verdict")).to_be_visible(timeout=60_000)
    expect(staff.get_by_role("link", name="Sign in")).to_be_visible()
