"""The pages of the tenants of applicants: choosing one to act in, leaving and closing it."""

from __future__ import annotations

import re

import httpx
import pytest

from safelight.accounts import Principal, Role
from safelight.accounts.access_requests import AccessGrant
from safelight.console import settings_pages
from safelight.core.ids import new_id
from safelight.web.auth import TENANT_COOKIE
from support.console_server import STAFF, ConsoleServer
from support.rows import each_row

from .conftest import SignIn


@pytest.fixture(scope="module")
def tenant(console: ConsoleServer) -> str:
    """The tenant of an applicant."""
    access = console.server.app.state.safelight.services.standing.access
    owner = Principal(tenant=console.server.tenant, id="user_1", kind="person", name="Ola", scopes=STAFF)  # type: ignore[arg-type]
    made, _ = access.request(owner.tenant, name="<i>Ada</i>", contact="a@b.example", purpose="Films.")
    granted = access.approve(owner, made.id, reason="Yes.", grant=AccessGrant())
    assert granted.own_tenant is not None
    return str(granted.own_tenant)


def enter(client: httpx.Client, tenant: str) -> httpx.Response:
    return client.post(f"/compliance/tenants/{tenant}/enter")


def test_a_bar_names_the_tenant_until_the_person_leaves_it(sign_in: SignIn, tenant: str) -> None:
    owner = sign_in(Role.OWNER)
    assert "&lt;i&gt;Ada&lt;/i&gt;" in owner.get("/compliance/tenants").text
    assert enter(owner, tenant).headers["location"] == "/review"
    for path in ("/review", "/compliance/accounts", "/compliance"):
        assert "You act in the tenant “&lt;i&gt;Ada&lt;/i&gt;”." in owner.get(path).text
    # Pages about the person, and the list of tenants, stay those of the own tenant.
    for path in ("/account", "/compliance/tenants"):
        page = owner.get(path)
        assert (page.status_code, "You act in" in page.text) == (200, False)
    owner.post("/compliance/tenant/leave")
    assert "You act in" not in owner.get("/review").text


def test_a_person_who_acts_in_a_tenant_requests_no_video_and_makes_no_key_webhook_or_invitation(
    sign_in: SignIn, console: ConsoleServer, tenant: str
) -> None:
    owner, before = sign_in(Role.OWNER), console.server.accounts.list_keys(tenant)
    enter(owner, tenant)
    assert owner.post("/", data={"prompt": "a lake"}).status_code == 403
    key = owner.post("/settings/keys", data={"name": "k", "scope_videos_read": "on"})
    assert (key.status_code, "sk-safelight-" in key.text) == (403, False)
    hook = {"url": "https://a.example/", "event_video_completed": "on"}
    assert owner.post("/settings/webhooks", data=hook).status_code == 403
    assert owner.post("/account/invitations", data={"tenant": "shared"}).status_code == 403
    decision = {"action": "approve", "reason": "Yes.", "tenant": "own"}
    assert owner.post(f"/compliance/access/{new_id('access')}", data=decision).status_code == 403
    assert console.server.accounts.list_keys(tenant) == before
    assert owner.get("/settings/people").status_code == 403
    assert owner.get("/policy").status_code == 403


@pytest.mark.parametrize("role", [Role.CREATOR, Role.AUDITOR], ids=["creator", "auditor"])
def test_a_person_without_a_scope_that_reaches_stays_in_the_own_tenant(
    sign_in: SignIn, tenant: str, role: Role
) -> None:
    client = sign_in(role)
    assert enter(client, tenant).status_code == 403
    client.cookies.set(TENANT_COOKIE, tenant)
    page = client.get("/coverage")
    assert (page.status_code, "You act in" in page.text) == (200, False)


def test_an_unknown_tenant_is_not_entered_and_an_old_choice_is_ignored(
    sign_in: SignIn, console: ConsoleServer
) -> None:
    owner = sign_in(Role.OWNER)
    other = console.server.accounts.create_tenant("other").id
    for wanted in (other, "tenant_" + "0" * 32, "x"):
        assert enter(owner, wanted).status_code == 404
        owner.cookies.set(TENANT_COOKIE, wanted)
        page = owner.get("/review")
        assert (page.status_code, "You act in" in page.text) == (200, False)


def hidden_fields(page: str, action: str) -> dict[str, str]:
    """The hidden fields of the last form with this address."""
    form = page.rpartition(f'action="{action}"')[2].partition("</form>")[0]
    return dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', form))


@each_row
def test_a_form_is_not_applied_to_another_tenant_than_its_page_showed(
    sign_in: SignIn, tenant: str, page: str, action: str, sent: dict[str, str]
) -> None:
    owner = sign_in(Role.OWNER)
    at_home = hidden_fields(owner.get(page).text, action)
    enter(owner, tenant)
    away = hidden_fields(owner.get(page).text, action)
    assert (away["shown_tenant"], at_home["shown_tenant"] == tenant) == (tenant, False)
    if not action.endswith("keys"):
        late = owner.post(action, data={**sent, **at_home})
        assert (late.status_code, "Nothing was changed" in late.text) == (409, True)
    owner.post("/compliance/tenant/leave")  # In a second tab.
    assert owner.post(action, data={**sent, **away}).status_code == 409


def test_a_choice_that_is_not_valid_any_more_changes_nothing_and_is_forgotten(
    sign_in: SignIn, tenant: str
) -> None:
    reviewer = sign_in(Role.OWNER)
    page, gone = "/compliance/accounts?kind=tenant", "tenant_" + "0" * 32
    sent = {**hidden_fields(reviewer.get(page).text, "/compliance/accounts"), "videos_per_day": "1"}
    reviewer.cookies.set(TENANT_COOKIE, gone, domain="127.0.0.1", path="/")
    assert reviewer.post("/compliance/accounts", data=sent).status_code == 409
    assert 'name="videos_per_day" value="1"' not in reviewer.get(page).text
    assert TENANT_COOKIE not in reviewer.cookies


def test_a_tenant_is_closed_with_a_reason(sign_in: SignIn, console: ConsoleServer, tenant: str) -> None:
    owner, reviewer, path = sign_in(Role.OWNER), sign_in(Role.REVIEWER), f"/compliance/tenants/{tenant}/close"
    assert reviewer.post(path, data={"reason": "x"}).status_code == 403
    assert owner.post(path, data={"reason": ""}).status_code == 400
    assert owner.post(path, data={"reason": "Abuse."}).status_code == 303
    assert "Closed on" in owner.get("/compliance/tenants").text
    assert owner.post(path, data={"reason": "Again."}).status_code == 409
    assert console.server.accounts.get_tenant(tenant).closed_at is not None


def test_the_list_has_pages(
    sign_in: SignIn, console: ConsoleServer, tenant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    access = console.server.app.state.safelight.services.standing.access
    owner = Principal(tenant=console.server.tenant, id="user_1", kind="person", name="Ola", scopes=STAFF)  # type: ignore[arg-type]
    made, _ = access.request(owner.tenant, name="Newer", contact="a@b.example", purpose="Films.")
    newer = access.approve(owner, made.id, reason="Yes.", grant=AccessGrant()).own_tenant
    monkeypatch.setattr(settings_pages, "_MAX_ROWS", 1)
    client, path = sign_in(Role.OWNER), "/compliance/tenants"
    first, second = client.get(path).text, client.get(f"{path}?after={newer}").text
    assert [f"{path}/{one}/enter" in first for one in (newer, tenant)] == [True, False]
    assert [f"{path}/{one}/enter" in second for one in (newer, tenant)] == [False, True]
    assert f"{path}?after={newer}" in first
    assert ['rel="next"' in page for page in (first, second)] == [True, False]
    assert client.get(f"{path}?after=x").status_code == 404
