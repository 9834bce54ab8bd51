"""The pages of templates and of the library, without JavaScript."""

from __future__ import annotations

import re
from collections.abc import Iterator

import httpx
import pytest

from safelight.core.ids import new_id
from support.fake_api_server import Live
from support.videos import add_video

from .conftest import sign_in_as

SOURCE = """template: {name}
text: 'a lake at [TIME][END]'
slots:
  TIME: {{values: [dawn, noon]}}
  END: {{type: text, required: false}}
"""


@pytest.fixture
def ada(server: Live) -> Iterator[httpx.Client]:
    with sign_in_as(server) as client:
        yield client


@pytest.fixture
def bea(server: Live) -> Iterator[httpx.Client]:
    with sign_in_as(server, "Bea") as client:
        yield client


def test_a_template_is_added_previewed_and_approved_by_another_person(
    ada: httpx.Client, bea: httpx.Client
) -> None:
    added = ada.post("/templates", data={"source": SOURCE.format(name="pages").replace("\n", "\r\n")})
    assert (added.url.path, added.status_code) == ("/templates/pages", 200)
    preview = ada.post("/templates/pages?version=1", data={"slot.TIME": "dawn", "slot.END": ""})
    assert "a lake at dawn</p>" in preview.text
    submitted = ada.post("/templates/pages/1", data={"action": "submit"})
    assert "another person has to approve it" in submitted.text or "No other person" in submitted.text
    assert 'value="approve"' not in submitted.text
    assert ada.post("/templates/pages/1", data={"action": "approve"}).status_code == 403
    assert 'value="approve"' in bea.get("/templates/pages").text
    approved = bea.post("/templates/pages/1", data={"action": "approve"})
    assert "Approved by Bea." in approved.text
    assert "approved" in bea.get("/templates").text


def test_a_video_is_requested_from_the_page_with_its_price_and_a_second_click_requests_no_second_one(
    server: Live, ada: httpx.Client
) -> None:
    page = ada.post("/templates", data={"source": SOURCE.format(name="once")}).text
    assert re.search('<option value="shelf-1">shelf-1 · [^<]*(Free|about|Cost unknown)[^<]*</option>', page)
    form_id = re.findall('name="form_id" value="([0-9a-f]{32})"', page)[0]
    values = {
        "slot.TIME": "noon",
        "slot.END": ", still",
        "model": "shelf-1",
        "action": "create",
        "form_id": form_id,
    }
    for given in (values, values, {**values, "slot.TIME": "dawn"}):
        assert ada.post("/templates/once?version=1", data=given).url.path.startswith("/videos/video_")
    first, second, other = server.desk.requests[-3:]
    assert (first.prompt, first.template is None) == ("a lake at noon, still", False)
    assert first.idempotency_key == second.idempotency_key != other.idempotency_key
    assert first.idempotency_key
    assert form_id not in ada.get("/templates/once?version=1").text


def test_problems_are_shown_with_what_was_written(ada: httpx.Client) -> None:
    wrong = ada.post("/templates", data={"source": "template: Wrong\ntext: '<b>[X]</b>'"})
    assert wrong.status_code == 400
    assert "[X] is not declared" in wrong.text
    assert "&lt;b&gt;[X]&lt;/b&gt;" in wrong.text
    ada.post("/templates", data={"source": SOURCE.format(name="values")})
    refused = ada.post("/templates/values?version=1", data={"slot.TIME": "midnight"})
    assert refused.status_code == 400
    assert "is not allowed for [TIME]" in refused.text
    assert ada.get("/templates/none").status_code == 404
    assert ada.post("/templates/values/1", data={"action": "explode"}).status_code == 400


@pytest.mark.parametrize("version", ["abc", "0", "12345678901"])
def test_what_is_no_version_is_not_found_and_changes_none(ada: httpx.Client, version: str) -> None:
    ada.post("/templates", data={"source": SOURCE.format(name="version")})
    assert ada.get(f"/templates/version?version={version}").status_code == 404
    assert ada.post(f"/templates/version/{version}", data={"action": "retire"}).status_code == 404
    assert 'value="retire"' in ada.get("/templates/version?version=1").text


def proven(server: Live, prompt: str) -> str:
    """The id of a delivered video with the verdict allow in the database."""
    with server.database.transaction(server.tenant) as tx:
        return add_video(
            tx,
            state="delivered",
            stage="delivery",
            model="shelf-1",
            generator="shelf",
            prompt=prompt,
            verdict_action="allow",
        )


def test_a_prompt_is_added_found_and_removed(server: Live, ada: httpx.Client) -> None:
    video = proven(server, "a quiet pond")
    empty = ada.get("/library")
    assert "The library is empty." in empty.text
    added = ada.post("/library", data={"video_id": f"{server.url}/videos/{video}", "category": "water"})
    assert re.fullmatch("/library/entry_[0-9a-f]{32}", added.url.path)
    assert "fewer than two were blocked since" in added.text
    assert "a quiet pond" in ada.get("/library?q=POND&category=water").text
    assert "No entry fits." in ada.get("/library?q=volcano").text
    assert "No entry fits." in ada.get("/library?marked=1").text
    variation = proven(server, "a quiet pond in the rain")
    entry = added.url.path.rpartition("/")[2]
    ada.post("/library", data={"video_id": variation, "category": "water", "variation_of": entry})
    assert "a quiet pond in the rain" in ada.get(f"/library/{entry}").text
    assert ada.post(f"/library/{entry}/remove").url.path == "/library"
    assert ada.get(f"/library/{entry}").status_code == 404


def test_a_video_that_is_not_delivered_is_refused_with_the_form_kept(ada: httpx.Client) -> None:
    answer = ada.post("/library", data={"video_id": new_id("video"), "category": "water <b>"})
    assert answer.status_code == 404
    assert 'value="water &lt;b&gt;"' in answer.text
