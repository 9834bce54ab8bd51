"""Applicants with tenants of their own on the whole installation: nobody reaches the data of another, and the
manager's reviewers decide the cases.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from starlette.testclient import TestClient

from safelight.accounts import KeyScope
from safelight.accounts.access_requests import AccessGrant
from safelight.accounts.deciders import find_deciders
from safelight.accounts.keys import add_key
from safelight.accounts.managed_tenants import NewTenant, add_managed_tenant
from safelight.accounts.models import APPLICATION_SCOPES, OPERATOR
from safelight.accounts.terms import Terms
from safelight.core.ids import new_id
from safelight.videos.models import VideoState
from safelight.videos.runner import Runner
from safelight.web.api.declared_routes import DeclaredRoute, declared_routes
from safelight.web.auth import TENANT_HEADER

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


def applicant(house: House, name: str) -> str:
    """A key with every scope in the own tenant of a new applicant: no applicant gets a stronger one."""
    access = house.standing.access
    made, token = access.request(house.who.tenant, name=name, contact="a@b.example", purpose="Films.")
    access.approve(house.who, made.id, reason="Yes.", grant=AccessGrant())
    key = access.collect(token)[1]
    assert key is not None
    accounts = house.accounts
    return accounts.create_key(accounts.authenticate(key).tenant, name, KeyScope)[1]


def granted(house: House, terms: Terms) -> str:
    """The key of an application, in a managed tenant with these terms."""
    new = NewTenant(
        manager=house.who.tenant, name="Ada", origin=new_id("access"), terms=terms, made_by=OPERATOR
    )
    with house.database.across_tenants("an applicant") as whole:
        return add_key(add_managed_tenant(whole, new), "Ada", APPLICATION_SCOPES, by=OPERATOR)[1]


def requests_of(route: DeclaredRoute, ids: frozenset[str]) -> Iterator[str]:
    if "{" not in route.path:
        yield route.path
        return
    for one in sorted(ids):
        yield re.sub(r"\{[^}]+\}", one, route.path)


def test_no_route_gives_an_applicant_data_of_the_operator_or_of_another_applicant(
    furnish: Furnish,
) -> None:
    house = furnish(access={"requests": True, "requests_per_hour": 500})
    house.waive()
    with TestClient(house.app) as client:
        keys = key_for(house, *KeyScope), applicant(house, "Ada"), applicant(house, "Ben")
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


def test_the_first_outputs_of_an_applicant_wait_for_the_managers_reviewer_who_releases_them(
    furnish: Furnish,
) -> None:
    house = furnish(access={"requests": True})
    house.waive()
    accounts = house.accounts
    access = house.standing.access
    made, token = access.request(house.who.tenant, name="Ada", contact="a@b.example", purpose="Films.")
    access.approve(house.who, made.id, reason="Yes.", grant=AccessGrant(terms=Terms(review_first=1)))
    key = access.collect(token)[1] or ""
    with TestClient(house.app) as client:
        ada, own = Api(client, key), accounts.authenticate(key)
        staff = key_for(house, KeyScope.REVIEW, KeyScope.VIDEOS_READ)
        video = ada.request_video("a quiet lake")["id"]
        house.who = own
        assert house.carry(house.videos.get(own, video)).state is VideoState.HELD

        (listed,) = Api(client, staff)("GET", f"{OURS}/tenants")["data"]
        assert (listed["id"], listed["open_cases"]) == (own.tenant, 1)
        at_home = {"authorization": f"Bearer {staff}"}
        assert client.get("/v1/reviews", headers=at_home).json()["data"] == []
        acting = {**at_home, TENANT_HEADER: own.tenant}
        (case,) = client.get("/v1/reviews", headers=acting).json()["data"]
        decision = {"action": "approve", "reason": "Fine."}
        # Neither the applicant nor a reviewer of another tenant decides it.
        other = accounts.create_key(accounts.create_tenant("Other").id, "r", {KeyScope.REVIEW})[1]
        for headers in (
            {"authorization": f"Bearer {key}"},
            {"authorization": f"Bearer {key}", TENANT_HEADER: own.tenant},
            {"authorization": f"Bearer {other}"},
            {"authorization": f"Bearer {other}", TENANT_HEADER: own.tenant},
            at_home,
        ):
            refused = client.post(f"/v1/reviews/{case['id']}/decision", json=decision, headers=headers)
            assert refused.status_code in (403, 404)
        done = client.post(f"/v1/reviews/{case['id']}/decision", json=decision, headers=acting)
        assert done.status_code == 200
        assert house.carry(house.videos.get(own, video)).state is VideoState.DELIVERED
        twice = [*at_home.items(), (TENANT_HEADER, own.tenant), (TENANT_HEADER, house.who.tenant)]
        assert client.get("/v1/reviews", headers=twice).status_code == 400
        # A reviewer requests and deletes nothing for the applicant.
        assert client.post("/v1/videos", json={"prompt": "a hill"}, headers=acting).status_code == 403
        assert client.delete(f"/v1/videos/{video}", headers=acting).status_code == 403


def test_a_paid_video_of_a_closed_tenant_is_not_submitted(priced: House) -> None:
    staff, accounts = priced.who, priced.accounts
    priced.who = accounts.authenticate(granted(priced, Terms()))
    waiting, moved = priced.order(model="paid-1"), priced.order(model="paid-1")
    Runner(priced.context).run_steps(moved.tenant, moved.id)
    accounts.managed.close(staff, priced.who.tenant, reason="Unpaid.")
    for video in (waiting, moved):
        ended = priced.carry(video)
        assert (ended.state, ended.error_code) == (VideoState.FAILED, "account_suspended")
        assert priced.snapshot(video).last_attempt is None


def test_a_video_that_a_provider_has_taken_ends_with_its_charge_and_is_not_delivered(priced: House) -> None:
    staff, accounts = priced.who, priced.accounts
    priced.who = accounts.authenticate(granted(priced, Terms()))
    video = priced.order(model="paid-1")
    while priced.snapshot(video).video.state is not VideoState.SCANNING:
        Runner(priced.context).run_steps(video.tenant, video.id)
    accounts.managed.close(staff, priced.who.tenant, reason="Unpaid.")
    assert priced.carry(video).state is VideoState.FAILED
    attempt = priced.snapshot(video).last_attempt
    assert attempt is not None
    assert attempt.charge.amount == 0.4


def test_terms_of_a_tenant_cannot_lower_the_number_of_first_reviews_of_the_installation(
    furnish: Furnish,
) -> None:
    house = furnish(review={"first_outputs": 1}, access={"requests": True})
    house.waive()
    house.who = house.accounts.authenticate(granted(house, Terms(review_first=0)))
    assert house.make().state is VideoState.HELD
    assert house.make().state is VideoState.DELIVERED


@pytest.mark.parametrize("staffed", [False, True], ids=["no reviewer", "a reviewer"])
def test_who_can_decide_the_appeal_of_an_applicant_counts_the_managers_reviewers(
    furnish: Furnish, staffed: bool
) -> None:
    house = furnish(access={"requests": True})
    tenant = house.accounts.authenticate(applicant(house, "Ada")).tenant
    accounts = house.accounts
    for one in accounts.list_keys(tenant):
        accounts.revoke_key(tenant, one.id)
    expected = {"operator"}
    if staffed:
        expected.add(accounts.create_key(house.who.tenant, "r", {KeyScope.REVIEW})[0].id)
    with house.database.read_transaction(tenant) as tx:
        assert find_deciders(tx, vault=False) == expected
