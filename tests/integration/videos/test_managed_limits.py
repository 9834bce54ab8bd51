"""What staff of the manager cannot do while they act in a managed tenant, by the API and by its services."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from starlette.testclient import TestClient

from safelight.accounts import KeyScope, Principal
from safelight.accounts.access_requests import AccessGrant
from safelight.accounts.managed_tenants import REACH, TenantChoice
from safelight.accounts.sessions import open_session
from safelight.accounts.terms import Terms
from safelight.core.errors import Forbidden
from safelight.core.ids import new_id
from safelight.store.tables import audit_log
from safelight.web.api.declared_routes import declared_routes
from safelight.web.auth import COOKIE, TENANT_COOKIE, TENANT_HEADER

from .conftest import Furnish, House
from .test_managed_reviews import enrol
from .test_standing_story import key_for
from .test_tenant_isolation import granted

OURS = "/v1/safelight"
HOOK = {"name": "in", "url": "https://a.example/in", "event_types": ["video.held"]}
#: The routes that change something and that the scopes of an acting person reach, with a body. The services
#: behind these refuse the person, or act for the own tenant.
REFUSED: dict[str, Any] = {
    "POST /compliance/access/{request_id}": {"action": "approve", "reason": "Yes.", "tenant": "own"},
    "POST /settings/keys": {"name": "k", "scope_videos_read": "on"},
    "POST /settings/names": {"list": "ours", "kind": "person", "names": "Ada Byron"},
    "POST /settings/webhooks": {"url": "https://a.example/", "event_video_completed": "on"},
    "POST /settings/webhooks/{endpoint_id}": {"action": "rotate"},  # except to delete
    "POST /templates/{name}/{version}": {"action": "submit"},  # except to approve and retire
    "POST /v1/safelight/access-requests/{request_id}/decision": {
        "action": "approve",
        "reason": "Yes.",
        "tenant": "own",
    },
    "POST /v1/safelight/reports": {"category": "violence", "note": "x", "safety_identifier": "ann"},
    "POST /v1/safelight/statements/{statement_id}/appeal": {"text": "A play."},
    "POST /v1/safelight/tenants/{tenant_id}/close": {"reason": "x"},
    "POST /v1/safelight/tenants/{tenant_id}/reopen": {},
    "POST /v1/videos/{video_id}/appeal": {"text": "A play."},
    # For an end user.
    "POST /v1/videos/{video_id}/report": {"category": "violence", "note": "x", "safety_identifier": "ann"},
    "POST /v1/webhook_endpoints": HOOK,
    "POST /v1/webhook_endpoints/{webhook_endpoint_id}": {"name": "other"},
    "POST /v1/webhook_endpoints/{webhook_endpoint_id}/rotate_secret": {},
    "POST /v1/webhook_endpoints/{webhook_endpoint_id}/test": {"event_type": "video.held"},
    "POST /videos/{video_id}/appeal": {"text": "A play."},
}
#: These look for the thing among those of the tenant that would do it, where it is not.
NOT_FOUND = {
    "POST /v1/safelight/tenants/{tenant_id}/close",
    "POST /v1/safelight/tenants/{tenant_id}/reopen",
}
#: What their work needs: deciding cases, bans, consents and templates, terms, and ending something.
ALLOWED = {
    "POST /account/mails",
    "POST /compliance/access/invitations/{invitation_id}/revoke",
    "POST /compliance/accounts",
    "POST /compliance/tenants/{tenant_id}/close",  # these two act for the own tenant
    "POST /compliance/tenants/{tenant_id}/enter",
    "POST /consents/{consent_id}",
    "POST /review/next",
    "POST /review/pages/{report_id}",
    "POST /review/standings/bans",
    "POST /review/standings/bans/{ban_id}",
    "POST /review/{case_id}",
    "POST /review/declined",
    "POST /review/{case_id}/decline",
    "POST /review/{case_id}/switches",
    "POST /review/{case_id}/escalate",
    "POST /review/{case_id}/hide",
    "POST /review/{case_id}/lease",
    "POST /review/{case_id}/release",
    "POST /review/{case_id}/reserve-next",
    "POST /review/{case_id}/reveal",
    "POST /review/{case_id}/skip",
    "POST /review/{case_id}/sound",
    "POST /review/{case_id}/undo",
    "POST /review/{case_id}/same",
    "POST /review/same/{bulk_id}/undo",
    "POST /settings/keys/{key_id}/revoke",
    "POST /templates/{name}",  # these two only render a prompt
    "POST /v1/safelight/templates/{name}/render",
    "POST /v1/reviews/next",
    "PUT /v1/reviews/preferences",
    "POST /v1/reviews/{case_id}/decision",
    "POST /v1/reviews/{case_id}/same/decision",
    "POST /v1/reviews/same/{bulk_id}/undo",
    "POST /v1/reviews/{case_id}/escalate",
    "DELETE /v1/reviews/{case_id}/lease",
    "POST /v1/reviews/{case_id}/lease",
    "POST /v1/reviews/{case_id}/skip",
    "POST /v1/safelight/bans",
    "POST /v1/safelight/bans/{ban_id}/confirm",
    "POST /v1/safelight/bans/{ban_id}/lift",
    "POST /v1/safelight/consents/uses",  # reads
    "POST /v1/safelight/consents/{consent_id}/decision",
    "POST /v1/safelight/reports/{report_id}/video",
    "POST /v1/safelight/templates/{name}/{version}/approve",
    "POST /v1/safelight/templates/{name}/{version}/retire",
    "PUT /v1/safelight/terms",
    "DELETE /v1/webhook_endpoints/{webhook_endpoint_id}",
    "POST /videos/{video_id}/report",
}


@dataclass
class Acting:
    """An owner of the manager, who acts in the tenant of an applicant."""

    house: House
    client: TestClient
    staff: Principal
    #: The id of a key of the manager, which `headers` has.
    staff_key: str
    tenant: str
    #: The key of the applicant.
    key: str
    headers: dict[str, str]

    @property
    def principal(self) -> Principal:
        return self.house.accounts.managed.act_in(self.staff, self.tenant)

    def send(self, method: str, path: str, body: Any = None) -> httpx.Response:
        found: httpx.Response = self.client.request(method, path, json=body, headers=self.headers)
        return found

    def send_as_applicant(self, method: str, path: str, body: Any = None) -> Any:
        headers = {"authorization": f"Bearer {self.key}"}
        found: httpx.Response = self.client.request(method, path, json=body, headers=headers)
        assert found.status_code == 200, found.text
        return found.json()


@pytest.fixture
def acting(furnish: Furnish) -> Acting:
    house = furnish(access={"requests": True, "invitations": 3})
    house.waive()
    token = key_for(house, *KeyScope)
    accounts = house.accounts
    tenant = accounts.authenticate(granted(house, Terms())).tenant
    return Acting(
        house=house,
        client=TestClient(house.app),
        staff=enrol(house, 1),
        staff_key=accounts.authenticate(token).id,
        tenant=tenant,
        key=accounts.create_key(tenant, "all", KeyScope)[1],
        headers={"authorization": f"Bearer {token}", TENANT_HEADER: tenant},
    )


def test_each_changing_route_that_an_acting_person_reaches_is_known(furnish: Furnish) -> None:
    reached = {
        f"{route.method} {route.path}"
        for route in declared_routes(furnish().app)
        if route.access is not None
        and (route.access.every or route.access.any_of)
        and route.method != "GET"
        and route.access.allows(REACH)
    }
    assert reached == ALLOWED | REFUSED.keys()


def test_a_key_with_every_scope_that_acts_in_a_managed_tenant_makes_nothing_there(acting: Acting) -> None:
    with acting.client:
        endpoint = acting.send_as_applicant("POST", "/v1/webhook_endpoints", HOOK)["id"]
        video = acting.send_as_applicant("POST", "/v1/videos", {"prompt": "a quiet lake"})["id"]
        before = [acting.send_as_applicant("GET", path) for path in ("/v1/webhook_endpoints", "/v1/videos")]
        refused = [
            ("POST", f"{OURS}/invitations", {"tenant": "shared"}),
            ("POST", "/v1/videos", {"prompt": "a hill"}),
            ("POST", f"{OURS}/library", {"video_id": video, "category": "lakes", "notes": "x"}),
            ("DELETE", f"/v1/videos/{video}", None),
            ("GET", f"{OURS}/tenants", None),
        ]
        for method, path, body in refused:
            answer = acting.send(method, path, body)
            assert answer.status_code == 403, f"{method} {path}: {answer.status_code} {answer.text}"
        paths = ("/v1/webhook_endpoints", "/v1/videos")
        assert [acting.send_as_applicant("GET", path) for path in paths] == before
        assert acting.send("DELETE", f"/v1/webhook_endpoints/{endpoint}").status_code == 200
    with acting.house.database.read_transaction(acting.staff.tenant) as tx:
        logged = tx.select(audit_log, audit_log.c.event == "tenant.entered")
    assert {(row.actor, row.subject) for row in logged} == {(acting.staff_key, acting.tenant)}


def test_each_route_that_is_no_part_of_their_work_refuses_an_acting_person(acting: Acting) -> None:
    """With the key of an owner by the API, and with the session of an owner on the pages."""
    house = acting.house
    with acting.client as client:
        access, who = house.standing.access, acting.staff
        request, _ = access.request(who.tenant, name="Ben", contact="b@b.example", purpose="Films.")
        with house.database.transaction(who.tenant) as tx:
            _, token = open_session(tx, who)
        session = {
            "cookie": f"{COOKIE}={token}; {TENANT_COOKIE}={acting.tenant}",
            "sec-fetch-site": "same-origin",
        }
        template = {"source": "template: lake\ntext: a lake\n"}
        acting.send_as_applicant("POST", f"{OURS}/templates", template)
        ids = {
            "webhook_endpoint_id": acting.send_as_applicant("POST", "/v1/webhook_endpoints", HOOK)["id"],
            "video_id": acting.send_as_applicant("POST", "/v1/videos", {"prompt": "a quiet lake"})["id"],
            "request_id": request.id,
            "tenant_id": acting.tenant,
            "name": "lake",
            "version": "1",
            # Nothing has these: the refusal comes before anything is looked for.
            "statement_id": new_id("statement"),
        }
        ids["endpoint_id"] = ids["webhook_endpoint_id"]
        changes = [_changes(house, each) for each in (acting.tenant, who.tenant)]
        found = {}
        for route, body in REFUSED.items():
            method, path = route.split(" ")
            url = path.format(**ids)
            if path.startswith("/v1/"):
                answer = acting.send(method, url, body)
            else:
                answer = client.request(method, url, data=body, headers=session)
            found[route] = answer.status_code
        assert found == {route: 404 if route in NOT_FOUND else 403 for route in REFUSED}
        assert [_changes(house, each) for each in (acting.tenant, who.tenant)] == changes


def _changes(house: House, tenant: str) -> list[str]:
    """The events of the audit log of a tenant, without those of entering another."""
    with house.database.read_transaction(tenant) as tx:
        rows = tx.select(audit_log, audit_log.c.event != "tenant.entered", order_by=(audit_log.c.seq,))
    return [row.event for row in rows]


def test_the_services_refuse_an_acting_person_who_is_an_owner(acting: Acting) -> None:
    accounts, who = acting.house.accounts, acting.principal
    services = acting.house.standing
    made, _ = services.access.request(who.home, name="Ben", contact="b@b.example", purpose="Films.")
    attempts: list[Callable[[], object]] = [
        lambda: accounts.create_own_key(who, "k", {KeyScope.VIDEOS_READ}),
        lambda: services.access.approve(who, made.id, reason="Yes.", grant=AccessGrant()),
        lambda: services.invitations.invite(who, TenantChoice.SHARED),
    ]
    for attempt in attempts:
        with pytest.raises(Forbidden):
            attempt()
    assert len(accounts.list_keys(acting.tenant)) == 2


def test_a_session_with_the_header_of_keys_is_refused_and_changes_no_tenant(acting: Acting) -> None:
    database, home = acting.house.database, acting.staff.tenant
    with database.transaction(home) as tx:
        _, token = open_session(tx, acting.staff)
    cookie = {"cookie": f"{COOKIE}={token}", "sec-fetch-site": "same-origin"}
    terms, changed = f"{OURS}/terms?subject=tenant", {"videos_per_day": 3}

    def change(**headers: str) -> httpx.Response:
        answer: httpx.Response = acting.client.put(terms, json=changed, headers={**cookie, **headers})
        return answer

    for tenant in (acting.tenant, "tenant_" + "0" * 32, ""):
        refused = change(**{TENANT_HEADER: tenant})
        assert (refused.status_code, "is for API keys" in refused.text) == (400, True)
        for path in ("/v1/reviews", "/review", "/account"):
            assert acting.client.get(path, headers={**cookie, TENANT_HEADER: tenant}).status_code == 400
    with database.across_tenants("test", readonly=True) as whole:
        assert not whole.count(audit_log, audit_log.c.event == "terms.set")
    assert change().status_code == 200


def test_a_key_that_a_person_makes_at_home_has_none_but_their_scopes(acting: Acting) -> None:
    accounts = acting.house.accounts
    record, _ = accounts.create_own_key(acting.staff, "k", {KeyScope.VAULT, KeyScope.REVIEW})
    assert (record.scopes, record.created_by) == ({KeyScope.REVIEW}, acting.staff.id)
