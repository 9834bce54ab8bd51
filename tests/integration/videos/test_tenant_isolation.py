"""Tenants on the whole installation: nobody reaches the data of another."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from starlette.testclient import TestClient

from safelight.accounts import KeyScope
from safelight.accounts.models import TENANT_SUBJECT
from safelight.accounts.terms import Terms
from safelight.videos.models import VideoState
from support.declared_routes import DeclaredRoute, declared_routes

from .conftest import Furnish, House
from .test_standing_story import Api, key_for

pytestmark = pytest.mark.both_databases

OURS = "/v1/safelight"
_ID = re.compile(r"\b[a-z]+_[0-9a-f]{32}\b")
_LISTS = ("/v1/webhook_endpoints", "/v1/videos")
_SKIPPED = (
    # They wait for a video or stream until the client leaves; a foreign id is refused before.
    "/v1/videos/sync",
    # Its answer is about the process.
    "/metrics",
)


@dataclass
class Owner:
    """One tenant with data of every kind."""

    key: str
    tenant: str
    #: A word in its texts, which no answer to another tenant may have.
    secret: str
    ids: frozenset[str]


def fill(client: TestClient, house: House, key: str, secret: str) -> Owner:
    """Add data with a key that has every scope."""
    api, house.who = Api(client, key), house.accounts.authenticate(key)
    tenant = house.who.tenant
    video = api.request_video(f"a quiet lake {secret}")["id"]
    assert house.carry(house.videos.get(house.who, video)).state is VideoState.DELIVERED
    api("POST", f"{OURS}/library", {"video_id": video, "category": "lakes", "notes": secret})
    attempt = {"provider": "runway", "prompt": f"a hill {secret}", "error": "SAFETY.OUTPUT.VIDEO"}
    api("POST", f"{OURS}/attempts", {"attempts": [{"time": "2026-11-03T10:00:00Z", **attempt}]})
    endpoint = {"name": secret, "url": f"https://{secret}.example/in", "event_types": ["video.held"]}
    api("POST", "/v1/webhook_endpoints", endpoint)
    api("POST", f"/v1/videos/{video}/report", {"category": "violence", "note": f"it shows {secret}"})
    api("PUT", f"{OURS}/terms?subject=tenant", {"videos_per_day": 77})
    read = (f"{OURS}/library", f"{OURS}/attempts", *_LISTS, "/v1/reviews?state=all")
    found = [json.dumps(api("GET", path)) for path in read]
    assert secret in found[0]
    ids = frozenset(_ID.findall(" ".join(found))) | {video, tenant}
    ids |= {one.id for one in house.accounts.list_keys(tenant)}
    return Owner(key=key, tenant=tenant, secret=secret, ids=ids)


def requests_of(route: DeclaredRoute, ids: frozenset[str]) -> Iterator[str]:
    if "{" not in route.path:
        yield route.path
        return
    for one in sorted(ids):
        yield re.sub(r"\{[^}]+\}", one, route.path)


def test_no_route_gives_a_tenant_data_of_the_first_or_of_another(furnish: Furnish) -> None:
    house = furnish(access={"requests": True, "requests_per_hour": 500})
    house.waive()
    with TestClient(house.app) as client:
        accounts = house.accounts
        ada_tenant, ben_tenant = (accounts.create_tenant(name).id for name in ("Ada", "Ben"))
        keys = [
            accounts.create_key(tenant, "app", KeyScope)[1]
            for tenant in (house.who.tenant, ada_tenant, ben_tenant)
        ]
        operator = fill(client, house, keys[0], "zebrastripe")
        ada, ben = fill(client, house, keys[1], "quokkasmile"), keys[2]
        others = (operator, ada)
        before = {one.secret: snapshot(client, one) for one in others}
        ids, wrong = operator.ids | ada.ids, []
        for route in declared_routes(house.app):
            assert route.access is not None
            if not route.access.needs_principal or not route.path.startswith("/v1/"):
                continue
            if route.path in _SKIPPED:
                continue
            for path in requests_of(route, ids):
                body = None if route.method == "GET" else {"reason": "x", "action": "approve"}
                answer = client.request(
                    route.method, path, json=body, headers={"authorization": f"Bearer {ben}"}
                )
                told = set(_ID.findall(answer.text)) & ids - set(_ID.findall(path))
                named = [one.secret for one in others if one.secret in answer.text]
                changed = "{" in route.path and answer.status_code < 400
                if told or named or changed or answer.status_code >= 500:
                    wrong.append(f"{route.method} {path}: {answer.status_code} {told} {named}")
        assert wrong == []
        assert {one.secret: snapshot(client, one) for one in others} == before


def snapshot(client: TestClient, of: Owner) -> list[str]:
    """What the owner itself reads, to compare it after the attempts of another tenant."""
    api = Api(client, of.key)
    paths = (f"{OURS}/library", *_LISTS, f"{OURS}/terms?subject=tenant")
    return [re.sub(r'"last_used_at": *[0-9.]+', "", json.dumps(api("GET", path))) for path in paths]


def test_terms_of_a_tenant_cannot_lower_the_number_of_first_reviews_of_the_installation(
    furnish: Furnish,
) -> None:
    house = furnish(review={"first_outputs": 1})
    house.waive()
    house.standing.terms.set(house.who, TENANT_SUBJECT, Terms(review_first=0))
    assert house.make().state is VideoState.HELD
    assert house.make().state is VideoState.DELIVERED


def test_the_header_by_which_keys_acted_in_another_tenant_is_refused(house: House) -> None:
    key = key_for(house, *KeyScope)
    with TestClient(house.app) as client:
        headers = {"authorization": f"Bearer {key}", "safelight-tenant": house.who.tenant}
        refused = client.get("/v1/reviews", headers=headers)
    assert refused.status_code == 400
    assert "safelight keys create NAME --tenant TENANT" in refused.json()["error"]["message"]
