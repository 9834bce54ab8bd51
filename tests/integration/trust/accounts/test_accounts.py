from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from safelight.errors import BadInput, Conflict, Forbidden, NotFound, Unauthenticated
from safelight.store.database import Database
from safelight.store.tables import api_keys, audit_log, audit_log_contents, invitations, login_links, sessions
from safelight.trust.accounts import Accounts, KeyScope, Principal, PrincipalKind
from safelight.trust.accounts.service import LOGIN_LINK_TTL_S, TOKEN_CACHE_S
from safelight.trust.accounts.sessions import SESSION_TTL_S


class Clock:
    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def database(database_url: str, clock: Clock) -> Iterator[Database]:
    database = Database(database_url, clock=clock)
    yield database
    database.close()


@pytest.fixture
def accounts(database: Database) -> Accounts:
    return Accounts(database)


def person(tenant: str) -> Principal:
    return Principal(
        tenant=tenant,
        id="user_1",
        kind=PrincipalKind.PERSON,
        name="Ada",
        scopes=frozenset({KeyScope.ADMIN, KeyScope.REVIEW}),
    )


def events(database: Database) -> list[str]:
    with database.across_tenants("looking", readonly=True) as tx:
        return [row.event for row in tx.select(audit_log, order_by=(audit_log.c.seq,))]


def test_a_key_authenticates_its_tenant_with_its_scopes(accounts: Accounts) -> None:
    tenant = accounts.create_tenant("Acme")
    record, token = accounts.create_key(tenant.id, "app", {KeyScope.VIDEOS_READ})
    principal = accounts.authenticate(token)
    assert (principal.tenant, principal.id, principal.kind) == (tenant.id, record.id, PrincipalKind.KEY)
    assert principal.scopes == {KeyScope.VIDEOS_READ}
    assert accounts.list_tenants() == (tenant,)
    assert accounts.get_tenant(tenant.id) == tenant


def test_a_token_is_returned_once_and_never_stored(accounts: Accounts, database: Database) -> None:
    tenant = accounts.create_tenant("Acme")
    _, token = accounts.create_key(tenant.id, "app")
    assert token.startswith("sk-safelight-")
    secret = token.removeprefix("sk-safelight-")
    with database.across_tenants("looking", readonly=True) as tx:
        everything = repr([tx.select(table) for table in (api_keys, audit_log, audit_log_contents)])
    assert secret not in everything


@pytest.mark.parametrize(
    "token",
    ["", "sk-safelight-", "sk-other-" + "a" * 43, "sk-safelight-" + "a" * 43, "sk-safelight-" + "é" * 43],
)
def test_every_wrong_token_is_refused_with_the_same_message(accounts: Accounts, token: str) -> None:
    with pytest.raises(Unauthenticated, match="missing or wrong"):
        accounts.authenticate(token)


def test_a_scope_that_was_not_granted_is_refused(accounts: Accounts) -> None:
    tenant = accounts.create_tenant("Acme")
    _, token = accounts.create_key(tenant.id, "admin", {KeyScope.ADMIN})
    principal = accounts.authenticate(token)
    principal.require(KeyScope.ADMIN)
    assert not principal.has_scope(KeyScope.VAULT)
    with pytest.raises(Forbidden, match="vault"):
        principal.require(KeyScope.VAULT)


def test_a_revoked_key_is_refused_at_once_and_by_other_processes_within_seconds(
    accounts: Accounts, database: Database, clock: Clock
) -> None:
    tenant = accounts.create_tenant("Acme")
    record, token = accounts.create_key(tenant.id, "app")
    elsewhere = Accounts(database)
    accounts.authenticate(token)
    elsewhere.authenticate(token)
    assert accounts.revoke_key(tenant.id, record.id).revoked_at == clock.now
    with pytest.raises(Unauthenticated):
        accounts.authenticate(token)
    clock.now += TOKEN_CACHE_S
    with pytest.raises(Unauthenticated):
        elsewhere.authenticate(token)
    with pytest.raises(Conflict):
        accounts.revoke_key(tenant.id, record.id)


def test_a_key_that_is_revoked_while_it_is_authenticated_is_refused_from_then_on(
    accounts: Accounts, monkeypatch: pytest.MonkeyPatch
) -> None:
    tenant = accounts.create_tenant("Acme")
    record, token = accounts.create_key(tenant.id, "app")
    # The key has been read from the database, but not cached yet.
    monkeypatch.setattr(accounts, "_update_last_used", lambda *_: accounts.revoke_key(tenant.id, record.id))
    accounts.authenticate(token)
    assert accounts.recall(token) is None
    with pytest.raises(Unauthenticated):
        accounts.authenticate(token)


def test_a_key_is_revoked_only_by_its_tenant(accounts: Accounts) -> None:
    one, other = accounts.create_tenant("One"), accounts.create_tenant("Other")
    record, token = accounts.create_key(one.id, "app")
    with pytest.raises(NotFound):
        accounts.revoke_key(other.id, record.id)
    assert accounts.list_keys(other.id) == ()
    assert accounts.authenticate(token).tenant == one.id


def test_last_use_is_recorded_to_the_minute(accounts: Accounts, clock: Clock) -> None:
    tenant = accounts.create_tenant("Acme")
    _, token = accounts.create_key(tenant.id, "app")
    accounts.authenticate(token)
    first = clock.now
    clock.now += 30
    accounts.authenticate(token)
    assert accounts.list_keys(tenant.id)[0].last_used_at == first
    clock.now += 31
    accounts.authenticate(token)
    assert accounts.list_keys(tenant.id)[0].last_used_at == clock.now


@pytest.mark.parametrize("name", ["", "  ", "x" * 101, "two\nlines", "nul\0"])
def test_an_invalid_name_is_refused(accounts: Accounts, name: str) -> None:
    with pytest.raises(BadInput):
        accounts.create_tenant(name)


def test_a_key_needs_a_tenant_and_a_scope(accounts: Accounts) -> None:
    with pytest.raises(NotFound):
        accounts.create_key("tenant_none", "app")
    tenant = accounts.create_tenant("Acme")
    with pytest.raises(BadInput):
        accounts.create_key(tenant.id, "app", ())


def test_a_login_link_opens_one_session(accounts: Accounts, clock: Clock) -> None:
    tenant = accounts.create_tenant("Acme")
    link = accounts.create_login_link(person(tenant.id))
    record, token = accounts.redeem_login_link(link)
    assert record.principal == person(tenant.id) == accounts.sessions.authenticate(token)
    with pytest.raises(Unauthenticated, match="invalid, used or expired"):
        accounts.redeem_login_link(link)
    clock.now += SESSION_TTL_S + 1
    with pytest.raises(Unauthenticated):
        accounts.sessions.authenticate(token)


@pytest.mark.both_databases
def test_of_concurrent_uses_of_one_login_link_one_succeeds(accounts: Accounts) -> None:
    tenant = accounts.create_tenant("Acme")
    link = accounts.create_login_link(person(tenant.id))
    inside: list[str] = []
    ready = threading.Barrier(5)

    def redeem() -> None:
        ready.wait()
        try:
            inside.append(accounts.redeem_login_link(link)[1])
        except Unauthenticated:
            return

    threads = [threading.Thread(target=redeem) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(inside) == 1


def test_a_link_is_refused_after_15_minutes(accounts: Accounts, clock: Clock) -> None:
    tenant = accounts.create_tenant("Acme")
    link = accounts.create_login_link(person(tenant.id))
    clock.now += LOGIN_LINK_TTL_S
    with pytest.raises(Unauthenticated):
        accounts.redeem_login_link(link)


def test_sign_out_ends_the_session(accounts: Accounts) -> None:
    tenant = accounts.create_tenant("Acme")
    _, token = accounts.redeem_login_link(accounts.create_login_link(person(tenant.id)))
    accounts.sessions.end(token)
    accounts.sessions.end(token)
    accounts.sessions.end("nonsense")
    with pytest.raises(Unauthenticated):
        accounts.sessions.authenticate(token)


def test_a_token_of_one_kind_is_refused_as_another_kind(accounts: Accounts) -> None:
    tenant = accounts.create_tenant("Acme")
    _, key = accounts.create_key(tenant.id, "app")
    link = accounts.create_login_link(person(tenant.id))
    for use in (accounts.authenticate, accounts.sessions.authenticate):
        with pytest.raises(Unauthenticated):
            use(link)
    for use in (accounts.redeem_login_link, accounts.sessions.authenticate):
        with pytest.raises(Unauthenticated):
            use(key)


def test_expired_links_and_sessions_are_removed(accounts: Accounts, database: Database, clock: Clock) -> None:
    tenant = accounts.create_tenant("Acme")
    accounts.create_login_link(person(tenant.id))
    accounts.redeem_login_link(accounts.create_login_link(person(tenant.id)))
    assert accounts.purge_expired() == 0
    with database.transaction(tenant.id) as tx:
        expires = clock.now + SESSION_TTL_S
        tx.insert(invitations, digest="x", person_id="user_x", expires_at=expires)
    clock.now += SESSION_TTL_S + 1
    assert accounts.purge_expired() == 4
    with database.read_transaction(tenant.id) as tx:
        assert (tx.count(login_links), tx.count(sessions), tx.count(invitations)) == (0, 0, 0)


def test_every_change_is_in_the_audit_log(accounts: Accounts, database: Database) -> None:
    tenant = accounts.create_tenant("Acme")
    record, _ = accounts.create_key(tenant.id, "app")
    accounts.revoke_key(tenant.id, record.id)
    _, token = accounts.redeem_login_link(accounts.create_login_link(person(tenant.id)))
    accounts.sessions.end(token)
    assert events(database) == [
        "tenant.created",
        "key.created",
        "key.revoked",
        "login_link.created",
        "session.opened",
        "session.ended",
    ]


def test_scopes_of_a_newer_version_grant_nothing(accounts: Accounts, database: Database) -> None:
    tenant = accounts.create_tenant("Acme")
    record, token = accounts.create_key(tenant.id, "app", {KeyScope.CHECKS})
    with database.transaction(tenant.id) as tx:
        tx.update(api_keys, api_keys.c.id == record.id, scopes=["checks", "everything"])
    assert accounts.authenticate(token).scopes == {KeyScope.CHECKS}
