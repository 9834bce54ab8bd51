"""Browser test of a case with a transcript, sound and a reference: heard and seen only while held."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, Request, expect

from safelight.store.tables import exposures
from safelight.web.console.case_media import PictureRequest, Shot
from support.cases import flagged, frames
from support.console_server import ConsoleServer
from support.fake_api_server import CARD, a_video, card_verdict, judged
from support.verdicts import seen

from .test_review_queue import READING_MS

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
    reference.hover()
    with staff.expect_request(re.compile("/hide$")):
        staff.mouse.down()
        expect(staff.locator("#image-cover canvas")).to_be_visible()
        staff.mouse.up()
    expect(staff.locator("#image-cover canvas")).to_be_hidden()
    sent = [(one.url.rpartition("/")[2], one.post_data) for one in requests if one.method == "POST"]
    assert ("reveal", "show=whole+1&frame=0") in sent
    assert [data for name, data in sent if name == "sound"] == ["part=0+0+60"] * 2
    # In a text field the key writes.
    staff.locator("#reason").press("l")
    expect(staff.locator("#reason")).to_have_value("l")
    assert len([one for one in requests if one.url.endswith("/sound")]) == 2
    with console.database.read_transaction(console.server.tenant) as tx:
        views = tx.select(exposures, exposures.c.case_id == case.id)
    assert len(views) == 3


def test_the_key_plays_the_sound_of_the_marked_moment(staff: Page, console: ConsoleServer) -> None:
    desk = console.server.desk
    video = desk.put(a_video(tenant=console.server.tenant, prompt="a street with sound"))
    desk.judgements[video.id] = (
        flagged(
            seen("violence", 0.9, "frames", evidence=(frames(2.0, 2.5, peak=18),)),
            seen("hate", 0.8, "frames", evidence=(frames(3.0, 3.5, peak=25),)),
            facts={"fps": 8.0, "frames": 32, "duration_s": 4.0, "audio_codec": "aac"},
            sound={},
        ),
    )
    case = console.hold(video.id)
    staff.goto(f"{console.server.url}/review/{case.id}")
    for key, part in (("[", "0+1.5+3"), ("]", "0+2.5+4")):
        staff.keyboard.press(key)
        with staff.expect_request(re.compile("/sound$")) as sent, staff.expect_request(re.compile("/hide$")):
            staff.keyboard.down("l")
            staff.wait_for_timeout(READING_MS)
            staff.keyboard.up("l")
        assert sent.value.post_data == f"part={part}"
    with console.database.read_transaction(console.server.tenant) as tx:
        assert tx.count(exposures, exposures.c.case_id == case.id) == 2


def test_the_page_opens_at_the_finding_and_keys_step_to_more(staff: Page, console: ConsoleServer) -> None:
    desk = console.server.desk
    video = desk.put(a_video(tenant=console.server.tenant, prompt="a street"))
    desk.judgements[video.id] = (
        flagged(
            seen("violence", 0.9, "frames", evidence=(frames(2.0, 2.5, peak=18),)),
            seen("hate", 0.8, "frames", evidence=(frames(3.0, 3.5, peak=25),)),
        ),
    )
    case = console.hold(video.id)
    console.asked.clear()
    staff.goto(f"{console.server.url}/review/{case.id}")
    picture = staff.locator("#image-cover canvas")

    def look(shot: Shot, frame: int, **more: bool) -> None:
        staff.keyboard.down(" ")
        expect(picture).to_be_visible()
        staff.keyboard.up(" ")
        expect(picture).to_be_hidden()
        assert console.asked[-1] == PictureRequest(file=0, shot=shot, frame=frame, **more)

    look(Shot.FRAME, 18)
    expect(staff.locator("#reveal-count")).to_have_text("Frame 18, from 2.3 s.")
    staff.keyboard.press(".")
    look(Shot.FRAME, 19)
    staff.keyboard.press("]")
    look(Shot.FRAME, 25)
    staff.keyboard.press("[")
    staff.keyboard.press("w")
    look(Shot.AROUND, 18)
    staff.keyboard.press("w")
    look(Shot.CLIP, 18)
    # Each view has a key of its own too.
    for key, shot in zip("pyio", (Shot.WHOLE, Shot.FRAME, Shot.AROUND, Shot.CLIP), strict=True):
        staff.keyboard.press(key)
        look(shot, 18)
    # Also after a click on another one.
    staff.locator("#reveal [data-key='p']").click()
    staff.keyboard.press("y")
    look(Shot.FRAME, 18)
    staff.keyboard.press("o")
    # The switches are the reviewer's, and are remembered.
    with staff.expect_response(re.compile("/switches$")):
        staff.get_by_label("Covered", exact=True).uncheck()
    staff.locator("h1").click()
    with staff.expect_response(re.compile("/switches$")):
        staff.keyboard.press("c")
    staff.keyboard.press("w")
    staff.keyboard.press(" ")
    expect(picture).to_be_visible()
    expect(picture).to_have_class("colour")
    with staff.expect_request(re.compile("/hide$")):
        staff.keyboard.press(" ")
    expect(picture).to_be_hidden()
    assert console.asked[-1] == PictureRequest(file=0, shot=Shot.WHOLE, frame=18, in_colour=True)
    staff.reload()
    expect(staff.get_by_label("Grey C", exact=True)).not_to_be_checked()
    # Digits in the field of the frame choose no rule.
    staff.get_by_label("Frame", exact=True).press("1")
    assert staff.locator("#decide [name=clause]:checked").count() == 0
    # Nothing was decided, and one key declines the category.
    staff.locator("h1").click()
    staff.wait_for_timeout(READING_MS)
    staff.keyboard.press("d")
    # The other case is of the same category.
    staff.wait_for_url("**/review?next=none")
    staff.get_by_role("button", name="Take cases again: Violence").click()
    expect(staff.locator("#declined")).to_have_count(0)


def test_without_a_finding_the_page_begins_with_the_whole_video(staff: Page, console: ConsoleServer) -> None:
    desk = console.server.desk
    video = desk.put(a_video(tenant=console.server.tenant, prompt="a street without a finding"))
    desk.judgements[video.id] = (flagged(),)
    case = console.hold(video.id)
    staff.goto(f"{console.server.url}/review/{case.id}")
    views = staff.locator("#reveal .go button[data-key]")
    expect(views).to_have_count(4)
    chosen, picture = staff.locator("#reveal [data-next-shown]"), staff.locator("#image-cover canvas")
    expect(chosen).to_have_text("The whole video in nine frames P")
    staff.keyboard.press("y")
    expect(chosen).to_have_text("This frame Y")
    # A picture can move the page, and with it the button that is pressed.
    views.last.hover()
    staff.mouse.down()
    staff.mouse.move(5, 5)
    expect(picture).to_be_visible()
    staff.wait_for_timeout(READING_MS)
    expect(picture).to_be_visible()
    staff.mouse.up()
    expect(picture).to_be_hidden()
    expect(chosen).to_have_text("The whole video in nine frames P")
    # Keys show the list of keys, with those of the views.
    staff.keyboard.press("?")
    expect(staff.get_by_role("dialog")).to_contain_text("W Y I O P")
