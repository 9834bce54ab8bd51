"""The studio in Chromium against the real gateway."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Route, StorageState, expect

from support.gateway_process import Running

pytestmark = pytest.mark.browser


def test_the_suggestion_to_try_first_is_used_with_one_click(page: Page) -> None:
    page.locator("select[name=provider]").select_option("veo")
    page.locator("#prompt").fill("A man alone on a rooftop at night, looking down at the city")
    expect(page.locator("#checks")).to_contain_text("Try this first")
    page.get_by_role("button", name="Use this prompt").click()
    expect(page.locator("#prompt")).to_have_value(re.compile("observation deck at dusk"))


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_has_contrast_and_the_page_fits_a_phone(
    gateway: Running, browser: Browser, signed_in: StorageState, scheme: str
) -> None:
    context = browser.new_context(
        storage_state=signed_in,
        color_scheme=scheme,  # type: ignore[arg-type]
        viewport={"width": 360, "height": 740},
        reduced_motion="reduce",
    )
    page = context.new_page()
    page.goto(gateway.address)
    page.get_by_text("Try a block without harmful words").click()
    page.get_by_role("button", name="Insert it into the prompt").click()
    page.get_by_role("button", name="Create").click()
    expect(page.locator("#outcome mark")).to_be_visible()
    state = page.get_by_role("link", name="Blocked before generation. Show the result")
    expect(state).to_be_in_viewport()
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    faint = page.evaluate(Path(__file__).with_name("contrast.js").read_text())
    assert faint == []
    state.click()
    expect(page.locator("#outcome h2")).to_be_in_viewport()
    context.close()


@pytest.mark.parametrize("width", [1440, 390])
def test_the_box_of_the_studio_shows_the_whole_answer_about_an_error(page: Page, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 844})
    page.locator("#prompt").fill("A person standing alone on a rooftop at night")
    page.locator("#refused summary").click()
    page.locator("#text").fill('{"status": "FAILED", "failureCode": "SAFETY.INPUT.TEXT"}')
    expect(page.locator("#error-prompt")).to_have_value(re.compile("rooftop"))
    page.locator("#explain-error button").click()
    answer = page.locator("#explained")
    for said in ("Runway", "Charged", "rooftop", "Send next", "observation deck", "Price of a try"):
        expect(answer).to_contain_text(said)
    last = answer.locator("dd").last
    last.scroll_into_view_if_needed()
    expect(last).to_be_in_viewport()
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_a_request_whose_answer_was_lost_may_be_sent_again_and_is_made_once(page: Page) -> None:
    made: list[str] = []

    def lose(route: Route) -> None:
        # When a video is finished, the page also loads the list of recent ones from here.
        if made or route.request.method != "POST":
            return route.fallback()
        made.extend(re.findall(r'data-video="(video_[0-9a-f]+)"', route.fetch().text()))
        return route.abort()

    page.locator("#prompt").fill("A paper boat that is followed")
    page.get_by_role("button", name="Create").click()
    followed = page.locator("#outcome [data-video]").get_attribute("data-video")
    page.locator("#prompt").fill("A paper boat whose answer is lost")
    page.route(lambda url: url.split("?")[0].endswith("/"), lose)
    page.get_by_role("button", name="Create").click()
    expect(page.locator("#lost")).to_contain_text("may have taken the request")
    # The video before is still followed.
    expect(page.locator(f"#outcome [data-video={followed}]")).to_contain_text("Delivered")
    page.get_by_role("button", name="Create").click()
    expect(page.locator("#outcome .prompt")).to_contain_text("whose answer is lost")
    expect(page.locator("#lost")).to_be_hidden()
    assert made == [page.locator("#outcome [data-video]").get_attribute("data-video")]


@pytest.mark.parametrize("status", [0, 502])
def test_a_check_without_an_answer_leaves_no_verdict_about_another_text(page: Page, status: int) -> None:
    page.locator("#prompt").fill("A paper boat")
    expect(page.locator("#checks")).to_contain_text("Our policy: allowed")
    page.route("**/check", lambda route: route.fulfill(status=status) if status else route.abort(), times=1)
    page.locator("#prompt").fill("A paper boat, and more")
    expect(page.locator("#checks")).to_have_text(re.compile("not checked"))
    expect(page.locator("#checks")).not_to_contain_text("allowed")
    page.locator("#prompt").fill("A paper boat, and more still")
    expect(page.locator("#checks")).to_contain_text("Our policy: allowed")


def test_a_prompt_that_was_deleted_leaves_neither_a_verdict_nor_help_lines(page: Page) -> None:
    nothing = page.locator("#checks").inner_text()
    page.locator("#prompt").fill("I want to kill myself")
    expect(page.locator("#checks")).to_contain_text("findahelpline.com")
    page.locator("#prompt").fill("")
    expect(page.locator("#checks")).to_have_text(nothing)
