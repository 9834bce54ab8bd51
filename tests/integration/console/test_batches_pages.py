"""The pages of batches, without JavaScript."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from safelight.core.i18n import load_messages
from safelight.store.tables import batch_rows, batches
from support.fake_api_server import Live

from .conftest import sign_in_as

LIST = "/videos/batches"
ROWS = "id,prompt,seconds\nkite,A red <b>kite</b>,4\ntram,A tram,4\n"


@pytest.fixture
def ada(server: Live) -> Iterator[httpx.Client]:
    with sign_in_as(server) as client:
        yield client


def form_id(page: str) -> str:
    return str(re.findall(r'name="form_id" value="(\w+)"', page)[0])


def add(client: httpx.Client, content: str = ROWS, **fields: str) -> httpx.Response:
    return client.post(
        LIST, files={name: (None, value) for name, value in {"content": content, **fields}.items()}
    )


def change(server: Live, batch_id: str, *, row: dict[str, Any] | None = None, **values: Any) -> None:
    """Put a batch, and its first row, into a state that the background part would bring about."""
    with server.database.transaction(server.tenant) as tx:
        if values:
            tx.update(batches, batches.c.id == batch_id, **values)
        if row is not None:
            tx.update(batch_rows, batch_rows.c.batch_id == batch_id, batch_rows.c.number == 1, **row)


def test_a_batch_is_added_once_from_a_form_and_its_rows_are_text(ada: httpx.Client) -> None:
    key = form_id(ada.get(LIST).text)
    page = add(ada, form_id=key, max_usd="2.5", two_phase="1")
    assert page.url.path.startswith(f"{LIST}/batch_")
    assert "A red &lt;b&gt;kite&lt;/b&gt;" in page.text
    assert "$2.50" in page.text
    assert add(ada, form_id=key, max_usd="2.5", two_phase="1").url == page.url
    assert add(ada, form_id=key, max_usd="3", two_phase="1").url != page.url
    assert page.url.path in ada.get(LIST).text


def test_a_file_is_read_by_its_ending(ada: httpx.Client) -> None:
    lines = b'{"prompt": "One boat at sea"}\n'
    page = ada.post(LIST, files={"file": ("rows.jsonl", lines), "content": (None, "ignored")})
    assert "One boat at sea" in page.text
    wrong = ada.post(LIST, files={"file": ("rows.csv", b"prompt\n\xff\xfe\n")})
    assert (wrong.status_code, "not text in UTF-8" in wrong.text) == (400, True)


@pytest.mark.parametrize("fields", [{"max_usd": "much"}, {"max_usd": "-1"}, {"max_jobs": "1.5"}])
def test_a_wrong_limit_is_refused_and_the_form_keeps_its_values(
    ada: httpx.Client, fields: dict[str, str]
) -> None:
    page = add(ada, **fields)
    assert page.status_code == 400
    assert "A red &lt;b&gt;kite" in page.text
    assert all(f'value="{value}"' in page.text for value in fields.values())


def test_a_batch_is_run_stopped_continued_cancelled_and_deleted(ada: httpx.Client, server: Live) -> None:
    address = add(ada).url.path
    batch_id = address.rpartition("/")[2]

    def act(action: str, **fields: str) -> httpx.Response:
        return ada.post(address, data={"action": action, **fields})

    assert "stopped the batch" in act("stop").text
    assert 'value="resume"' in ada.get(address).text
    assert act("resume", max_refusals="9").status_code == 200
    assert act("delete").status_code == 409
    assert act("cancel").status_code == 200
    assert 'value="cancel"' not in ada.get(address).text
    assert act("delete").url.path == LIST
    assert ada.get(address).status_code == 404
    assert batch_id not in ada.get(LIST).text


def test_a_failed_row_has_a_button_and_a_blocked_one_has_none(ada: httpx.Client, server: Live) -> None:
    address = add(ada).url.path
    batch_id = address.rpartition("/")[2]
    plan = {"model": "shelf-1", "fields": {}, "draft": None, "worst": 0, "draft_worst": None}
    plan |= dict.fromkeys(("duplicate_of", "near_duplicate_of", "neighbour_of"))
    counts = ("invalid", "expected_refusals", "neighbours", "duplicates", "near_duplicates", "unknown_prices")
    totals = {"rows": 2, "to_send": 2, **dict.fromkeys(counts, 0), "worst_usd": 0.8}
    failed = {"state": "failed", "message": "A node was lost.", "plan": plan}
    change(server, batch_id, row=failed, state="stopped", stop_reason="A reason.", plan=totals)
    page = ada.get(address).text
    assert "A node was lost." in page
    assert "A reason." in page
    assert page.count('value="retry"') == 1
    # The page of a batch that was planned offered this button.
    assert ada.post(address, data={"action": "run"}).status_code == 409
    assert ada.post(address, data={"action": "retry", "number": "1"}).status_code == 200
    assert 'value="retry"' not in ada.get(address).text
    change(server, batch_id, row={"state": "blocked"})
    assert 'value="retry"' not in ada.get(address).text
    assert ada.post(address, data={"action": "retry", "number": "1"}).status_code == 409
    only = ada.get(address, params={"state": "blocked"}).text
    assert ("A red" in only, "A tram" in only) == (True, False)


def test_rows_come_in_pages_by_the_lines_that_notes_name(ada: httpx.Client) -> None:
    page = add(ada, "prompt\n" + "".join(f"kite {n}\n" for n in range(30)))
    assert ("kite 24" in page.text, "kite 25" in page.text) == (True, False)
    assert re.findall(r'<th scope="row">(\d+)', page.text)[:2] == ["2", "3"]
    more = re.findall(r'href="([^"]+)" rel="next"', page.text)[0]
    assert "kite 29" in ada.get(more).text


def test_a_script_gets_only_the_part_that_changes(ada: httpx.Client) -> None:
    address = add(ada).url.path
    part = ada.get(address, headers={"accept": "text/x-fragment"}).text
    assert "<h1" in part
    assert "<html" not in part
    assert 'id="refresh"' in part


@pytest.mark.parametrize("tag", ["zh-Hant", "zh-Hans"])
def test_the_pages_are_in_chinese(ada: httpx.Client, tag: str) -> None:
    address = add(ada).url.path
    b = load_messages("batches", tag)
    ada.cookies.set("safelight_language", tag)
    for path in (LIST, address):
        page = ada.get(path, headers={"accept-language": tag}).text
        assert b("title") in page
        assert b("state.planning") in page


@pytest.mark.parametrize("name", ["x", "%00", "batch_1", f"batch_{'0' * 32}", f"video_{'0' * 32}"])
def test_an_unknown_batch_is_a_page_that_is_not_found(ada: httpx.Client, name: str) -> None:
    assert ada.get(f"{LIST}/{name}").status_code == 404
    assert ada.post(f"{LIST}/{name}", data={"action": "cancel"}).status_code == 404


@pytest.mark.parametrize("fields", [{"action": "burn"}, {"action": "retry", "number": "-1"}])
def test_a_wrong_action_is_refused(ada: httpx.Client, fields: dict[str, str]) -> None:
    address = add(ada).url.path
    assert ada.post(address, data=fields).status_code == 400
