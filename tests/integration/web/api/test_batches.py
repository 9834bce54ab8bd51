"""The routes of batches: bodies, limits, pages, reports and refusals. The run: jobs/test_batches.py."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import httpx
import pytest

from support.rows import each_row

PATH = "/v1/safelight/batches"
ROWS = [{"id": "kite", "prompt": "A red kite", "seconds": 4}, {"prompt": "A tram", "seconds": 4}]


def create(client: httpx.Client, **body: Any) -> dict[str, Any]:
    answer = client.post(PATH, json={"rows": ROWS, **body})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_a_new_batch_is_answered_at_once_and_is_planned_later(client: httpx.Client) -> None:
    batch = create(client, model="shelf-1", max_usd=2.5, max_refusals=0, draft_seconds="4")
    assert (batch["object"], batch["state"], batch["run"], batch["total"]) == ("batch", "planning", False, 2)
    assert (batch["plan"], batch["rows"], batch["stopped"]) == (None, {"unchecked": 2}, None)
    assert batch["limits"] == {"max_usd": 2.5, "max_jobs": None, "concurrency": 4, "max_refusals": 0}
    assert batch["options"]["two_phase"]
    assert client.get(f"{PATH}/{batch['id']}").json() == batch


@each_row
def test_each_form_of_rows_is_read_and_a_wrong_row_is_kept_with_its_problem(
    client: httpx.Client, source: dict[str, Any]
) -> None:
    batch = create(client, rows=None, **source) if "rows" not in source else create(client, **source)
    first, second = client.get(f"{PATH}/{batch['id']}/rows").json()["data"]
    assert (first["prompt"], first["problems"], first["number"]) == ("A kite", [], 1)
    assert second["problems"]


@each_row
def test_a_wrong_body_is_refused_by_the_name_of_its_field(
    client: httpx.Client, body: dict[str, Any], param: str
) -> None:
    answer = client.post(PATH, json=body)
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, param)


def test_more_rows_than_a_batch_may_have_are_refused(client: httpx.Client) -> None:
    answer = client.post(PATH, json={"csv": "prompt\n" + "a kite\n" * 2001})
    assert (answer.status_code, answer.json()["error"]["code"]) == (413, "too_large")


def test_an_idempotency_key_makes_one_batch(client: httpx.Client) -> None:
    headers = {"idempotency-key": "monday"}
    first = client.post(PATH, json={"rows": ROWS}, headers=headers)
    again = client.post(PATH, json={"rows": ROWS}, headers=headers)
    assert again.json()["id"] == first.json()["id"]
    assert (first.headers.get("idempotent-replayed"), again.headers["idempotent-replayed"]) == (None, "true")
    other = client.post(PATH, json={"rows": ROWS[:1]}, headers=headers)
    assert (other.status_code, other.json()["error"]["code"]) == (409, "idempotency_key_reused")


def test_batches_and_rows_come_in_pages(client: httpx.Client) -> None:
    ids = [create(client)["id"] for _ in range(3)]
    page = client.get(PATH, params={"limit": 2}).json()
    assert ([each["id"] for each in page["data"]], page["has_more"]) == ([ids[2], ids[1]], True)
    rest = client.get(PATH, params={"limit": 1, "after": page["last_id"]}).json()
    assert rest["data"][0]["id"] == ids[0]
    rows = client.get(f"{PATH}/{ids[0]}/rows", params={"limit": 1}).json()
    assert (rows["data"][0]["id"], rows["has_more"]) == ("kite", True)
    rows = client.get(f"{PATH}/{ids[0]}/rows", params={"after": 1}).json()
    assert ([row["number"] for row in rows["data"]], rows["has_more"]) == ([2], False)


def test_a_run_changes_only_the_limits_that_it_names(client: httpx.Client) -> None:
    batch = create(client, max_usd=2)
    answer = client.post(f"{PATH}/{batch['id']}/run", json={"concurrency": 9})
    assert answer.json()["run"] is True
    assert answer.json()["limits"] == {"max_usd": 2, "max_jobs": None, "concurrency": 9, "max_refusals": 5}
    assert client.post(f"{PATH}/{batch['id']}/run").json()["limits"] == answer.json()["limits"]
    assert client.post(f"{PATH}/{batch['id']}/run", json={"rows": []}).status_code == 400


def test_a_cancelled_batch_cannot_be_run(client: httpx.Client) -> None:
    batch = create(client)
    cancelled = client.post(f"{PATH}/{batch['id']}/cancel").json()
    assert (cancelled["state"], cancelled["rows"]) == ("cancelled", {"not_sent": 2})
    assert client.post(f"{PATH}/{batch['id']}/cancel").json() == cancelled
    answer = client.post(f"{PATH}/{batch['id']}/run", json={})
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "conflict")


def test_the_report_is_json_csv_or_html_without_formulas_and_markup(client: httpx.Client) -> None:
    batch = create(client, rows=[{"prompt": "=HYPERLINK(1) <b>bold</b>"}])
    path = f"{PATH}/{batch['id']}/report"
    assert client.get(path).json()["rows"][0]["state"] == "unchecked"
    table = client.get(path, params={"format": "csv"})
    rows = list(csv.DictReader(io.StringIO(table.text.removeprefix("\ufeff"))))
    assert rows[0]["prompt"] == "'=HYPERLINK(1) <b>bold</b>"
    page = client.get(path, params={"format": "html"})
    assert page.headers["content-type"].startswith("text/html")
    assert page.headers["content-disposition"] == f'attachment; filename="{batch["id"]}.html"'
    assert "&lt;b&gt;bold" in page.text
    assert "<b>" not in page.text


def test_an_unknown_batch_is_not_found(client: httpx.Client) -> None:
    for method, path in (
        ("GET", ""),
        ("GET", "/rows"),
        ("GET", "/report"),
        ("POST", "/run"),
        ("POST", "/cancel"),
    ):
        for name in ("batch_0199a3f2c1d04b7e8f00112233445566", "video_1", "%00"):
            answer = client.request(method, f"{PATH}/{name}{path}")
            assert answer.status_code == 404, (method, path, name)


def test_a_prompt_above_the_limit_is_a_wrong_row_that_is_not_stored(client: httpx.Client) -> None:
    batch = create(client, rows=[{"prompt": "x" * 40_000}, {"prompt": "x", "negative_prompt": "x" * 40_000}])
    rows = client.get(f"{PATH}/{batch['id']}/rows").json()["data"]
    assert [row["prompt"] for row in rows] == ["", ""]
    assert "40,000 characters" in rows[0]["problems"][0]


@pytest.mark.parametrize("source", ["rows", "jsonl"])
def test_rows_that_are_too_large_together_are_refused(client: httpx.Client, source: str) -> None:
    rows = [{"prompt": "x" * 30_000}] * 280
    content = rows if source == "rows" else "\n".join(map(json.dumps, rows))
    answer = client.post(PATH, json={source: content})
    assert (answer.status_code, answer.json()["error"]["code"]) == (413, "too_large")
