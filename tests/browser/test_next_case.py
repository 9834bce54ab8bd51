"""Browser tests of the review page: the next case is shown in place, and comes back if its decision fails."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from safelight.store import tables
from safelight.videos.case_rows import Case, CaseState
from support.console_server import ConsoleServer
from support.fake_api_server import CARD, a_video, card_verdict, judged

pytestmark = pytest.mark.browser

#: Longer than the time in which the page ignores decisions on a new case.
READING_MS = 350


def row(console: ConsoleServer, case: Case) -> tuple[str, str | None]:
    """The state of a case, and who has it."""
    with console.database.read_transaction(console.server.tenant) as tx:
        found = tx.one(tables.cases, tables.cases.c.id == case.id)
    assert found is not None
    return found.state, found.leased_by


@pytest.fixture
def opened(staff: Page, console: ConsoleServer) -> list[Case]:
    """Three open cases, of which the first is on the page, and the second is prefetched."""
    desk = console.server.desk
    with console.database.transaction(console.server.tenant) as tx:
        tx.update(tables.cases, state="expired", dedup_key=None, leased_by=None)
    cases = []
    for number in range(3):
        video = desk.put(a_video(tenant=console.server.tenant, prompt=f"scene number {number}"))
        desk.judgements[video.id] = (judged(card_verdict(CARD)),)
        cases.append(console.hold(video.id))
    staff.goto(f"{console.server.url}/review")
    with staff.expect_response(re.compile(cases[1].id)):
        staff.get_by_role("button", name="Take the next case").click()
    expect(staff.locator(".case .prompt")).to_have_text("scene number 0")
    return cases


def decide(page: Page, key: str = "a") -> None:
    page.wait_for_timeout(READING_MS)
    page.keyboard.press("1")
    page.keyboard.press(key)


@pytest.mark.parametrize("width", [1280, 390])
def test_approve_and_refuse_have_the_same_weight_size_and_line(
    staff: Page, opened: list[Case], width: int
) -> None:
    staff.set_viewport_size({"width": width, "height": 900})
    shown = staff.evaluate(
        """() => [...document.querySelectorAll("[data-decides]")].map(button => {
            const box = button.getBoundingClientRect(), style = getComputedStyle(button);
            return [Math.round(box.width), Math.round(box.height), Math.round(box.top), style.fontWeight,
                    style.borderTopWidth, style.backgroundColor];
        })"""
    )
    assert len(shown) == 2
    assert shown[0] == shown[1]


def test_the_next_case_is_painted_before_the_server_has_answered(
    staff: Page, console: ConsoleServer, opened: list[Case]
) -> None:
    first, second, third = opened
    assert row(console, second)[1] is not None
    staff.evaluate("window.loadedOnce = true")
    # The server cannot answer while another transaction writes.
    with (
        staff.expect_response(re.compile(f"/review/{third.id}")),
        console.database.transaction(console.server.tenant),
    ):
        decide(staff)
        expect(staff.locator(".case .prompt")).to_have_text("scene number 1")
        expect(staff.locator("#last-decision")).to_have_text("Sending the decision…")
        expect(staff.locator(".case h1")).to_be_focused()
        expect(staff.locator(f".queue-side a[href='/review/{first.id}']")).to_have_count(0)
        back = staff.locator("header [name=back]").first
        expect(back).to_have_value(f"/review/{second.id}")
        # What is written for the next case stays when the answer comes.
        staff.locator("#reason").fill("half a reason")
    expect(staff.locator("#last-decision button")).to_contain_text("Undo")
    expect(staff.locator("#status")).to_contain_text("Approved.")
    expect(staff.locator("#reason")).to_have_value("half a reason")
    assert staff.url.endswith(f"/review/{second.id}?decided={first.id}")
    assert staff.evaluate("window.loadedOnce")
    # The way back is a page of the server again.
    staff.go_back()
    expect(staff.locator(".decision")).to_contain_text("Approved.")
    assert staff.evaluate("window.loadedOnce") is None


def test_a_case_without_an_answer_comes_back_with_its_reason(
    staff: Page, console: ConsoleServer, opened: list[Case]
) -> None:
    first, *_ = opened
    staff.route(f"**/review/{first.id}", lambda route: route.abort())
    staff.locator("#reason").fill("Stage blood.")
    staff.locator("#reason").blur()
    decide(staff)
    expect(staff.locator("#reason-missing")).to_contain_text("The server did not answer")
    expect(staff.locator(".case .prompt")).to_have_text("scene number 0")
    expect(staff.locator("#reason")).to_have_value("Stage blood.")
    assert row(console, first)[0] == CaseState.OPEN.value
    staff.unroute(f"**/review/{first.id}")
    decide(staff)
    expect(staff.locator("#last-decision button")).to_contain_text("Undo")
    expect(staff.locator(".case .prompt")).to_have_text("scene number 1")
    assert row(console, first)[0] == CaseState.PENDING.value


def test_a_case_that_changed_meanwhile_comes_back_with_the_reason_why(
    staff: Page, console: ConsoleServer, opened: list[Case]
) -> None:
    first, *_ = opened
    with console.database.transaction(console.server.tenant) as tx:
        tx.update(tables.cases, tables.cases.c.id == first.id, version=tables.cases.c.version + 1)
    decide(staff)
    expect(staff.locator(".decision [role=alert]").first).to_contain_text("changed after you opened it")
    expect(staff.locator(".case .prompt")).to_have_text("scene number 0")
    assert row(console, first)[0] == CaseState.OPEN.value
    # The page has the new version now.
    decide(staff, "r")
    expect(staff.locator(".case .prompt")).to_have_text("scene number 1")
    expect(staff.locator("#last-decision")).to_contain_text("Refused.")


def test_the_reserved_case_is_given_back_when_the_reviewer_leaves(
    staff: Page, console: ConsoleServer, opened: list[Case]
) -> None:
    first, second, _third = opened
    staff.wait_for_timeout(READING_MS)
    staff.goto(f"{console.server.url}/review")
    # The browser sends the message in the background.
    for _ in range(100):
        if row(console, second)[1] is None:
            break
        staff.wait_for_timeout(100)
    assert (row(console, first)[1] is None, row(console, second)[1]) == (False, None)


def test_if_the_server_gives_another_case_that_one_is_shown(
    staff: Page, console: ConsoleServer, opened: list[Case]
) -> None:
    _first, second, third = opened
    with console.database.transaction(console.server.tenant) as tx:
        tx.update(tables.cases, tables.cases.c.id == second.id, state="expired", leased_by=None)
    decide(staff)
    expect(staff.locator(".case .prompt")).to_have_text("scene number 2")
    expect(staff.locator("#last-decision button")).to_contain_text("Undo")
    assert third.id in staff.url


def test_a_key_that_is_held_down_decides_one_case(
    staff: Page, console: ConsoleServer, opened: list[Case]
) -> None:
    staff.wait_for_timeout(READING_MS)
    staff.keyboard.press("1")
    for _ in range(10):
        staff.keyboard.down("a")
    staff.keyboard.up("a")
    expect(staff.locator("#last-decision button")).to_contain_text("Undo")
    expect(staff.locator(".case .prompt")).to_have_text("scene number 1")
    assert [row(console, case)[0] for case in opened] == ["pending", "open", "open"]
