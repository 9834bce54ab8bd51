"""Browser test of a case with a transcript, sound and a reference: heard and seen only while held."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, Request, expect

from safelight.store.tables import exposures
from support.console_server import ConsoleServer
from support.fake_api_server import CARD, a_video, card_verdict, judged

pytestmark = pytest.mark.browser


def test_spoken_words_are_read_at_once_and_sound_and_references_only_while_held(
    staff: Page, console: ConsoleServer
) -> None:
    desk = console.server.desk
    video = desk.put(a_video(tenant=console.server.tenant, prompt="a kitchen"))
    desk.judgements[video.id] = (judged(card_verdict(CARD)),)
    case = console.hold(video.id)
    requests: list[Request] = []
    staff.on("request", lambda request: requests.append(request))
    staff.goto(f"{console.server.url}/review/{case.id}")
    expect(staff.locator("#transcript")).to_contain_text("take the knife")
    expect(staff.locator("#transcript mark")).to_have_text("knife")
    assert not [one.url for one in requests if one.url.endswith(("/reveal", "/sound"))]

    first = staff.locator("#sound button").first
    with staff.expect_request(re.compile("/hide$")):
        staff.keyboard.down("l")
        expect(first).to_have_attribute("aria-pressed", "true")
        staff.keyboard.up("l")
    expect(first).not_to_have_attribute("aria-pressed", "true")
    with staff.expect_request(re.compile("/hide$")):
        first.focus()
        staff.keyboard.down(" ")
        expect(first).to_have_attribute("aria-pressed", "true")
        staff.keyboard.up(" ")

    reference = staff.get_by_role("button", name="Reference 1")
    with staff.expect_request(re.compile("/hide$")):
        reference.dispatch_event("pointerdown")
        expect(staff.locator("#image-cover canvas")).to_be_visible()
        reference.dispatch_event("pointerup")
    expect(staff.locator("#image-cover canvas")).to_be_hidden()
    sent = [(one.url.rpartition("/")[2], one.post_data) for one in requests if one.method == "POST"]
    assert ("reveal", "file=1") in sent
    assert [data for name, data in sent if name == "sound"] == ["part=0+0+60"] * 2
    # In a text field the key writes.
    staff.locator("#reason").press("l")
    expect(staff.locator("#reason")).to_have_value("l")
    assert len([one for one in requests if one.url.endswith("/sound")]) == 2
    with console.database.read_transaction(console.server.tenant) as tx:
        views = tx.select(exposures, exposures.c.case_id == case.id)
    assert len(views) == 3
