"""Browser tests of Undo on the review page: by key, in time, and what it shows afterwards."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from safelight.store import tables
from safelight.videos.case_rows import Case
from safelight.videos.models import VideoState
from support.console_server import ConsoleServer
from support.fake_api_server import a_video

pytestmark = pytest.mark.browser


def hold(console: ConsoleServer, prompt: str) -> Case:
    video = a_video(tenant=console.server.tenant, prompt=prompt)
    return console.hold(console.server.desk.put(video).id)


def approve(staff: Page, console: ConsoleServer, case: Case) -> None:
    staff.goto(f"{console.server.url}/review/{case.id}")
    staff.locator("#reason").fill("Seen.")
    staff.keyboard.press("Escape")
    staff.keyboard.press("a")
    staff.wait_for_url(re.compile(f"decided={case.id}"))


@pytest.mark.parametrize("key", ["z", "u"])
def test_a_decision_is_undone_by_key(staff: Page, console: ConsoleServer, key: str) -> None:
    case = hold(console, f"a case to undo with {key}")
    approve(staff, console, case)
    button = staff.locator("#last-decision button")
    expect(button).to_have_text(re.compile(r"Undo \(\d+ s\)"))
    staff.keyboard.press("?")
    expect(staff.get_by_role("dialog")).to_contain_text("Undo the last decision")
    staff.keyboard.press("Escape")
    staff.keyboard.press(key)
    staff.wait_for_url(f"**/review/{case.id}?undone=1")
    expect(staff.locator(".decision")).to_contain_text("The decision was undone.")
    expect(staff.locator("#decide")).to_be_visible()
    console.carry_out_decisions()
    assert console.server.desk.videos[case.video_id].state is VideoState.HELD


def test_the_seconds_count_down_and_a_reason_for_the_next_case_stays(
    staff: Page, console: ConsoleServer
) -> None:
    hold(console, "the next case")
    case = hold(console, "a case to carry out")
    staff.clock.install()
    approve(staff, console, case)
    button = staff.locator("#last-decision button")
    staff.clock.run_for(5000)
    expect(button).to_have_text(re.compile(r"Undo \([3-6] s\)"))
    reason = staff.locator("#reason")
    reason.focus()
    staff.keyboard.type("z and u are typed")
    console.carry_out_decisions()
    staff.clock.run_for(8000)
    expect(staff.locator("#last-decision")).to_contain_text("Approved. Carried out at")
    expect(button).to_have_count(0)
    expect(reason).to_have_value("z and u are typed")


def test_a_decision_that_was_undone_elsewhere_removes_its_notice_and_a_reason_for_the_next_case_stays(
    staff: Page, console: ConsoleServer
) -> None:
    hold(console, "another next case")
    case = hold(console, "a case to undo in another window")
    staff.clock.install()
    approve(staff, console, case)
    reason = staff.locator("#reason")
    reason.fill("half a reason")
    staff.evaluate("window.loadedOnce = true")
    undone = staff.request.post(
        f"{console.server.url}/review/{case.id}/undo", headers={"origin": console.server.url}
    )
    assert undone.ok
    staff.clock.run_for(12000)
    expect(staff.locator("#last-decision")).to_have_count(0)
    expect(reason).to_have_value("half a reason")
    assert staff.evaluate("window.loadedOnce")


def test_what_was_decided_together_survives_a_reload_is_carried_out_and_cannot_be_undone_any_more(
    staff: Page, console: ConsoleServer
) -> None:
    cases = [hold(console, f"door number {number}") for number in range(2)]
    with console.database.transaction(console.server.tenant) as tx:
        tx.update(tables.cases, tables.cases.c.id.in_([one.id for one in cases]), account="user_together")
    staff.clock.install()
    staff.goto(f"{console.server.url}/review/{cases[0].id}/same?same=person")
    staff.locator("[name=reason]").fill("The same door.")
    staff.get_by_role("button", name="Approve").click()
    notice, late = staff.locator("#last-decision"), staff.locator("#too-late")
    expect(notice).to_contain_text("Decided together: 2.")
    staff.reload()
    expect(notice.locator("button")).to_be_enabled()
    staff.clock.run_for(11_000)
    expect(notice.locator("button")).to_be_disabled()
    expect(late).to_be_hidden()
    console.carry_out_decisions()
    staff.clock.run_for(8000)
    expect(notice).to_contain_text("Carried out: 2.")
    expect(notice.locator("button")).to_have_count(0)
    staff.keyboard.press("z")
    expect(late).to_have_text("It is too late to undo: the time for it is over.")
