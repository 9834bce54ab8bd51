"""Tenants of applicants and invited people: made whole or not at all, and reached by their manager only."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import event

from safelight.errors import Conflict, Forbidden, InvalidField, NotFound, SafelightError, Unauthenticated
from safelight.policy.verdicts import Audience
from safelight.store.database import Database
from safelight.store.tables import api_keys, audit_log, tenants
from safelight.trust.accounts import (
    Accounts,
    KeyScope,
    Principal,
    PrincipalKind,
    Role,
    Tenant,
    managed_tenants,
)
from safelight.trust.accounts import access as access_module
from safelight.trust.accounts.access import AccessGrant, AccessLimits, AccountAccess
from safelight.trust.accounts.invitations import AccountInvitations
from safelight.trust.accounts.managed_tenants import TenantChoice
from safelight.trust.accounts.models import AccessState
from safelight.trust.accounts.subjects import TENANT_SUBJECT, account_subject
from safelight.trust.accounts.terms import AccountTerms, Terms
from support.people import add_person

DAY_S = 86_400.0
SHARED = AccessGrant(tenant=TenantChoice.SHARED)


@pytest.fixture
def accounts(database: Database) -> Accounts:
    return Accounts(database)


@pytest.fixture
def access(database: Database) -> AccountAccess:
    return AccountAccess(database, AccessLimits(accepts_requests=True, requests_per_hour=500))


@pytest.fixture
def owner(accounts: Accounts) -> Principal:
    return person(accounts.create_tenant("Studio").id, *KeyScope)


def person(tenant: str, *scopes: KeyScope) -> Principal:
    return Principal(
        tenant=tenant, id="user_1", kind=PrincipalKind.PERSON, name="Ola", scopes=frozenset(scopes)
    )


def ask(access: AccountAccess, owner: Principal, name: str = "Ada Films") -> tuple[str, str]:
    """The id and the token of a request."""
    made, token = access.request(owner.tenant, name=name, contact="ada@example.com", purpose="Films.")
    return made.id, token


def grant(
    access: AccountAccess, owner: Principal, of: AccessGrant | None = None, name: str = "Ada Films"
) -> str:
    """The key of a new applicant."""
    request, token = ask(access, owner, name)
    access.approve(owner, request, reason="Welcome.", grant=of or AccessGrant())
    key = access.collect(token)[1]
    assert key is not None
    return key


def managed(accounts: Accounts, owner: Principal) -> tuple[Tenant, ...]:
    return accounts.managed.list(owner)


def test_by_default_an_applicant_gets_a_tenant_of_its_own_with_the_terms_of_the_decision(
    access: AccountAccess, accounts: Accounts, database: Database, owner: Principal
) -> None:
    terms = Terms(audience=Audience.MINORS, review_first=3, videos_per_day=5, seconds_per_day=40)
    principal = accounts.authenticate(grant(access, owner, AccessGrant(terms=terms)))
    (own,) = managed(accounts, owner)
    assert (principal.tenant, own.name, own.managed_by) == (own.id, "Ada Films", owner.tenant)
    assert principal.tenant != owner.tenant
    assert AccountTerms(database).get(person(own.id, KeyScope.ADMIN), TENANT_SUBJECT).terms == terms
    assert accounts.list_keys(owner.tenant) == ()


def test_a_colleague_gets_a_key_of_this_tenant(
    access: AccountAccess, accounts: Accounts, owner: Principal
) -> None:
    assert accounts.authenticate(grant(access, owner, SHARED)).tenant == owner.tenant
    assert managed(accounts, owner) == ()
    with pytest.raises(InvalidField, match="tenant of its own"):
        AccessGrant(tenant=TenantChoice.SHARED, terms=Terms(review_first=1))


def test_names_of_strangers_become_one_unique_line(
    access: AccountAccess, accounts: Accounts, owner: Principal
) -> None:
    for name in ("Ada  \n Films\u202e", "ADA FILMS", "\u200b", "x" * 100, "x" * 100):
        grant(access, owner, name=name)
    names = [one.name for one in reversed(managed(accounts, owner))]
    assert names == ["Ada Films", "ADA FILMS (2)", "Applicant", "x" * 100, "x" * 96 + " (2)"]


def test_a_name_that_differs_in_the_case_of_any_letter_or_only_at_its_end_is_taken(
    access: AccountAccess, accounts: Accounts, owner: Principal
) -> None:
    for name in ("Äda", "äDA", "A_a", "Aba", "影片", "影片", "y" * 99, "y" * 99):
        grant(access, owner, name=name)
    names = {one.name for one in managed(accounts, owner)}
    assert names == {"Äda", "äDA (2)", "A_a", "Aba", "影片", "影片 (2)", "y" * 99, "y" * 96 + " (2)"}


def test_the_list_of_tenants_has_pages(
    access: AccountAccess, accounts: Accounts, owner: Principal, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(5):
        grant(access, owner, name=f"Film {number}")
    whole = managed(accounts, owner)
    monkeypatch.setattr(managed_tenants, "_MAX_LISTED", 2)
    pages = [managed(accounts, owner)]
    while pages[-1]:
        pages.append(accounts.managed.list(owner, after=pages[-1][-1].id))
    assert [len(page) for page in pages] == [2, 2, 1, 0]
    assert tuple(one for page in pages for one in page) == whole
    assert accounts.managed.list(owner, ids=[whole[3].id]) == (whole[3],)
    with pytest.raises(NotFound):
        accounts.managed.list(owner, after=owner.tenant)


def test_wrong_terms_make_no_tenant_and_leave_the_request_waiting(
    access: AccountAccess, accounts: Accounts, owner: Principal
) -> None:
    request, token = ask(access, owner)
    with pytest.raises(InvalidField):
        access.approve(owner, request, reason="Yes.", grant=AccessGrant(terms=Terms(videos_per_day=-1)))
    assert managed(accounts, owner) == ()
    assert access.read(token).state is AccessState.WAITING


@pytest.mark.both_databases
def test_two_people_who_grant_the_same_request_at_once_make_one_tenant(
    access: AccountAccess, accounts: Accounts, owner: Principal
) -> None:
    request, token = ask(access, owner)
    start, failed = threading.Barrier(4), []

    def approve() -> None:
        start.wait()
        try:
            access.approve(owner, request, reason="Yes.", grant=AccessGrant())
        except SafelightError as error:
            failed.append(error)

    run_all([approve] * 4)
    assert len(failed) == 3
    assert [one.origin for one in managed(accounts, owner)] == [request]
    assert access.read(token).own_tenant == managed(accounts, owner)[0].id


@pytest.mark.both_databases
def test_requests_of_the_same_name_that_are_granted_at_once_get_different_names(
    access: AccountAccess, accounts: Accounts, owner: Principal
) -> None:
    requests = [ask(access, owner)[0] for _ in range(4)]
    run_all(
        [
            lambda each=each: access.approve(owner, each, reason="Yes.", grant=AccessGrant())  # type: ignore[misc]
            for each in requests
        ]
    )
    assert len({one.name for one in managed(accounts, owner)}) == 4


@pytest.mark.both_databases
def test_the_key_is_collected_once_by_several_requests_at_once(
    access: AccountAccess, accounts: Accounts, owner: Principal
) -> None:
    request, token = ask(access, owner)
    access.approve(owner, request, reason="Yes.", grant=AccessGrant())
    keys: list[str | None] = []
    run_all([lambda: keys.append(access.collect(token)[1])] * 4)
    assert sum(key is not None for key in keys) == 1
    assert len(accounts.list_keys(managed(accounts, owner)[0].id)) == 1


@pytest.mark.parametrize("step", ["_decide", "add_managed_tenant"])
def test_a_crash_while_access_is_granted_leaves_nothing_behind(
    access: AccountAccess,
    accounts: Accounts,
    owner: Principal,
    monkeypatch: pytest.MonkeyPatch,
    step: str,
) -> None:
    request, token = ask(access, owner)
    real = getattr(access_module, step)

    def crash(*given: object, **named: object) -> None:
        real(*given, **named)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(access_module, step, crash)
        with pytest.raises(KeyboardInterrupt):
            access.approve(owner, request, reason="Yes.", grant=AccessGrant(terms=Terms(review_first=1)))
    assert (managed(accounts, owner), access.read(token).state) == ((), AccessState.WAITING)
    access.approve(owner, request, reason="Yes.", grant=AccessGrant())
    assert len(managed(accounts, owner)) == 1


def test_a_crash_after_the_key_was_made_leaves_no_key(
    access: AccountAccess,
    accounts: Accounts,
    database: Database,
    owner: Principal,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    request, token = ask(access, owner)
    access.approve(owner, request, reason="Yes.", grant=AccessGrant())

    def crash(*given: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(access_module, "_request", crash)
        with pytest.raises(KeyboardInterrupt):
            access.collect(token)
    with database.across_tenants("looking", readonly=True) as tx:
        assert tx.count(api_keys) == 0
    assert access.collect(token)[1] is not None


def test_a_withdrawal_revokes_all_keys_of_the_own_tenant_and_deletes_nothing(
    access: AccountAccess, accounts: Accounts, database: Database, owner: Principal
) -> None:
    request, token = ask(access, owner)
    access.approve(owner, request, reason="Yes.", grant=AccessGrant())
    key = access.collect(token)[1] or ""
    (own,) = managed(accounts, owner)
    second = accounts.create_key(own.id, "second")[1]
    assert access.withdraw(owner, request, reason="Unpaid.").state is AccessState.WITHDRAWN
    elsewhere = Accounts(database, cache_s=0)
    for each in (key, second):
        with pytest.raises(Unauthenticated):
            elsewhere.authenticate(each)
    with pytest.raises(Conflict, match="closed"):
        accounts.create_key(own.id, "third")
    with pytest.raises(Conflict):
        access.withdraw(owner, request, reason="Again.")
    read = access.collect(token)
    assert (read[0].reason, read[1]) == ("Unpaid.", None)
    with database.across_tenants("looking", readonly=True) as tx:
        assert tx.count(tenants, tenants.c.id == own.id) == 1


def test_access_that_is_withdrawn_before_the_key_was_collected_gives_no_key(
    access: AccountAccess, accounts: Accounts, owner: Principal
) -> None:
    for of in (AccessGrant(), SHARED):
        request, token = ask(access, owner)
        access.approve(owner, request, reason="Yes.", grant=of)
        access.withdraw(owner, request, reason="A mistake.")
        assert access.collect(token)[1] is None
    assert accounts.list_keys(owner.tenant) == ()


def test_a_withdrawal_of_a_shared_key_leaves_the_other_keys(
    access: AccountAccess, accounts: Accounts, database: Database, owner: Principal
) -> None:
    other = accounts.create_key(owner.tenant, "app")[1]
    request, token = ask(access, owner)
    access.approve(owner, request, reason="Yes.", grant=SHARED)
    key = access.collect(token)[1] or ""
    access.withdraw(owner, request, reason="Left.")
    elsewhere = Accounts(database, cache_s=0)
    with pytest.raises(Unauthenticated):
        elsewhere.authenticate(key)
    assert elsewhere.authenticate(other).tenant == owner.tenant


def test_a_tenant_that_is_closed_while_its_key_is_collected_keeps_no_key_in_force(
    access: AccountAccess, accounts: Accounts, owner: Principal
) -> None:
    for _ in range(5):
        request, token = ask(access, owner)
        access.approve(owner, request, reason="Yes.", grant=AccessGrant())
        own = next(one for one in managed(accounts, owner) if one.origin == request)

        def collect(token: str = token) -> None:
            access.collect(token)

        def close(own: Tenant = own) -> None:
            accounts.managed.close(owner, own.id, reason="Closed.")

        run_all([collect, close])
        if access.read(token).state is not AccessState.WITHDRAWN:
            close()  # It lost the race to the lock, and reported that nothing was changed.
        assert all(key.revoked_at is not None for key in accounts.list_keys(own.id))


def test_only_the_manager_reaches_a_managed_tenant_and_only_with_scopes_that_reach(
    access: AccountAccess, accounts: Accounts, owner: Principal
) -> None:
    grant(access, owner)
    (own,) = managed(accounts, owner)
    acting = accounts.managed.act_in(owner, own.id)
    assert (acting.tenant, acting.home, acting.acts_in) == (own.id, owner.tenant, "Ada Films")
    assert acting.scopes == {KeyScope.VIDEOS_READ, KeyScope.REVIEW, KeyScope.VAULT, KeyScope.ADMIN}
    admin = accounts.managed.act_in(person(owner.tenant, KeyScope.ADMIN, KeyScope.VIDEOS_READ), own.id)
    assert admin.scopes == {KeyScope.ADMIN}
    with pytest.raises(Forbidden):
        accounts.managed.act_in(person(owner.tenant, KeyScope.VIDEOS_READ, KeyScope.VIDEOS_WRITE), own.id)
    other = person(accounts.create_tenant("Other").id, *KeyScope)
    for stranger, wanted in ((other, own.id), (owner, other.tenant), (owner, owner.tenant), (owner, "x")):
        with pytest.raises(NotFound):
            accounts.managed.act_in(stranger, wanted)
    with pytest.raises(Forbidden):  # One level only.
        accounts.managed.act_in(acting, own.id)
    assert accounts.managed.list(other) == ()
    with pytest.raises(NotFound):
        accounts.managed.close(other, own.id, reason="Mine.")


@pytest.mark.both_databases
def test_an_applicant_of_a_managed_tenant_reaches_no_other_tenant(
    access: AccountAccess, accounts: Accounts, owner: Principal
) -> None:
    first = accounts.authenticate(grant(access, owner))
    grant(access, owner, name="Ben")
    # Even a key of its tenant with every scope.
    every = accounts.authenticate(accounts.create_key(first.tenant, "all", KeyScope)[1])
    for one in (*managed(accounts, owner), accounts.get_tenant(owner.tenant)):
        with pytest.raises((Forbidden, NotFound)):
            accounts.managed.act_in(every, one.id)


def test_staff_invite_into_an_own_tenant_with_the_strictest_terms_whose_key_cannot_invite(
    accounts: Accounts, database: Database, owner: Principal
) -> None:
    terms, invitations = AccountTerms(database), AccountInvitations(database, 2)
    inviter = accounts.authenticate(accounts.create_key(owner.tenant, "staff", KeyScope)[1])
    terms.set(owner, TENANT_SUBJECT, Terms(videos_per_day=5, review_first=2, audience=Audience.MINORS))
    terms.set(owner, account_subject(inviter.id), Terms(videos_per_day=9, seconds_per_day=8, review_first=4))
    token, made = invitations.invite(inviter)
    key = accounts.authenticate(invitations.accept(token, name="Ben")[1])
    own = accounts.get_tenant(key.tenant)
    assert (own.managed_by, own.origin) == (owner.tenant, made.id)
    assert terms.get(person(own.id, KeyScope.ADMIN), TENANT_SUBJECT).terms == Terms(
        videos_per_day=5, seconds_per_day=8, review_first=4, audience=Audience.MINORS
    )
    for choice in TenantChoice:
        with pytest.raises(Forbidden, match="cannot invite"):
            invitations.invite(key, choice)


def test_an_applicant_invites_only_into_its_tenant_so_that_no_quota_is_multiplied(
    access: AccountAccess, accounts: Accounts, database: Database, owner: Principal
) -> None:
    applicant = accounts.authenticate(grant(access, owner, AccessGrant(terms=Terms(videos_per_day=1))))
    invitations, before = AccountInvitations(database, 2), accounts.list_tenants()
    # Not even with a key of its tenant with every scope.
    every = accounts.authenticate(accounts.create_key(applicant.tenant, "all", KeyScope)[1])
    creator = accounts.authenticate(accounts.create_key(owner.tenant, "creator")[1])
    for one in (applicant, every, creator):
        with pytest.raises(InvalidField, match="tenant of its own"):
            invitations.invite(one)
    key, _ = invitations.accept(invitations.invite(applicant, TenantChoice.SHARED)[0], name="Ben")
    assert key.tenant == applicant.tenant
    assert accounts.list_tenants() == before
    accounts.managed.close(owner, applicant.tenant, reason="Abuse.")
    assert all(one.revoked_at is not None for one in accounts.list_keys(applicant.tenant))


def test_a_closed_tenant_has_no_open_invitation_and_is_opened_again_without_its_old_keys(
    access: AccountAccess, accounts: Accounts, database: Database, owner: Principal
) -> None:
    key = grant(access, owner)
    invitations = AccountInvitations(database, 1)
    token, _ = invitations.invite(accounts.authenticate(key), TenantChoice.SHARED)
    (own,) = managed(accounts, owner)
    assert accounts.managed.close(owner, own.id, reason="Abuse.").closed_at is not None
    with pytest.raises(NotFound):
        invitations.accept(token, name="Ben")
    with pytest.raises(Conflict):
        accounts.managed.close(owner, own.id, reason="Again.")
    accounts.managed.reopen(owner, own.id)
    with pytest.raises(Unauthenticated):
        Accounts(database, cache_s=0).authenticate(key)
    assert accounts.create_key(own.id, "new")[0].tenant == own.id
    with pytest.raises(Conflict):
        accounts.managed.reopen(owner, own.id)


def test_the_audit_log_of_the_manager_has_who_entered_closed_and_reopened_a_tenant(
    access: AccountAccess, accounts: Accounts, database: Database, owner: Principal
) -> None:
    grant(access, owner)
    (own,) = managed(accounts, owner)
    accounts.managed.enter(owner, own.id)
    accounts.managed.close(owner, own.id, reason="Unpaid.")
    accounts.managed.reopen(owner, own.id)
    with database.read_transaction(owner.tenant) as tx:
        rows = tx.select(audit_log, audit_log.c.subject == own.id, order_by=(audit_log.c.seq,))
    assert [(row.event, row.actor) for row in rows] == [
        ("tenant.entered", owner.id),
        ("tenant.closed", owner.id),
        ("tenant.reopened", owner.id),
    ]


def entries(database: Database, owner: Principal) -> list[tuple[str, str]]:
    """The actor and the tenant of each entry of the manager's log about acting in a tenant."""
    with database.read_transaction(owner.tenant) as tx:
        of = audit_log.c
        rows = tx.select(audit_log, of.event == "tenant.entered", order_by=(of.seq,))
    return [(row.actor, row.subject) for row in rows]


def test_the_first_use_of_each_day_by_each_key_in_each_tenant_is_in_the_audit_log_of_the_manager(
    access: AccountAccess, accounts: Accounts, database: Database, owner: Principal
) -> None:
    now = 20_000 * DAY_S + 60
    database.clock = lambda: now
    for name in ("Ada", "Ben"):
        grant(access, owner, name=name)
    ben, ada = (one.id for one in managed(accounts, owner))
    first = accounts.authenticate(accounts.create_key(owner.tenant, "one", {KeyScope.REVIEW})[1])
    second = accounts.authenticate(accounts.create_key(owner.tenant, "two", {KeyScope.VAULT})[1])

    def use() -> None:
        for who, tenant in ((first, ada), (first, ada), (first, ben), (second, ada)):
            accounts.managed.act_in(who, tenant)

    each = [(first.id, ada), (first.id, ben), (second.id, ada)]
    use()
    now += DAY_S - 61  # The last second of the day.
    use()
    assert entries(database, owner) == each
    now += 1
    use()
    assert entries(database, owner) == each * 2
    now -= 1  # Another process, whose clock is behind.
    use()
    now += 1
    use()
    assert entries(database, owner) == each * 2
    now -= 5 * DAY_S  # The clock was wrong, and is set right.
    use()
    assert entries(database, owner) == each * 3


@pytest.mark.both_databases
@pytest.mark.parametrize("ahead_s", [3_600.0, DAY_S, 2.5 * DAY_S], ids=["hour", "day", "days"])
def test_an_entry_of_a_clock_that_was_ahead_hides_neither_today_nor_tomorrow(
    access: AccountAccess, accounts: Accounts, database: Database, owner: Principal, ahead_s: float
) -> None:
    # Half an hour before midnight, so that also the clock that is an hour ahead has the next day.
    right, now = 20_001 * DAY_S - 1_800, 0.0
    database.clock = lambda: now
    grant(access, owner)
    (own,) = managed(accounts, owner)
    for expected, at in enumerate((right + ahead_s, right, right + DAY_S), start=1):
        for later in (0.0, 60.0):
            now = at + later
            accounts.managed.act_in(owner, own.id)
        assert len(entries(database, owner)) == expected


def test_a_tenant_that_was_chosen_on_the_page_is_logged_again_when_the_next_day_begins(
    access: AccountAccess, accounts: Accounts, database: Database, owner: Principal
) -> None:
    now = 20_000 * DAY_S + 60
    database.clock = lambda: now
    grant(access, owner)
    (own,) = managed(accounts, owner)
    for expected in (2, 3):
        accounts.managed.enter(owner, own.id)
        accounts.managed.act_in(owner, own.id)
        assert len(entries(database, owner)) == expected - 1
    now += DAY_S
    accounts.managed.act_in(owner, own.id)
    assert len(entries(database, owner)) == 3


def test_a_tenant_that_is_refused_is_not_logged(
    access: AccountAccess, accounts: Accounts, database: Database, owner: Principal
) -> None:
    grant(access, owner)
    (own,) = managed(accounts, owner)
    other = person(accounts.create_tenant("Other").id, *KeyScope)
    for who in (other, person(owner.tenant, KeyScope.VIDEOS_READ)):
        with pytest.raises((Forbidden, NotFound)):
            accounts.managed.act_in(who, own.id)
    assert (entries(database, owner), entries(database, other)) == ([], [])


@pytest.mark.both_databases
def test_requests_at_once_are_logged_once_and_all_served(
    access: AccountAccess, accounts: Accounts, database: Database, owner: Principal
) -> None:
    grant(access, owner)
    (own,) = managed(accounts, owner)
    days, served = [20_000 * DAY_S, 20_001 * DAY_S], []
    for at in days:
        database.clock = lambda at=at: at  # type: ignore[misc]
        start = threading.Barrier(6)

        def act(start: threading.Barrier = start) -> None:
            start.wait()
            served.append(accounts.managed.act_in(owner, own.id).tenant)

        run_all([act] * 6)
    assert served == [own.id] * 12
    assert entries(database, owner) == [(owner.id, own.id)] * 2


def test_a_reviewer_of_the_manager_counts_for_its_tenants(
    access: AccountAccess, accounts: Accounts, owner: Principal
) -> None:
    grant(access, owner)
    (own,) = managed(accounts, owner)
    assert not accounts.managed.has_reviewer(own.id)
    key, _ = accounts.create_key(owner.tenant, "reviewer", {KeyScope.REVIEW})
    assert accounts.managed.has_reviewer(own.id)
    accounts.revoke_key(owner.tenant, key.id)
    assert not accounts.managed.has_reviewer(own.id)


def test_who_has_a_reviewer_is_the_same_for_one_tenant_and_for_all(
    access: AccountAccess, accounts: Accounts, database: Database, owner: Principal
) -> None:
    """For all tenants at once each table is read once; with a person of the manager no key is read."""
    for name in ("Ada Films", "Ben Films"):
        grant(access, owner, name=name)
    ada, ben = managed(accounts, owner)
    other = accounts.create_tenant("Elsewhere").id

    def reviewed() -> set[str]:
        read.clear()
        found = accounts.managed.with_reviewer(accounts.list_tenants())
        assert read == ["tenants", "people", "api_keys"]
        assert found == {one.id for one in accounts.list_tenants() if accounts.managed.has_reviewer(one.id)}
        return set(found)

    with tables_read(database) as read:
        accounts.create_key(other, "reviewer", {KeyScope.REVIEW})
        accounts.create_key(owner.tenant, "app", {KeyScope.VIDEOS_READ})
        assert reviewed() == {other}
        key, _ = accounts.create_key(ben.id, "vault", {KeyScope.VAULT})
        assert reviewed() == {other, ben.id}
        accounts.revoke_key(ben.id, key.id)
        with database.transaction(owner.tenant) as tx:
            add_person(tx, "user_grace", role=Role.REVIEWER)
        assert reviewed() == {other, owner.tenant, ada.id, ben.id}
        read.clear()
        assert accounts.managed.has_reviewer(ada.id)
        assert "api_keys" not in read


@contextmanager
def tables_read(database: Database) -> Iterator[list[str]]:
    """The first table of each statement that reads, in order."""
    read: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if found := re.match(r"SELECT .*?\sFROM (\w+)", statement, re.DOTALL):
            read.append(found[1])

    event.listen(database._engine, "before_cursor_execute", note)
    yield read
    event.remove(database._engine, "before_cursor_execute", note)


def run_all(tasks: list[object]) -> None:
    threads = [threading.Thread(target=_ignore_conflicts, args=(task,)) for task in tasks]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _ignore_conflicts(task: object) -> None:
    assert callable(task)
    try:
        task()
    except SafelightError:
        pass
