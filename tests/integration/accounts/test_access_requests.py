"""Requests for access: a key with the terms of the decision, made once and whole or not at all."""

from __future__ import annotations

import pytest

from safelight.accounts import Accounts, Principal
from safelight.accounts import access_requests as access_module
from safelight.accounts.access_requests import AccessLimits, AccountAccess
from safelight.accounts.models import AccessState, account_subject
from safelight.accounts.terms import NO_TERMS, AccountTerms, Terms
from safelight.core.errors import Conflict, InvalidField, SafelightError, Unauthenticated
from safelight.policy.verdicts import Audience
from safelight.store.database import Database
from support.concurrency import run_together
from support.people import person


class Studio:
    """A tenant whose owner grants access to applicants."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.accounts = Accounts(database)
        self.access = AccountAccess(database, AccessLimits(accepts_requests=True, requests_per_hour=500))
        self.owner: Principal = person(self.accounts.create_tenant("Studio").id)
        self.tenant = self.owner.tenant

    def ask(self, name: str = "Ada Films") -> tuple[str, str]:
        """The id and the token of a request."""
        made, token = self.access.request(self.tenant, name=name, contact="ada@example.com", purpose="Films.")
        return made.id, token

    def approve(self, request: str, terms: Terms = NO_TERMS) -> None:
        self.access.approve(self.owner, request, reason="Welcome.", terms=terms)

    def approved(self, name: str = "Ada Films") -> tuple[str, str]:
        """The id and the token of a request that was granted."""
        request, token = self.ask(name)
        self.approve(request)
        return request, token

    def collect(self, token: str) -> str:
        key = self.access.collect(token)[1]
        assert key is not None
        return key

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


def test_an_applicant_gets_a_key_of_the_tenant_with_the_terms_of_the_decision(studio: Studio) -> None:
    request, token = studio.ask()
    terms = Terms(audience=Audience.MINORS, review_first=3, videos_per_day=5, seconds_per_day=40)
    studio.approve(request, terms)
    applicant = studio.accounts.authenticate(studio.collect(token))
    assert applicant.tenant == studio.tenant
    saved = AccountTerms(studio.database).get(studio.owner, account_subject(applicant.id))
    assert (saved.terms, saved.revision) == (terms, 1)


def test_names_of_strangers_become_one_printable_line(studio: Studio) -> None:
    names = {"Ada  \n Films\u202e": "Ada Films", "\u200b": "Applicant", "x" * 100: "x" * 100, "影片": "影片"}
    for name in names:
        studio.collect(studio.approved(name)[1])
    assert [one.name for one in studio.accounts.list_keys(studio.tenant)] == list(names.values())


@pytest.mark.both_databases
def test_a_request_is_granted_once_and_its_key_is_collected_once_by_several_at_once(studio: Studio) -> None:
    request, token = studio.ask()
    outcomes = run_together([lambda: studio.approve(request)] * 4)
    assert [isinstance(outcome, SafelightError) for outcome in outcomes].count(True) == 3
    collected = run_together([lambda: studio.access.collect(token)[1]] * 4)
    assert [isinstance(key, str) for key in collected].count(True) == 1
    assert len(studio.accounts.list_keys(studio.tenant)) == 1


def test_wrong_terms_and_a_crash_leave_nothing_behind(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    request, token = studio.ask()

    def crash(*given: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(access_module, "_request", crash)
        with pytest.raises(KeyboardInterrupt):
            studio.approve(request, Terms(review_first=1))
    for wrong in (Terms(videos_per_day=-1), Terms(context="news")):
        with pytest.raises(InvalidField):
            studio.approve(request, wrong)
    assert studio.access.read(token).state is AccessState.WAITING
    studio.approve(request)
    with monkeypatch.context() as patch:
        patch.setattr(access_module, "_request", crash)
        with pytest.raises(KeyboardInterrupt):
            studio.access.collect(token)
    assert studio.accounts.list_keys(studio.tenant) == ()
    assert studio.collect(token)


def test_a_withdrawal_revokes_the_key_and_leaves_the_others(studio: Studio) -> None:
    other = studio.accounts.create_key(studio.tenant, "app")[1]
    request, token = studio.approved()
    key = studio.collect(token)
    assert studio.access.withdraw(studio.owner, request, reason="Left.").state is AccessState.WITHDRAWN
    assert (studio.is_refused(key), studio.is_refused(other)) == (True, False)
    with pytest.raises(Conflict):
        studio.access.withdraw(studio.owner, request, reason="Again.")
    read, none = studio.access.collect(token)
    assert (read.reason, none) == ("Left.", None)
    # Before the key was collected.
    request, token = studio.approved()
    studio.access.withdraw(studio.owner, request, reason="A mistake.")
    assert studio.access.collect(token)[1] is None
    assert len(studio.accounts.list_keys(studio.tenant)) == 2
