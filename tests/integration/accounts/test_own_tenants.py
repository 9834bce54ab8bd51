"""Tenants of applicants and invited people: made whole or not at all, and reached by their manager only."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import pytest
from sqlalchemy import event

from safelight.accounts import Accounts, KeyScope, Principal, Role, Tenant, managed_tenants
from safelight.accounts import access_requests as access_module
from safelight.accounts.access_requests import AccessGrant, AccessLimits, AccountAccess
from safelight.accounts.invitations import AccountInvitations
from safelight.accounts.managed_tenants import TenantChoice
from safelight.accounts.models import TENANT_SUBJECT, AccessState, account_subject
from safelight.accounts.terms import AccountTerms, Terms
from safelight.core.errors import Conflict, Forbidden, InvalidField, NotFound, SafelightError, Unauthenticated
from safelight.policy.verdicts import Audience
from safelight.store.database import Database
from safelight.store.tables import api_keys, audit_log, tenants
from support.concurrency import run_together
from support.people import add_person, person
from support.review_room import Clock

DAY_S = 86_400.0
OWN, SHARED = AccessGrant(), AccessGrant(tenant=TenantChoice.SHARED)


class Studio:
    """A tenant whose owner grants access to applicants."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.accounts = Accounts(database)
        self.access = AccountAccess(database, AccessLimits(accepts_requests=True, requests_per_hour=500))
        self.invitations = AccountInvitations(database, 2)
        self.terms = AccountTerms(database)
        self.owner = person(self.accounts.create_tenant("Studio").id)
        self.tenant = self.owner.tenant

    def ask(self, name: str = "Ada Films") -> tuple[str, str]:
        """The id and the token of a request."""
        made, token = self.access.request(self.tenant, name=name, contact="ada@example.com", purpose="Films.")
        return made.id, token

    def approve(self, request: str, grant: AccessGrant = OWN) -> None:
        self.access.approve(self.owner, request, reason="Welcome.", grant=grant)

    def approved(self, grant: AccessGrant = OWN, name: str = "Ada Films") -> tuple[str, str]:
        """The id and the token of a request that was granted."""
        request, token = self.ask(name)
        self.approve(request, grant)
        return request, token

    def collect(self, token: str) -> str:
        key = self.access.collect(token)[1]
        assert key is not None
        return key

    def applicant(self, grant: AccessGrant = OWN, name: str = "Ada Films") -> Principal:
        """The principal of the key of a new applicant."""
        return self.accounts.authenticate(self.collect(self.approved(grant, name)[1]))

    def managed(self, **page: Any) -> tuple[Tenant, ...]:
        return self.accounts.managed.list(self.owner, **page)

    def own(self) -> Tenant:
        """The only managed tenant."""
        (own,) = self.managed()
        return own

    def applied(self) -> Tenant:
        """The tenant of a new applicant, the only one."""
        self.applicant()
        return self.own()

    def key(self, tenant: str, *scopes: KeyScope) -> Principal:
        return self.accounts.authenticate(self.accounts.create_key(tenant, "key", scopes or KeyScope)[1])

    def act_in(self, tenant: Tenant) -> Principal:
        return self.accounts.managed.act_in(self.owner, tenant.id)

    def close(self, tenant: str) -> Tenant:
        return self.accounts.managed.close(self.owner, tenant, reason="Unpaid.")

    def entries(self) -> list[tuple[str, str]]:
        """The actor and the tenant of each entry of the manager's log about acting in a tenant."""
        with self.database.read_transaction(self.tenant) as tx:
            of = audit_log.c
            rows = tx.select(audit_log, of.event == "tenant.entered", order_by=(of.seq,))
        return [(row.actor, row.subject) for row in rows]

    def is_refused(self, token: str) -> bool:
        """Whether another process refuses the key."""
        try:
            Accounts(self.database, cache_s=0).authenticate(token)
        except Unauthenticated:
            return True
        return False


@pytest.fixture
def studio(database: Database) -> Studio:
    return Studio(database)


def test_an_applicant_gets_a_tenant_of_its_own_with_the_terms_of_the_decision_and_a_colleague_a_key(
    studio: Studio,
) -> None:
    assert studio.applicant(SHARED).tenant == studio.tenant
    assert studio.managed() == ()
    with pytest.raises(InvalidField, match="tenant of its own"):
        AccessGrant(tenant=TenantChoice.SHARED, terms=Terms(review_first=1))
    keys = studio.accounts.list_keys(studio.tenant)
    terms = Terms(audience=Audience.MINORS, review_first=3, videos_per_day=5, seconds_per_day=40)
    applicant, own = studio.applicant(AccessGrant(terms=terms)), studio.own()
    assert (applicant.tenant, own.name, own.managed_by) == (own.id, "Ada Films", studio.tenant)
    assert applicant.tenant != studio.tenant
    assert studio.terms.get(person(own.id, KeyScope.ADMIN), TENANT_SUBJECT).terms == terms
    assert studio.accounts.list_keys(studio.tenant) == keys


def test_names_of_strangers_become_one_unique_line_and_differ_in_more_than_the_case(studio: Studio) -> None:
    names = {
        "Ada  \n Films\u202e": "Ada Films",
        "ADA FILMS": "ADA FILMS (2)",
        "\u200b": "Applicant",
        "x" * 100: "x" * 100,
        "X" * 100: "X" * 96 + " (2)",
        "Äda": "Äda",
        "äDA": "äDA (2)",
        "A_a": "A_a",
        "Aba": "Aba",
        "影片": "影片",
        "影片 ": "影片 (2)",
        "y" * 99: "y" * 99,
        "y" * 99 + " ": "y" * 96 + " (2)",
    }
    for name in names:
        studio.approved(name=name)
    assert [one.name for one in reversed(studio.managed())] == list(names.values())


def test_the_list_of_tenants_has_pages(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(5):
        studio.approved(name=f"Film {number}")
    whole = studio.managed()
    monkeypatch.setattr(managed_tenants, "_MAX_LISTED", 2)
    pages = [studio.managed()]
    while pages[-1]:
        pages.append(studio.managed(after=pages[-1][-1].id))
    assert pages == [whole[:2], whole[2:4], whole[4:], ()]
    assert studio.managed(ids=[whole[3].id]) == (whole[3],)
    with pytest.raises(NotFound):
        studio.managed(after=studio.tenant)


@pytest.mark.both_databases
def test_two_people_who_grant_the_same_request_at_once_make_one_tenant(studio: Studio) -> None:
    request, token = studio.ask()
    outcomes = run_together([lambda: studio.approve(request)] * 4)
    assert [isinstance(outcome, SafelightError) for outcome in outcomes].count(True) == 3
    assert studio.own().origin == request
    assert studio.access.read(token).own_tenant == studio.own().id


@pytest.mark.both_databases
def test_requests_of_the_same_name_that_are_granted_at_once_get_different_names(studio: Studio) -> None:
    requests = [studio.ask()[0] for _ in range(4)]
    run_together([partial(studio.approve, request) for request in requests])
    assert len({one.name for one in studio.managed()}) == 4


@pytest.mark.both_databases
def test_the_key_is_collected_once_by_several_requests_at_once(studio: Studio) -> None:
    _, token = studio.approved()
    collected = run_together([lambda: studio.access.collect(token)[1]] * 4)
    assert [isinstance(key, str) for key in collected].count(True) == 1
    assert len(studio.accounts.list_keys(studio.own().id)) == 1


@pytest.mark.parametrize("step", ["_decide", "add_managed_tenant"])
def test_wrong_terms_and_a_crash_while_access_is_granted_leave_nothing_behind(
    studio: Studio, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    request, token = studio.ask()
    real = getattr(access_module, step)

    def crash(*given: object, **named: object) -> None:
        real(*given, **named)
        raise KeyboardInterrupt

    def assert_nothing_is_left() -> None:
        assert (studio.managed(), studio.access.read(token).state) == ((), AccessState.WAITING)

    with monkeypatch.context() as patch:
        patch.setattr(access_module, step, crash)
        with pytest.raises(KeyboardInterrupt):
            studio.approve(request, AccessGrant(terms=Terms(review_first=1)))
    assert_nothing_is_left()
    with pytest.raises(InvalidField):
        studio.approve(request, AccessGrant(terms=Terms(videos_per_day=-1)))
    assert_nothing_is_left()
    studio.approve(request)
    assert len(studio.managed()) == 1


def test_a_crash_after_the_key_was_made_leaves_no_key(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, token = studio.approved()

    def crash(*given: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(access_module, "_request", crash)
        with pytest.raises(KeyboardInterrupt):
            studio.access.collect(token)
    with studio.database.across_tenants("looking", readonly=True) as tx:
        assert tx.count(api_keys) == 0
    assert studio.collect(token)


def test_a_withdrawal_revokes_all_keys_of_the_own_tenant_and_deletes_nothing(studio: Studio) -> None:
    request, token = studio.approved()
    key, own = studio.collect(token), studio.own()
    second = studio.accounts.create_key(own.id, "second")[1]
    assert studio.access.withdraw(studio.owner, request, reason="Unpaid.").state is AccessState.WITHDRAWN
    assert studio.is_refused(key)
    assert studio.is_refused(second)
    with pytest.raises(Conflict, match="closed"):
        studio.accounts.create_key(own.id, "third")
    with pytest.raises(Conflict):
        studio.access.withdraw(studio.owner, request, reason="Again.")
    read, none = studio.access.collect(token)
    assert (read.reason, none) == ("Unpaid.", None)
    with studio.database.across_tenants("looking", readonly=True) as tx:
        assert tx.count(tenants, tenants.c.id == own.id) == 1


def test_a_withdrawal_of_a_shared_key_leaves_the_other_keys(studio: Studio) -> None:
    other = studio.accounts.create_key(studio.tenant, "app")[1]
    request, token = studio.approved(SHARED)
    key = studio.collect(token)
    studio.access.withdraw(studio.owner, request, reason="Left.")
    assert (studio.is_refused(key), studio.is_refused(other)) == (True, False)
    for grant in (OWN, SHARED):  # Before the key was collected.
        request, token = studio.approved(grant)
        studio.access.withdraw(studio.owner, request, reason="A mistake.")
        assert studio.access.collect(token)[1] is None
    assert len(studio.accounts.list_keys(studio.tenant)) == 2


def test_a_tenant_that_is_closed_while_its_key_is_collected_keeps_no_key_in_force(studio: Studio) -> None:
    for _ in range(5):
        request, token = studio.approved()
        own = next(one.id for one in studio.managed() if one.origin == request)
        run_together([partial(studio.access.collect, token), partial(studio.close, own)])
        if studio.access.read(token).state is not AccessState.WITHDRAWN:
            studio.close(own)  # It lost the race to the lock, and reported that nothing was changed.
        assert all(key.revoked_at is not None for key in studio.accounts.list_keys(own))


def test_only_the_manager_reaches_a_managed_tenant_and_only_with_scopes_that_reach(studio: Studio) -> None:
    own = studio.applied()
    act_in = studio.accounts.managed.act_in
    other = person(studio.accounts.create_tenant("Other").id)
    for stranger, wanted in (
        (other, own.id),
        (studio.owner, other.tenant),
        (studio.owner, studio.tenant),
        (studio.owner, "x"),
    ):
        with pytest.raises(NotFound):
            act_in(stranger, wanted)
    with pytest.raises(Forbidden):
        act_in(person(studio.tenant, KeyScope.VIDEOS_READ, KeyScope.VIDEOS_WRITE), own.id)
    assert studio.entries() == [], "what is refused is not logged"
    acting = studio.act_in(own)
    assert (acting.tenant, acting.home, acting.acts_in) == (own.id, studio.tenant, "Ada Films")
    assert acting.scopes == {KeyScope.VIDEOS_READ, KeyScope.REVIEW, KeyScope.VAULT, KeyScope.ADMIN}
    admin = act_in(person(studio.tenant, KeyScope.ADMIN, KeyScope.VIDEOS_READ), own.id)
    assert admin.scopes == {KeyScope.ADMIN}
    with pytest.raises(Forbidden):  # One level only.
        act_in(acting, own.id)
    assert studio.accounts.managed.list(other) == ()
    with pytest.raises(NotFound):
        studio.accounts.managed.close(other, own.id, reason="Mine.")


@pytest.mark.both_databases
def test_an_applicant_of_a_managed_tenant_reaches_no_other_tenant(studio: Studio) -> None:
    first = studio.applicant()
    studio.approved(name="Ben")
    # Even a key of its tenant with every scope.
    every = studio.key(first.tenant)
    for one in (*studio.managed(), studio.accounts.get_tenant(studio.tenant)):
        with pytest.raises((Forbidden, NotFound)):
            studio.accounts.managed.act_in(every, one.id)


def test_staff_invite_into_an_own_tenant_with_the_strictest_terms_whose_key_cannot_invite(
    studio: Studio,
) -> None:
    inviter, set_terms = studio.key(studio.tenant), studio.terms.set
    set_terms(studio.owner, TENANT_SUBJECT, Terms(videos_per_day=5, review_first=2, audience=Audience.MINORS))
    personal = Terms(videos_per_day=9, seconds_per_day=8, review_first=4)
    set_terms(studio.owner, account_subject(inviter.id), personal)
    token, made = studio.invitations.invite(inviter)
    key = studio.accounts.authenticate(studio.invitations.accept(token, name="Ben")[1])
    own = studio.own()
    assert (own.id, own.origin) == (key.tenant, made.id)
    assert studio.terms.get(person(own.id, KeyScope.ADMIN), TENANT_SUBJECT).terms == Terms(
        videos_per_day=5, seconds_per_day=8, review_first=4, audience=Audience.MINORS
    )
    for choice in TenantChoice:
        with pytest.raises(Forbidden, match="cannot invite"):
            studio.invitations.invite(key, choice)


def test_an_applicant_invites_only_into_its_tenant_so_that_no_quota_is_multiplied(studio: Studio) -> None:
    applicant = studio.applicant(AccessGrant(terms=Terms(videos_per_day=1)))
    before = studio.accounts.list_tenants()
    creator = studio.accounts.authenticate(studio.accounts.create_key(studio.tenant, "creator")[1])
    # Not even with a key of its tenant with every scope.
    for one in (applicant, studio.key(applicant.tenant), creator):
        with pytest.raises(InvalidField, match="tenant of its own"):
            studio.invitations.invite(one)
    token, _ = studio.invitations.invite(applicant, TenantChoice.SHARED)
    assert studio.invitations.accept(token, name="Ben")[0].tenant == applicant.tenant
    assert studio.accounts.list_tenants() == before
    studio.close(applicant.tenant)
    assert all(key.revoked_at is not None for key in studio.accounts.list_keys(applicant.tenant))


def test_a_closed_tenant_has_no_open_invitation_and_is_opened_again_without_its_old_keys(
    studio: Studio,
) -> None:
    key = studio.collect(studio.approved()[1])
    applicant, own = studio.accounts.authenticate(key), studio.own()
    token, _ = studio.invitations.invite(applicant, TenantChoice.SHARED)
    studio.accounts.managed.enter(studio.owner, own.id)
    assert studio.close(own.id).closed_at is not None
    with pytest.raises(NotFound):
        studio.invitations.accept(token, name="Ben")
    with pytest.raises(Conflict):
        studio.close(own.id)
    studio.accounts.managed.reopen(studio.owner, own.id)
    assert studio.is_refused(key)
    assert studio.accounts.create_key(own.id, "new")[0].tenant == own.id
    with pytest.raises(Conflict):
        studio.accounts.managed.reopen(studio.owner, own.id)
    with studio.database.read_transaction(studio.tenant) as tx:
        rows = tx.select(audit_log, audit_log.c.subject == own.id, order_by=(audit_log.c.seq,))
    done = ("tenant.entered", "tenant.closed", "tenant.reopened")
    assert [(row.event, row.actor) for row in rows] == [(event, studio.owner.id) for event in done]


def test_the_first_use_of_each_day_by_each_key_in_each_tenant_is_in_the_audit_log_of_the_manager(
    studio: Studio, clock: Clock
) -> None:
    clock.now = 20_000 * DAY_S + 60
    for name in ("Ada", "Ben"):
        studio.approved(name=name)
    ben, ada = (one.id for one in studio.managed())
    first, second = (studio.key(studio.tenant, scope) for scope in (KeyScope.REVIEW, KeyScope.VAULT))
    each = [(first.id, ada), (first.id, ben), (second.id, ada)]
    for later_s, days in (
        (0, 1),
        (DAY_S - 61, 1),  # The last second of the day.
        (1, 2),
        (-1, 2),  # Another process, whose clock is behind.
        (1, 2),
        (-5 * DAY_S, 3),  # The clock was wrong, and is set right.
    ):
        clock.now += later_s
        for who, tenant in ((first, ada), (first, ada), (first, ben), (second, ada)):
            studio.accounts.managed.act_in(who, tenant)
        assert studio.entries() == each * days


@pytest.mark.both_databases
@pytest.mark.parametrize("ahead_s", [3_600.0, DAY_S, 2.5 * DAY_S], ids=["hour", "day", "days"])
def test_an_entry_of_a_clock_that_was_ahead_hides_neither_today_nor_tomorrow(
    studio: Studio, clock: Clock, ahead_s: float
) -> None:
    # Half an hour before midnight, so that also the clock that is an hour ahead has the next day.
    right, clock.now = 20_001 * DAY_S - 1_800, 0.0
    own = studio.applied()
    for expected, at in enumerate((right + ahead_s, right, right + DAY_S), start=1):
        for later in (0.0, 60.0):
            clock.now = at + later
            studio.act_in(own)
        assert len(studio.entries()) == expected


def test_a_tenant_that_was_chosen_on_the_page_is_logged_again_when_the_next_day_begins(
    studio: Studio, clock: Clock
) -> None:
    clock.now = 20_000 * DAY_S + 60
    own = studio.applied()
    for expected in (1, 2):
        studio.accounts.managed.enter(studio.owner, own.id)
        studio.act_in(own)
        assert len(studio.entries()) == expected
    clock.now += DAY_S
    studio.act_in(own)
    assert len(studio.entries()) == 3


@pytest.mark.both_databases
def test_requests_at_once_are_logged_once_and_all_served(studio: Studio, clock: Clock) -> None:
    own = studio.applied()
    for day in (1, 2):
        clock.now = (20_000 + day) * DAY_S
        acting = run_together([lambda: studio.act_in(own)] * 6)
        assert [one.tenant for one in acting] == [own.id] * 6
        assert studio.entries() == [(studio.owner.id, own.id)] * day


def test_who_has_a_reviewer_is_the_same_for_one_tenant_and_for_all(studio: Studio) -> None:
    """For all tenants at once each table is read once; with a person of the manager no key is read."""
    for name in ("Ada Films", "Ben Films"):
        studio.approved(name=name)
    accounts, everything = studio.accounts, studio.accounts.list_tenants
    ada, ben = (one.id for one in studio.managed())
    other = accounts.create_tenant("Elsewhere").id
    all_managed = {studio.tenant, ada, ben}

    def reviewed() -> set[str]:
        read.clear()
        found = accounts.managed.with_reviewer(everything())
        assert read == ["tenants", "people", "api_keys"]
        assert found == {one.id for one in everything() if accounts.managed.has_reviewer(one.id)}
        return set(found)

    with tables_read(studio.database) as read:
        studio.key(other, KeyScope.REVIEW)
        studio.key(studio.tenant, KeyScope.VIDEOS_READ)
        assert reviewed() == {other}
        for tenant, scope, of in (
            (ben, KeyScope.VAULT, {ben}),
            (studio.tenant, KeyScope.REVIEW, all_managed),
        ):
            key = studio.key(tenant, scope)
            assert reviewed() == {other, *of}
            accounts.revoke_key(tenant, key.id)
        assert reviewed() == {other}
        with studio.database.transaction(studio.tenant) as tx:
            add_person(tx, "user_grace", role=Role.REVIEWER)
        assert reviewed() == {other, *all_managed}
        read.clear()
        assert accounts.managed.has_reviewer(ada)
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
