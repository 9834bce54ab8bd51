"""The page of a case shows a text that may be threatening behind a click, as text."""

from __future__ import annotations

import re
import time

import httpx

from safelight.accounts.reporter import ReporterKind
from safelight.cases.reports import Report
from safelight.cases.reports.store import add_report
from safelight.core.ids import new_id
from safelight.screening.text_screening import UNCHECKED, ScreeningState, TextScreening
from safelight.videos.case_rows import CaseKind
from support.console_server import ConsoleServer
from support.rows import each_row

from .conftest import create_video

SCRIPT = "<script>alert(1)</script>"
FLAGGED = TextScreening(state=ScreeningState.FLAGGED, kinds=("harassment",))
CLEAR = TextScreening(state=ScreeningState.CLEAR)


def report(console: ConsoleServer, video_id: str, screening: TextScreening, **fields: str) -> str:
    """Open a case with one report. Returns the path of its page."""
    case = console.hold(video_id, kind=CaseKind.REPORT, reason="Reported: other")
    made = Report(
        id=new_id("report"),
        tenant=console.server.tenant,
        video_id=video_id,
        case_id=case.id,
        category=fields.get("category"),
        reason=fields.get("reason", "deception"),
        note=fields.get("note", ""),
        reporter_kind=ReporterKind.VISITOR,
        reporter="visitor:1",
        contact=None,
        created_at=time.time(),
        screening=screening,
    )
    with console.database.transaction(console.server.tenant) as tx:
        add_report(tx, made)
    return f"/review/{case.id}"


def test_a_report_that_states_only_a_category_names_it(staff: httpx.Client, console: ConsoleServer) -> None:
    path = report(
        console, create_video(staff, "a saloon"), CLEAR, category="violence", reason="", note="Look."
    )
    assert re.search(r"<li><b>Violence</b> .*<br>Look\.</li>", staff.get(path).text)


@each_row
def test_a_text_that_is_not_clear_is_behind_a_click(
    staff: httpx.Client, console: ConsoleServer, language: str, flagged: str, unchecked: str
) -> None:
    headers = {"accept-language": language}
    for screening, warning in ((FLAGGED, flagged), (UNCHECKED, unchecked)):
        path = report(console, create_video(staff, "a saloon"), screening, note=f"I know you. {SCRIPT}")
        page = staff.get(path, headers=headers).text
        assert SCRIPT not in page
        summary, _, covered = page.partition("<details><summary>")[2].partition("</summary>")
        assert warning.casefold() in summary.casefold()
        assert "I know you. &lt;script&gt;" in covered.partition("</details>")[0]


def test_a_clear_text_is_shown_and_a_report_without_a_text_has_no_warning(
    staff: httpx.Client, console: ConsoleServer
) -> None:
    shown = report(console, create_video(staff, "a saloon"), CLEAR, note="It shows me.")
    assert "<br>It shows me.</li>" in staff.get(shown).text
    empty = report(console, create_video(staff, "a saloon"), UNCHECKED)
    assert "was not checked" not in staff.get(empty).text


def test_a_reason_in_the_sender_s_own_words_is_covered_too(
    staff: httpx.Client, console: ConsoleServer
) -> None:
    path = report(
        console, create_video(staff, "a saloon"), FLAGGED, reason="You will regret it", note="Soon."
    )
    before, _, covered = staff.get(path).text.partition("<details><summary>")
    assert "regret" not in before
    assert "You will regret it\nSoon." in covered.partition("</details>")[0]
