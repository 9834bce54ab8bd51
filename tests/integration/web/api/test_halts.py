"""The routes of halts: who may use them, and what is refused."""

from __future__ import annotations

from safelight.accounts import Accounts, KeyScope
from support.fake_api_server import Live

from .conftest import ClientWith

PATH = "/v1/safelight/halts"
HALT = {"kind": "category", "target": "hate", "reason": "At night."}


def test_a_halt_is_set_once_listed_and_ended_once(client_with: ClientWith) -> None:
    lead, auditor = client_with(KeyScope.POLICY), client_with(KeyScope.AUDIT)
    made = lead.post(PATH, json={**HALT, "expires": "2h"})
    assert (made.status_code, made.json()["object"]) == (200, "halt")
    assert made.json()["ends_at"] - made.json()["created_at"] == 7200
    again = lead.post(PATH, json=HALT)
    assert (again.status_code, "halted already" in again.json()["error"]["message"]) == (409, True)
    assert auditor.get(PATH).json()["data"] == [made.json()]
    address = f"{PATH}/{made.json()['id']}"
    assert auditor.post(PATH, json=HALT).status_code == 403
    assert auditor.delete(address).status_code == 403
    assert client_with(KeyScope.VIDEOS_READ, KeyScope.VIDEOS_WRITE).get(PATH).status_code == 403
    assert lead.delete(address).json() == made.json()
    assert lead.delete(address).status_code == 409
    assert lead.get(PATH).json()["data"] == []
    assert lead.delete(f"{PATH}/halt_0").status_code == 404


def test_another_tenant_neither_sees_nor_ends_it(client_with: ClientWith, server: Live) -> None:
    admin = client_with(KeyScope.ADMIN)
    made = admin.post(PATH, json={**HALT, "kind": "tenant", "target": ""}).json()
    assert made["target"] == made["tenant"] == server.tenant
    other = Accounts(server.database).create_tenant("elsewhere").id
    stranger = client_with(KeyScope.ADMIN, tenant=other)
    assert stranger.get(PATH).json()["data"] == []
    assert stranger.delete(f"{PATH}/{made['id']}").status_code == 404
    assert stranger.post(PATH, json={**HALT, "kind": "tenant", "target": server.tenant}).status_code == 400
    admin.delete(f"{PATH}/{made['id']}")


def test_a_wrong_target_or_kind_is_named(client_with: ClientWith) -> None:
    admin = client_with(KeyScope.ADMIN)
    wrong = admin.post(PATH, json={**HALT, "target": "hatred"})
    assert (wrong.status_code, wrong.json()["error"]["param"]) == (400, "target")
    assert "hate" in wrong.json()["error"]["message"]
    assert admin.post(PATH, json={**HALT, "kind": "moon"}).json()["error"]["param"] == "kind"
    assert admin.post(PATH, json={"kind": "model", "target": "shelf-1"}).status_code == 400
