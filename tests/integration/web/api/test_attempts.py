"""`/v1/safelight/attempts`: list, one attempt, patterns and added rows."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from safelight.accounts import KeyScope
from support.fake_api_server import Live

from .conftest import ClientWith

PATH = "/v1/safelight/attempts"


@pytest.fixture
def client(server: Live, client_with: ClientWith) -> httpx.Client:
    """A client of a new tenant, so that no test sees the rows of another one."""
    return client_with(tenant=new_tenant(server))


def new_tenant(server: Live) -> str:
    return server.accounts.create_tenant("another").id


def add(client: httpx.Client, *rows: dict[str, Any]) -> list[dict[str, Any]]:
    answer = client.post(PATH, json={"attempts": [{"provider": "runway", **row} for row in rows]})
    assert answer.status_code == 200, answer.text
    data: list[dict[str, Any]] = answer.json()["data"]
    return data


def refusal(day: int, **changes: Any) -> dict[str, Any]:
    return {
        "time": f"2026-11-{day:02}T10:00:00+08:00",
        "prompt": f"a lake at dawn {day}",
        "error": "SAFETY.OUTPUT.VIDEO",
        "amount": 0.25,
        "currency": "USD",
        **changes,
    }


def test_added_rows_are_reported_listed_newest_first_and_paged(client: httpx.Client) -> None:
    added = add(client, *(refusal(day) for day in (3, 1, 2)))
    assert {one["reported"] for one in added} == {True}
    first = client.get(PATH, params={"limit": 2}).json()
    assert [one["time"][8:10] for one in first["data"]] == ["03", "02"]
    assert (first["has_more"], first["last_id"]) == (True, first["data"][-1]["id"])
    rest = client.get(PATH, params={"limit": 2, "after": first["last_id"]}).json()
    assert [one["time"][8:10] for one in rest["data"]] == ["01"]
    assert rest["has_more"] is False
    again = client.post(PATH, json={"attempts": [{"provider": "runway", **refusal(3)}]}).json()
    assert (again["data"], again["known"]) == ([], 1)


def test_a_filter_selects_and_a_wrong_time_names_its_parameter(client: httpx.Client) -> None:
    add(client, refusal(1), refusal(2, provider="veo"))
    assert len(client.get(PATH, params={"provider": "veo"}).json()["data"]) == 1
    assert len(client.get(PATH, params={"until": "2026-11-02T00:00:00Z"}).json()["data"]) == 1
    assert client.get(PATH, params={"origin": "gateway"}).json()["data"] == []
    wrong = client.get(PATH, params={"since": "yesterday"})
    assert (wrong.status_code, wrong.json()["error"]["param"]) == (400, "since")
    assert "`since`" in wrong.json()["error"]["message"]


def test_one_attempt_names_the_party_that_refused_it_and_how_to_tell(client: httpx.Client) -> None:
    (added,) = add(client, refusal(1))
    found = client.get(f"{PATH}/{added['id']}")
    assert found.json() == added | {"gate": found.json()["gate"], "provider_answer": None}
    assert found.json()["gate"]["gate"] == "provider_filter"
    assert found.json()["gate"]["test"]
    known = {"if-none-match": found.headers["etag"]}
    assert client.get(f"{PATH}/{added['id']}", headers=known).status_code == 304
    for unknown in ("attempt_" + "0" * 32, "nothing"):
        assert client.get(f"{PATH}/{unknown}").status_code == 404


def test_another_tenant_sees_nothing_and_scopes_are_required(
    server: Live, client: httpx.Client, client_with: ClientWith
) -> None:
    (added,) = add(client, refusal(1))
    other = client_with(tenant=new_tenant(server))
    assert other.get(PATH).json()["data"] == []
    assert other.get(f"{PATH}/{added['id']}").status_code == 404
    reader = client_with(KeyScope.VIDEOS_READ)
    body = {"attempts": [{"provider": "runway", **refusal(1)}]}
    assert reader.post(PATH, json=body).status_code == 403


@pytest.mark.parametrize(
    ("attempts", "param"),
    [
        (None, "attempts"),
        ([], "attempts"),
        ([{"provider": "veo", "error": "x"}] * 101, "attempts"),
        (["a"], "attempts[0]"),
        ([refusal(1), refusal(2, provider="")], "attempts[0].provider"),
        # With the time of the server, a repeated request would be stored as a second charge.
        ([refusal(1, provider="veo"), refusal(2, provider="veo", time=None)], "attempts[1].time"),
        ([refusal(1, provider="veo"), refusal(2, provider="veo", seconds=-1)], "attempts[1].seconds"),
    ],
)
def test_one_wrong_row_stores_none_and_is_named(client: httpx.Client, attempts: Any, param: str) -> None:
    answer = client.post(PATH, json={"attempts": attempts})
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, param)
    assert client.get(PATH).json()["data"] == []


def test_patterns_have_intervals_and_count_a_prompt_once(client: httpx.Client) -> None:
    add(client, refusal(1), refusal(2, prompt="A lake at dawn 1."), refusal(3))
    found = client.get(f"{PATH}/patterns").json()
    (repeats,) = found["repeats"]
    counts = [repeats[name] for name in ("refused", "repeated", "passed_first", "tries")]
    assert counts == [2, 1, 0, 1]
    assert repeats["interval"][1] < 1
    provider = next(one for one in found["data"] if one["kind"] == "provider")
    assert (provider["refused"], provider["total"], provider["attempts"]) == (2, 2, 3)
    assert found["has_more"] is False


def test_the_removed_claim_names_the_way(client: httpx.Client) -> None:
    gone = client.get(f"{PATH}/claim")
    assert gone.status_code == 404
    assert "safelight attempts export --charged" in gone.json()["error"]["message"]


def test_drift_is_listed_and_needs_only_the_right_to_read(
    client: httpx.Client, server: Live, client_with: ClientWith
) -> None:
    assert client.get(f"{PATH}/drift").json() == {"object": "list", "data": [], "watched": []}
    other = client_with(tenant=new_tenant(server))
    rows = [
        {
            "time": 1_790_000_000 + 3_600 * number,
            "prompt": f"a lake q{chr(97 + number // 26)}{chr(97 + number % 26)}",
        }
        for number in range(100)
    ]
    passed = [{**row, "provider": "runway", "outcome": "passed", "file_came": True} for row in rows[:80]]
    refused = [{**row, "provider": "runway", "error": "SAFETY.INPUT.TEXT"} for row in rows[80:]]
    other.post(PATH, json={"attempts": [*passed, *refused]})
    found = other.get(f"{PATH}/drift").json()
    (drift,) = found["data"]
    assert (drift["kind"], drift["until"]) == ("refuses_more", None)
    assert "runway" in drift["text"]
    assert found["watched"][0]["outcomes"] == 100
