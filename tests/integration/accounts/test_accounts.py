from __future__ import annotations

from dataclasses import replace

import pytest

from safelight.accounts import Accounts, KeyScope, PrincipalKind
from safelight.accounts.models import KEY_PREFIX
from safelight.accounts.service import LOGIN_LINK_TTL_S, TOKEN_CACHE_S
from safelight.accounts.sessions import SESSION_TTL_S
from safelight.core.errors import BadInput, Conflict, Forbidden, NotFound, Unauthenticated
from safelight.store.database import Database
from safelight.store.tables import api_keys, audit_log, audit_log_contents, invitations, login_links, sessions
from support.concurrency import run_together
from support.people import person
from support.review_room import Clock


@pytest.fixture
def tenant(accounts: Accounts) -> str:
    return accounts.create_tenant("Acme").id


def test_a_key_authenticates_its_tenant_with_its_scopes(
    accounts: Accounts, tenant: str, database: Database
) -> None:
    record, token = accounts.create_key(tenant, "app", {KeyScope.CHECKS})
    principal = accounts.authenticate(token)
    assert (principal.tenant, principal.id, principal.kind) == (tenant, record.id, PrincipalKind.KEY)
    assert [one.id for one in accounts.list_tenants()] == [tenant]
    principal.require(KeyScope.CHECKS)
    assert not principal.has_scope(KeyScope.VAULT)
    person = replace(principal, kind=PrincipalKind.PERSON)
    for caller, needed in ((principal, "a key with this scope"), (person, "a role with this scope")):
        with pytest.raises(Forbidden, match="vault") as refused:
            caller.require(KeyScope.VAULT)
        assert needed in str(refused.value.remedy)
    with database.transaction(tenant) as tx:
        tx.update(api_keys, api_keys.c.id == record.id, scopes=["checks", "of a newer version"])
    assert Accounts(database).authenticate(token).scopes == {KeyScope.CHECKS}


def test_a_token_is_returned_once_and_never_stored(
    accounts: Accounts, tenant: str, database: Database
) -> None:
    token = accounts.create_key(tenant, "app")[1]
    assert token.startswith(KEY_PREFIX)
    secret = token.removeprefix(KEY_PREFIX)
    with database.across_tenants("looking", readonly=True) as tx:
        everything = repr([tx.select(table) for table in (api_keys, audit_log, audit_log_contents)])
    assert secret not in everything


def test_every_wrong_token_is_refused_with_the_same_message(accounts: Accounts) -> None:
    for token in ("", "sk-safelight-", "sk-other-" + "a" * 43, *(f"sk-safelight-{one * 43}" for one in "aé")):
        with pytest.raises(Unauthenticated, match="missing or wrong"):
            accounts.authenticate(token)


def test_a_revoked_key_is_refused_at_once_and_by_other_processes_within_seconds(
    accounts: Accounts, tenant: str, database: Database, clock: Clock
) -> None:
    record, token = accounts.create_key(tenant, "app")
    elsewhere = Accounts(database)
    accounts.authenticate(token)
    elsewhere.authenticate(token)
    other = accounts.create_tenant("Other").id
    assert accounts.list_keys(other) == ()
    with pytest.raises(NotFound):
        accounts.revoke_key(other, record.id)
    assert accounts.authenticate(token).tenant == tenant
    assert accounts.revoke_key(tenant, record.id).revoked_at == clock.now
    with pytest.raises(Unauthenticated):
        accounts.authenticate(token)
    clock.now += TOKEN_CACHE_S
    with pytest.raises(Unauthenticated):
        elsewhere.authenticate(token)
    with pytest.raises(Conflict):
        accounts.revoke_key(tenant, record.id)


def test_a_key_that_is_revoked_while_it_is_authenticated_is_refused_from_then_on(
    accounts: Accounts, tenant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    record, token = accounts.create_key(tenant, "app")
    # The key has been read from the database, but not cached yet.
    monkeypatch.setattr(accounts, "_update_last_used", lambda *_: accounts.revoke_key(tenant, record.id))
    accounts.authenticate(token)
    assert accounts.recall(token) is None
    with pytest.raises(Unauthenticated):
        accounts.authenticate(token)


def test_last_use_is_recorded_to_the_minute(accounts: Accounts, tenant: str, clock: Clock) -> None:
    _, token = accounts.create_key(tenant, "app")
    first = clock.now
    for seconds, recorded in ((0, first), (30, first), (31, first + 61)):
        clock.now += seconds
        accounts.authenticate(token)
        assert accounts.list_keys(tenant)[0].last_used_at == recorded


def test_a_tenant_needs_a_name_and_a_key_a_tenant_and_a_scope(accounts: Accounts, tenant: str) -> None:
    for name in ("", "  ", "x" * 101, "two\nlines", "nul\0"):
        with pytest.raises(BadInput):
            accounts.create_tenant(name)
    with pytest.raises(NotFound):
        accounts.create_key("tenant_none", "app")
    with pytest.raises(BadInput):
        accounts.create_key(tenant, "app", ())


def test_a_login_link_opens_one_session_within_15_minutes(
    accounts: Accounts, tenant: str, clock: Clock
) -> None:
    ada = person(tenant, KeyScope.ADMIN, KeyScope.REVIEW)
    link, late = accounts.create_login_link(ada), accounts.create_login_link(ada)
    record, token = accounts.redeem_login_link(link)
    assert record.principal == ada == accounts.sessions.authenticate(token)
    with pytest.raises(Unauthenticated, match="invalid, used or expired"):
        accounts.redeem_login_link(link)
    clock.now += LOGIN_LINK_TTL_S
    with pytest.raises(Unauthenticated):
        accounts.redeem_login_link(late)
    clock.now += SESSION_TTL_S
    with pytest.raises(Unauthenticated):
        accounts.sessions.authenticate(token)


@pytest.mark.both_databases
def test_of_concurrent_uses_of_one_login_link_one_succeeds(accounts: Accounts, tenant: str) -> None:
    link = accounts.create_login_link(person(tenant))
    outcomes = run_together([lambda: accounts.redeem_login_link(link)] * 5)
    assert [isinstance(outcome, Unauthenticated) for outcome in outcomes].count(True) == 4


def test_a_token_of_one_kind_is_refused_as_another_kind(accounts: Accounts, tenant: str) -> None:
    _, key = accounts.create_key(tenant, "app")
    link = accounts.create_login_link(person(tenant))
    for use, token in (
        (accounts.authenticate, link),
        (accounts.sessions.authenticate, link),
        (accounts.redeem_login_link, key),
        (accounts.sessions.authenticate, key),
    ):
        with pytest.raises(Unauthenticated):
            use(token)


def test_expired_links_and_sessions_are_removed(
    accounts: Accounts, tenant: str, database: Database, clock: Clock
) -> None:
    accounts.create_login_link(person(tenant))
    accounts.redeem_login_link(accounts.create_login_link(person(tenant)))
    assert accounts.purge_expired() == 0
    clock.now += SESSION_TTL_S + 1
    with database.transaction(tenant) as tx:
        tx.insert(invitations, digest="x", person_id="user_x", expires_at=clock.now - 1)
    assert accounts.purge_expired() == 4
    with database.read_transaction(tenant) as tx:
        assert [tx.count(table) for table in (login_links, sessions, invitations)] == [0, 0, 0]


def test_sign_out_ends_the_session_and_every_change_is_in_the_audit_log(
    accounts: Accounts, tenant: str, database: Database
) -> None:
    record, _ = accounts.create_key(tenant, "app")
    accounts.revoke_key(tenant, record.id)
    _, token = accounts.redeem_login_link(accounts.create_login_link(person(tenant)))
    for ended in (token, token, "nonsense"):
        accounts.sessions.end(ended)
    with pytest.raises(Unauthenticated):
        accounts.sessions.authenticate(token)
    with database.across_tenants("looking", readonly=True) as tx:
        events = [row.event for row in tx.select(audit_log, order_by=(audit_log.c.seq,))]
    assert events == [
        "tenant.created",
        "key.created",
        "key.revoked",
        "login_link.created",
        "session.opened",
        "session.ended",
    ]
