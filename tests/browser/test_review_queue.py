"""Browser tests of the review queue: two keys for a decision, pictures only while a key is held."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, Request, expect

from safelight.jobs.models import VideoState
from safelight.store import tables
from safelight.trust.reviews import Case
from support.console_server import ConsoleServer
from support.fake_api_server import CARD, a_video, card_verdict, judged

pytestmark = pytest.mark.browser

CASES = 6
#: Longer than the time in which the page ignores decisions on a new case.
READING_MS = 350


def hold(console: ConsoleServer, prompt: str) -> Case:
    desk = console.server.desk
    video = desk.put(a_video(tenant=console.server.tenant, prompt=prompt))
    desk.judgements[video.id] = (judged(card_verdict(CARD)),)
    return console.hold(video.id)


def test_cases_are_decided_with_two_keys_each_and_pictures_are_fetched_only_on_reveal(
    staff: Page, console: ConsoleServer
) -> None:
    with console.database.transaction(console.server.tenant) as tx:
        tx.update(tables.cases, state="expired", dedup_key=None)
    cases = [hold(console, f"scene number {number}") for number in range(CASES)]
    requests: list[Request] = []
    staff.on("request", lambda request: requests.append(request))
    staff.goto(f"{console.server.url}/review")
    staff.get_by_role("button", name="Take the next case").click()
    staff.wait_for_url(f"**/review/{cases[0].id}")
    for case in cases[:-2]:
        staff.wait_for_timeout(READING_MS)
        # Two keys: the rule, and the decision, which opens the next case.
        staff.keyboard.press("1")
        staff.keyboard.press("a")
        staff.wait_for_url(re.compile(f"decided={case.id}"))
    assert not [one.url for one in requests if one.url.endswith(("/reveal", "/content"))]
    staff.wait_for_timeout(READING_MS)
    staff.keyboard.press("a")
    expect(staff.locator("#reason-missing")).to_be_visible()
    staff.keyboard.press("Escape")
    with staff.expect_request(re.compile("/hide$")):
        staff.keyboard.down(" ")
        expect(staff.locator("#image-cover canvas")).to_be_visible()
        staff.keyboard.up(" ")
    expect(staff.locator("#image-cover canvas")).to_be_hidden()
    staff.keyboard.press("1")
    for key in ("s", "e"):
        # A rule is not enough to give the case back.
        staff.keyboard.press(key)
        expect(staff.locator("#reason-missing")).to_contain_text("before you skip or escalate the case")
        staff.keyboard.press("Escape")
    staff.locator("#reason").fill("Not for me.")
    staff.locator("#reason").blur()
    with staff.expect_request(re.compile(f"{cases[-1].id}/lease$")):
        staff.keyboard.press("s")
    staff.wait_for_url(f"**/review/{cases[-1].id}")
    console.carry_out_decisions()
    states = [console.server.desk.videos[case.video_id].state for case in cases]
    assert states == [VideoState.SEALING] * (CASES - 2) + [VideoState.HELD] * 2
