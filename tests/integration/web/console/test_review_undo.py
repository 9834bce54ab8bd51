"""Undo of a review decision, on the pages as a browser without JavaScript shows them."""

from __future__ import annotations

import re
from dataclasses import replace

import httpx

from safelight.store import tables
from safelight.videos.models import VideoState
from support.console_server import ConsoleServer
from support.rows import each_row

from .conftest import create_video


def video_state(console: ConsoleServer, video_id: str) -> VideoState:
    return console.server.desk.videos[video_id].state


def decide(staff: httpx.Client, case_id: str, action: str = "approve", **options: object) -> httpx.Response:
    return staff.post(f"/review/{case_id}", data={"action": action, "reason": "Seen."}, **options)  # type: ignore[arg-type]


@each_row
def test_a_decision_can_be_undone_on_the_page_that_follows(
    staff: httpx.Client, console: ConsoleServer, language: str, decided: str, undo: str, undone: str
) -> None:
    headers = {"accept-language": language}
    video_id = create_video(staff, "a saloon")
    case = console.hold(video_id)
    assert staff.post(f"/review/{case.id}/undo").status_code == 409
    following = decide(staff, case.id, headers=headers).text
    assert decided in following
    assert undo in following
    assert f'action="/review/{case.id}/undo"' in following
    assert video_state(console, video_id) is VideoState.HELD
    assert f'href="/review/{case.id}" data-row' not in staff.get("/review").text
    again = staff.post(f"/review/{case.id}/undo", headers=headers)
    assert again.url.path == f"/review/{case.id}"
    assert undone in again.text
    assert 'id="decide"' in again.text
    console.carry_out_decisions()
    assert video_state(console, video_id) is VideoState.HELD


def test_the_page_says_that_a_decision_was_carried_out_and_is_too_late_to_undo(
    staff: httpx.Client, console: ConsoleServer
) -> None:
    video_id = create_video(staff, "another saloon")
    case = console.hold(video_id)
    pending = decide(staff, case.id)
    assert re.search(r"Undo \((10|9) s\)", pending.text)
    console.carry_out_decisions()
    assert video_state(console, video_id) is VideoState.SEALING
    done = staff.get(str(pending.url)).text
    assert "Approved. Carried out at" in done
    assert "data-undo" not in done
    videos, later = console.server.desk.videos, "was blocked after this decision"
    assert later not in staff.get(f"/review/{case.id}").text
    videos[video_id] = replace(videos[video_id], state=VideoState.BLOCKED)
    assert later in staff.get(f"/review/{case.id}").text
    late = staff.post(f"/review/{case.id}/undo")
    assert late.status_code == 409
    assert re.search(r"“Approve” was already carried out at \d+ ", late.text)
    assert "was already carried out at" not in staff.get(f"/review/{case.id}").text


def test_a_second_decision_is_refused_and_another_person_cannot_undo(
    staff: httpx.Client, console: ConsoleServer
) -> None:
    video_id = create_video(staff, "a third saloon")
    case = console.hold(video_id)
    decide(staff, case.id, "refuse")
    by = "<dt>Decided by</dt><dd>Grace</dd>"
    assert by in staff.get(f"/review/{case.id}").text
    staff.post("/login", data={"token": console.staff_login()})
    page = staff.get(f"/review/{case.id}").text
    # Another person of the same name.
    assert by not in page
    assert "Refused." in page
    assert "data-undo" not in page
    second = decide(staff, case.id, "approve")
    assert second.status_code == 409
    assert "This case was decided already: “Refuse”." in second.text
    assert by not in second.text
    foreign = staff.post(f"/review/{case.id}/undo")
    assert foreign.status_code == 403
    assert "Only the person who made a decision can undo it." in foreign.text
    console.carry_out_decisions()
    assert video_state(console, video_id) is VideoState.BLOCKED


def test_the_reviewer_sees_why_a_decision_was_not_carried_out(
    staff: httpx.Client, console: ConsoleServer
) -> None:
    case = console.hold(create_video(staff, "a fourth saloon"))
    pending = decide(staff, case.id)
    with console.database.transaction(console.server.tenant) as tx:
        tx.update(tables.cases, tables.cases.c.id == case.id, state="expired")
    console.carry_out_decisions()
    for path in (str(pending.url), f"/review/{case.id}"):
        page = staff.get(path).text
        assert "The decision “Approved” was not carried out." in page
        assert "the state of the video changed" in page


@each_row
def test_after_an_undo_the_page_says_whether_the_case_is_closed_or_late(
    staff: httpx.Client, console: ConsoleServer, language: str, closed: str, late: str
) -> None:
    for changes, text in (({"state": "expired"}, closed), ({"due_at": 1.0}, late)):
        case = console.hold(create_video(staff, f"a saloon for {language} and {list(changes)}"))
        decide(staff, case.id)
        with console.database.transaction(console.server.tenant) as tx:
            tx.update(tables.cases, tables.cases.c.id == case.id, **changes)
        page = staff.post(f"/review/{case.id}/undo", headers={"accept-language": language}).text
        assert text in page
