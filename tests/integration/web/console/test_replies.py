"""The page of the saved replies, and the choice on the case page, without JavaScript."""

from __future__ import annotations

import httpx
import pytest

from safelight.accounts import KeyScope
from safelight.store import tables
from safelight.web.translations import load_languages
from support.console_server import ConsoleServer

from .conftest import create_video, sign_in_as


@pytest.fixture(autouse=True)
def no_replies(console: ConsoleServer) -> None:
    with console.database.transaction(console.server.tenant) as tx:
        tx.delete(tables.saved_replies)


def test_a_reply_is_written_shown_changed_and_removed(staff: httpx.Client) -> None:
    assert 'href="/review/replies"' in staff.get("/review").text
    page = staff.post("/review/replies", data={"name": "Stage-Blood", "en": "It is 1 < 2 & stage blood."})
    assert (page.status_code, "It is 1 &lt; 2 &amp; stage blood." in page.text) == (200, True)
    assert "No text in: zh-Hans, zh-Hant." in page.text
    staff.post("/review/replies", data={"name": "stage-blood", "en": "Stage blood.", "zh_hans": "舞台血浆。"})
    assert "舞台血浆。" in staff.get("/review/replies").text
    assert (
        "There are no saved replies." in staff.post("/review/replies/stage-blood/remove", data={"x": ""}).text
    )


def test_a_reply_with_a_script_is_refused_and_stays_typed(staff: httpx.Client) -> None:
    page = staff.post("/review/replies", data={"name": "blow", "en": "<script>alert(1)</script>"})
    assert (page.status_code, "tag of HTML" in page.text) == (400, True)
    assert "<script>alert" not in page.text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;</textarea>" in page.text


def test_a_reviewer_reads_replies_and_changes_none(console: ConsoleServer) -> None:
    scopes = frozenset({KeyScope.REVIEW, KeyScope.VIDEOS_READ})
    with sign_in_as(console.server, scopes=scopes) as client:
        page = client.get("/review/replies")
        assert (page.status_code, "<textarea" in page.text) == (200, False)
        assert client.post("/review/replies", data={"name": "blow", "en": "x"}).status_code == 403


@pytest.mark.parametrize("language", list(load_languages()))
def test_a_case_offers_the_replies_in_the_language_of_the_page(
    staff: httpx.Client, console: ConsoleServer, language: str
) -> None:
    texts = {"en": "One text.", "zh_hans": "一段文字。", "zh_hant": "一段文字（繁）。"}
    staff.post("/review/replies", data={"name": "blow", **texts})
    case = console.hold(create_video(staff, f"a blow in {language}"))
    page = staff.get(f"/review/{case.id}", headers={"accept-language": language}).text
    assert f'data-text="{texts[language.lower().replace("-", "_")]}"' in page


@pytest.mark.parametrize(
    ("action", "name", "sentence"),
    [
        ("refuse", "nothing", "There is no saved reply with this name."),
        ("approve", "blow", "Nobody is told about this decision."),
    ],
)
def test_a_reply_that_cannot_be_sent_is_explained(
    staff: httpx.Client, console: ConsoleServer, action: str, name: str, sentence: str
) -> None:
    staff.post("/review/replies", data={"name": "blow", "en": "x"})
    case = console.hold(create_video(staff, f"a blow to {action}"))
    sent = {"action": action, "reason": "x", "clause": "vi-3", "facts": "A blow.", "reply": name}
    page = staff.post(f"/review/{case.id}", data=sent)
    assert (page.status_code, sentence in page.text, f'value="{name}"' in page.text) == (400, True, True)


def test_the_chosen_reply_is_in_the_decision(staff: httpx.Client, console: ConsoleServer) -> None:
    staff.post("/review/replies", data={"name": "blow", "en": "x"})
    case = console.hold(create_video(staff, "a blow to tell"))
    sent = {"action": "refuse", "reason": "x", "clause": "vi-3", "facts": "A blow.", "reply": " BLOW "}
    staff.post(f"/review/{case.id}", data=sent)
    assert "<dd><code>blow</code></dd>" in staff.get(f"/review/{case.id}").text
