"""The routes of incidents: who may use them, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from safelight.accounts import Accounts, KeyScope
from support.fake_api_server import Live

from .conftest import ClientWith

PATH = "/v1/safelight/incidents"
OPENING = {"kind": "overblocking", "severity": "minor", "began": "2026-11-01"}


def test_an_incident_is_opened_changed_read_and_closed(client_with: ClientWith) -> None:
    lead, auditor = client_with(KeyScope.POLICY), client_with(KeyScope.AUDIT)
    made = lead.post(PATH, json={**OPENING, "note": "Only here.", "category": "hate"})
    assert (made.status_code, made.json()["object"], made.json()["revision"]) == (200, "incident", 0)
    address = f"{PATH}/{made.json()['id']}"
    sentence = "Some recipes were blocked for two days."
    changed = lead.post(address, json={"sentence": sentence, "published": True, "ended": "", "revision": 0})
    assert (changed.json()["sentence"], changed.json()["revision"]) == (sentence, 1)
    assert lead.post(address, json={"done": "x", "revision": 0}).status_code == 409
    assert lead.post(f"{address}/closing", json={}).status_code == 400
    assert lead.post(f"{address}/closing", json={"done": "A rule was changed."}).json()["state"] == "closed"
    assert lead.post(f"{address}/closing", json={"done": "Again."}).status_code == 409
    read = auditor.get(address).json()
    assert (read["note"], read["done"], read["category"]) == ("", "A rule was changed.", "hate")
    assert auditor.get(PATH).json()["data"][0] == read
    assert auditor.post(PATH, json=OPENING).status_code == 403
    assert auditor.post(address, json={"note": "x"}).status_code == 403
    assert client_with(KeyScope.VIDEOS_READ, KeyScope.REVIEW).get(PATH).status_code == 403


def test_another_tenant_does_not_find_it(client_with: ClientWith, server: Live) -> None:
    made = client_with(KeyScope.ADMIN).post(PATH, json=OPENING).json()
    other = Accounts(server.database).create_tenant("elsewhere").id
    stranger = client_with(KeyScope.ADMIN, tenant=other)
    address = f"{PATH}/{made['id']}"
    assert stranger.get(address).status_code == 404
    assert stranger.post(address, json={"note": "x"}).status_code == 404
    assert stranger.post(f"{address}/closing", json={"done": "x"}).status_code == 404
    assert stranger.get(PATH).json()["data"] == []


@pytest.mark.parametrize(
    ("sent", "status", "param"),
    [
        ({"videos": ["video_1"]}, 404, "videos"),
        ({"cases": ["case_\x00"]}, 404, "cases"),
        ({"ended": "2026-10-01"}, 400, "ended"),
        ({"began": "2226-01-01"}, 400, "began"),
        ({"began": 1793491200}, 400, "began"),
        ({"sentence": "x" * 301}, 400, "sentence"),
        ({"sentence": "<a href=x>"}, 400, "sentence"),
        ({"kind": "meteor"}, 400, "kind"),
        ({"category": "no/such"}, 400, "category"),
        ({"severity": None}, 400, "severity"),
        ({"videos": "video_1"}, 400, "videos"),
    ],
)
def test_bad_input_names_its_field(
    client_with: ClientWith, sent: dict[str, Any], status: int, param: str
) -> None:
    answer = client_with(KeyScope.ADMIN).post(PATH, json={**OPENING, **sent})
    assert (answer.status_code, answer.json()["error"]["param"]) == (status, param)


@pytest.mark.parametrize("name", ["incident_0", "%00", "incident_%F0%9F%8E%AC", "x" * 500])
def test_an_unknown_id_is_not_found(client_with: ClientWith, name: str) -> None:
    admin = client_with(KeyScope.ADMIN)
    assert admin.get(f"{PATH}/{name}").status_code == 404
    assert admin.post(f"{PATH}/{name}", json={"note": "x"}).status_code == 404
    assert admin.get(PATH, params={"after": name}).status_code == 400
