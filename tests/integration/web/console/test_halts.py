"""The section of halts on the page Compliance, without JavaScript."""

from __future__ import annotations

import re

import httpx

from safelight.accounts import KeyScope
from safelight.web.translations import load_languages
from support.console_server import ConsoleServer

from .conftest import sign_in_as

PATH = "/compliance"
HALT = {"kind": "category", "target": "hate", "reason": "Seen <b> at night.", "expires": "never"}


def test_a_halt_is_set_shown_to_the_lead_and_ended(staff: httpx.Client) -> None:
    assert "Nothing is halted." in staff.get(PATH).text
    page = staff.post(PATH, data=HALT)
    assert (page.status_code, "Seen &lt;b&gt; at night." in page.text) == (200, True)
    assert "Halted now: 1" in staff.get("/review/quality").text
    refused = staff.post(PATH, data=HALT)
    assert (refused.status_code, "halted already" in refused.text) == (409, True)
    found = re.search(r'name="end" value="(halt_\w+)"', page.text)
    assert found is not None
    assert "Nothing is halted." in staff.post(PATH, data={"end": found[1]}).text
    assert "Halted now" not in staff.get("/review/quality").text


def test_a_refused_form_keeps_what_was_typed(staff: httpx.Client) -> None:
    page = staff.post(PATH, data={**HALT, "target": "hatred"})
    assert (page.status_code, "Seen &lt;b&gt; at night.</textarea>" in page.text) == (400, True)


def test_who_may_not_halt_sees_no_form(console: ConsoleServer) -> None:
    with sign_in_as(console.server, scopes=frozenset({KeyScope.VIDEOS_READ, KeyScope.AUDIT})) as auditor:
        assert 'id="halts"' not in auditor.get(PATH).text
        assert auditor.post(PATH, data=HALT).status_code == 403


def test_the_section_is_in_every_language(staff: httpx.Client) -> None:
    for tag in load_languages():
        page = staff.get(PATH, headers={"accept-language": tag})
        assert page.status_code == 200
        assert "halts." not in re.sub(r"<[^>]*>", "", page.text)
