"""A session that ended elsewhere: pages and scripts lead to the sign-in, and the draft comes back."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, StorageState, expect

from support.console_server import ConsoleServer
from support.fake_api_server import CARD, a_video, card_verdict, judged
from support.gateway_process import Running

pytestmark = pytest.mark.browser

PROMPT = "A paper boat on a pond, morning mist"


def end_session(page: Page) -> list[dict[str, object]]:
    """As if somebody had signed out in another browser. Returns the cookies that sign in again."""
    cookies: list[dict[str, object]] = [dict(cookie) for cookie in page.context.cookies()]
    page.context.clear_cookies()
    return cookies


def test_a_check_after_the_end_of_a_session_leads_to_the_sign_in_and_the_prompt_comes_back(
    page: Page, gateway: Running, signed_in: StorageState
) -> None:
    painted: list[str] = []
    page.expose_function("painted", lambda text: painted.append(text))
    page.evaluate(
        "new MutationObserver(() => painted(document.body.innerText))"
        ".observe(document.body, {childList: true, subtree: true})"
    )
    page.context.clear_cookies()
    page.locator("#prompt").fill(PROMPT)
    expect(page).to_have_url(re.compile(r"/login\?back="))
    assert [text for text in painted if '{"error"' in text] == []
    expect(page.locator("main")).to_contain_text("Your session has ended.")
    expect(page.locator("main")).to_contain_text("What you typed is kept in this tab.")
    expect(page.locator("main")).not_to_contain_text("Already signed in")
    page.context.add_cookies(signed_in["cookies"])
    page.goto(gateway.address)
    expect(page.locator("#prompt")).to_have_value(PROMPT)
    expect(page.locator("#checks")).not_to_be_empty()


def test_a_form_that_is_sent_after_the_end_of_a_session_comes_back_with_its_text(
    page: Page, gateway: Running, signed_in: StorageState
) -> None:
    page.goto(f"{gateway.address}/advice")
    page.locator("main textarea[name=prompt]").fill(PROMPT)
    page.context.clear_cookies()
    page.locator("main form:has(textarea[name=prompt]) button").first.click()
    expect(page).to_have_url(re.compile(r"/login\?back=%2Fadvice"))
    page.context.add_cookies(signed_in["cookies"])
    page.get_by_role("link", name="Continue").click()
    expect(page.locator("main textarea[name=prompt]")).to_have_value(PROMPT)
    # Sent, it is no draft any more.
    page.locator("main form:has(textarea[name=prompt]) button").first.click()
    expect(page.locator("#answer")).to_be_visible()
    page.goto(f"{gateway.address}/advice")
    expect(page.locator("main textarea[name=prompt]")).to_have_value("")


def test_a_decision_after_the_end_of_a_session_keeps_its_reason(staff: Page, console: ConsoleServer) -> None:
    video = console.server.desk.put(a_video(tenant=console.server.tenant, prompt="a held scene"))
    console.server.desk.judgements[video.id] = (judged(card_verdict(CARD)),)
    address = f"{console.server.url}/review/{console.hold(video.id).id}"
    staff.goto(address)
    staff.locator("#reason").fill("It shows the card and nothing else.")
    # The requests about the lease and the next case would lead to the sign-in too.
    staff.wait_for_load_state("networkidle")
    cookies = end_session(staff)
    staff.wait_for_timeout(400)
    staff.locator("#decide [value=approve]").click()
    expect(staff).to_have_url(re.compile(r"/login\?back=%2Freview%2F"))
    staff.context.add_cookies(cookies)  # type: ignore[arg-type]
    staff.get_by_role("link", name="Continue").click()
    expect(staff).to_have_url(address)
    expect(staff.locator("#reason")).to_have_value("It shows the card and nothing else.")


def test_a_reload_keeps_the_draft_and_the_video_that_is_being_made(page: Page) -> None:
    page.locator("#prompt").fill(PROMPT)
    page.get_by_role("button", name="Create").click()
    expect(page.locator("#outcome [data-video]")).to_be_visible()
    made = page.locator("#outcome [data-video]").get_attribute("data-video")
    expect(page).to_have_url(re.compile(rf"/\?video={made}$"))
    page.locator("#prompt").fill("The next one, half written")
    page.reload()
    expect(page.locator("#prompt")).to_have_value("The next one, half written")
    expect(page.locator(f"#outcome [data-video={made}]")).to_be_visible()


def test_a_case_leads_to_the_sign_in_without_a_decision(staff: Page, console: ConsoleServer) -> None:
    video = console.server.desk.put(a_video(tenant=console.server.tenant, prompt="a held scene"))
    console.server.desk.judgements[video.id] = (judged(card_verdict(CARD)),)
    staff.clock.install()
    staff.goto(f"{console.server.url}/review/{console.hold(video.id).id}")
    beat = int(staff.locator("#decide").get_attribute("data-heartbeat") or "")
    staff.locator("#reason").fill("Half a reason.")
    end_session(staff)
    staff.clock.run_for(beat)
    expect(staff).to_have_url(re.compile(r"/login\?back=%2Freview%2F"))


def test_the_page_of_a_running_video_leads_to_the_sign_in(staff: Page, console: ConsoleServer) -> None:
    video = console.server.desk.put(a_video(tenant=console.server.tenant, prompt="a scene that is generated"))
    cookies = end_session(staff)
    staff.context.add_cookies(cookies)  # type: ignore[arg-type]
    # A gateway that has started again refuses the updates.
    staff.route("**/events", lambda route: route.fulfill(status=401, json={}))
    staff.goto(f"{console.server.url}/videos/{video.id}")
    end_session(staff)
    expect(staff).to_have_url(re.compile(r"/login\?back=%2Fvideos%2F"))


def test_the_palette_leads_to_the_sign_in(page: Page) -> None:
    page.goto(page.url + "verify")
    end_session(page)
    page.keyboard.press("Control+k")
    page.keyboard.type("boat")
    expect(page).to_have_url(re.compile(r"/login\?back=%2Fverify"))
