"""The pages of incidents, without JavaScript."""

from __future__ import annotations

import re

import httpx
import pytest

from safelight.accounts import KeyScope
from safelight.store import tables
from safelight.web.translations import load_languages
from support.console_server import ConsoleServer
from support.videos import add_video

from .conftest import sign_in_as

PATH = "/compliance/incidents"
OPENING = {"kind": "unchecked", "severity": "major", "began": "2026-11-01T09:15", "note": "Seen by staff."}


@pytest.fixture(autouse=True)
def no_incidents(console: ConsoleServer) -> None:
    with console.database.transaction(console.server.tenant) as tx:
        tx.delete(tables.incidents)


def revision_of(page: httpx.Response) -> str:
    found = re.search(r'name="revision" value="(\d+)"', page.text)
    assert found is not None
    return found[1]


def test_an_incident_is_opened_published_and_closed(staff: httpx.Client, console: ConsoleServer) -> None:
    assert f'href="{PATH}"' in staff.get("/compliance").text
    assert "No incident was recorded." in staff.get(PATH).text
    with console.database.transaction(console.server.tenant) as tx:
        video = add_video(tx)
    page = staff.post(PATH, data={**OPENING, "videos": f" {video} ", "sentence": "Sound & 1 < 2."})
    address = page.url.path
    assert (page.status_code, f'href="/videos/{video}"' in page.text) == (200, True)
    assert "Sound &amp; 1 &lt; 2." in page.text
    assert 'value="close"' not in page.text
    save = {**OPENING, "action": "save", "videos": video, "sentence": "Sound was not checked."}
    page = staff.post(address, data={**save, "done": "Installed it.", "published": "yes", "revision": "0"})
    assert (revision_of(page), " checked" in page.text) == ("1", True)
    page = staff.post(address, data={"action": "close", "revision": "1"})
    assert (page.status_code, 'value="close"' in page.text) == (200, False)
    listed = staff.get(PATH).text
    assert "closed, published" in listed
    assert "Sound was not checked." in listed
    # Without the mark, it is not public any more.
    staff.post(address, data={**save, "done": "Installed it.", "revision": "2"})
    assert "closed, published" not in staff.get(PATH).text


def test_a_refused_form_keeps_what_was_typed(staff: httpx.Client) -> None:
    page = staff.post(PATH, data={**OPENING, "ended": "2026-10-01T08:00"})
    assert (page.status_code, "Seen by staff.</textarea>" in page.text) == (400, True)
    page = staff.post(PATH, data={**OPENING, "videos": "video_1"})
    assert (page.status_code, 'value="video_1"' in page.text) == (404, True)
    address = staff.post(PATH, data=OPENING).url.path
    sent = {**OPENING, "action": "save", "note": "Typed.", "revision": "0", "published": "yes"}
    page = staff.post(address, data=sent)
    assert (page.status_code, "Typed.</textarea>" in page.text) == (400, True)
    assert staff.post(address, data={"action": "close", "revision": "0"}).status_code == 400
    assert staff.post(address, data={"action": "burn"}).status_code == 400


def test_a_change_over_the_change_of_another_person_is_refused(staff: httpx.Client) -> None:
    address = staff.post(PATH, data=OPENING).url.path
    save = {**OPENING, "action": "save", "revision": "0"}
    staff.post(address, data={**save, "done": "First."})
    page = staff.post(address, data={**save, "done": "Second."})
    assert (page.status_code, "changed meanwhile" in page.text, "First." in page.text) == (409, True, True)
    assert (revision_of(page), "Second." in page.text) == ("1", False)


def test_what_is_not_there_is_not_found(staff: httpx.Client) -> None:
    assert staff.get(f"{PATH}/incident_0").status_code == 404
    assert staff.post(f"{PATH}/incident_0", data={"action": "close"}).status_code == 404
    assert staff.get(PATH, params={"after": "x"}).status_code == 400


def test_an_auditor_reads_without_the_note_and_has_no_form(
    staff: httpx.Client, console: ConsoleServer
) -> None:
    address = staff.post(PATH, data=OPENING).url.path
    with sign_in_as(console.server, scopes=frozenset({KeyScope.AUDIT})) as auditor:
        page = auditor.get(address)
        assert (page.status_code, "<textarea" in page.text, "Seen by staff." in page.text) == (
            200,
            False,
            False,
        )
        assert "<textarea" not in auditor.get(PATH).text
        assert auditor.post(address, data={"action": "close"}).status_code == 403
    with sign_in_as(console.server, scopes=frozenset({KeyScope.REVIEW})) as reviewer:
        assert reviewer.get(address).status_code == 403


@pytest.mark.parametrize("language", list(load_languages()))
def test_the_pages_are_in_the_language_of_the_reader(staff: httpx.Client, language: str) -> None:
    address = staff.post(PATH, data=OPENING).url.path
    for path in (PATH, address):
        page = staff.get(path, headers={"accept-language": language})
        assert page.status_code == 200
        assert {"en": "Severity", "zh-Hans": "严重程度", "zh-Hant": "嚴重程度"}[language] in page.text
