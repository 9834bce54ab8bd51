"""What a reviewer may not decide at home, the same person may not decide while acting in a managed tenant."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace

import pytest

from safelight.accounts import ROLES, KeyScope, Principal, PrincipalKind, Role, find_same_people
from safelight.accounts.access_requests import AccessGrant
from safelight.cases.appeals import Appeals, AppealState
from safelight.cases.inputs import DecisionRequest
from safelight.cases.reports import NewReport
from safelight.cases.reviews import ReviewQueue
from safelight.core.errors import Forbidden
from safelight.store.database import Database
from safelight.store.tables import cases
from safelight.videos.case_rows import Case, ExposureLog
from safelight.videos.models import Video, VideoState
from safelight.videos.reinstatement import appealable
from support.people import add_person

from .conftest import Furnish, House

REFUSE = DecisionRequest(action="refuse", reason="No.", clause="ha-2", facts="It is shown.")
APPROVE = DecisionRequest(action="approve", reason="It is a play.")


@pytest.fixture
def house(furnish: Furnish) -> House:
    return furnish(access={"requests": True, "invitations": 1})


@pytest.fixture
def ada(house: House) -> Principal:
    return enrol(house, 1)


def enrol(house: House, number: int) -> Principal:
    """A person with all rights of a reviewer and of an owner."""
    persistence, name, role = house.container.persistence, f"user_{number:032}", Role.OWNER
    with persistence.database.transaction(persistence.tenant) as tx:
        add_person(tx, name, role=role)
    scopes = ROLES[role].scopes
    return Principal(
        tenant=persistence.tenant, id=name, kind=PrincipalKind.PERSON, name=name, scopes=scopes, role=role
    )


def enter_tenant_of_applicant(house: House) -> Callable[[Principal], Principal]:
    """Let the house request videos for an applicant. Returns how staff act in the applicant's tenant."""
    access = house.standing.access
    made, token = access.request(house.who.tenant, name="Film", contact="a@b.example", purpose="Films.")
    access.approve(house.who, made.id, reason="Yes.", grant=AccessGrant())
    return _enter(house, access.collect(token)[1])


def enter_tenant_of_invited(house: House, inviter: Principal) -> Callable[[Principal], Principal]:
    """The same for a person whom `inviter` invited."""
    invitations = house.standing.invitations
    return _enter(house, invitations.accept(invitations.invite(inviter)[0], name="Film")[1])


def _enter(house: House, key: str | None) -> Callable[[Principal], Principal]:
    accounts = house.accounts
    assert key is not None
    house.who = accounts.authenticate(key)
    return lambda principal: accounts.managed.act_in(principal, house.who.tenant)


def key_of(house: House, owner: Principal) -> Principal:
    """A key that this person created in the own tenant."""
    accounts, scopes = house.accounts, {KeyScope.REVIEW, KeyScope.VIDEOS_READ}
    return accounts.authenticate(accounts.create_key(owner.tenant, "own", scopes, by=owner.id)[1])


def held(house: House) -> Video:
    video = house.make()
    assert video.state is VideoState.HELD
    return video


def open_case(house: House, reviewer: Principal) -> Case:
    (case,) = house.reviews.list(reviewer).items
    return case


def test_a_person_and_their_keys_are_one_person_in_a_managed_tenant(house: House, ada: Principal) -> None:
    mine, others = key_of(house, ada), key_of(house, enrol(house, 2))
    enter_tenant_of_applicant(house)
    with house.read_transaction() as tx:
        assert find_same_people(tx, {mine.id}) == {mine.id, ada.id}
        assert find_same_people(tx, {ada.id}) == {mine.id, ada.id}
        assert others.id not in find_same_people(tx, {mine.id, house.who.id})


def test_whoever_decided_with_a_key_does_not_decide_the_appeal_in_a_managed_tenant(
    house: House, ada: Principal
) -> None:
    ben, own_key = enrol(house, 2), key_of(house, ada)
    act = enter_tenant_of_applicant(house)
    video, reviews = held(house), house.reviews
    reviews.decide(act(own_key), open_case(house, act(ada)).id, REFUSE)
    appeal = house.appeals.add(house.who, video.id, text="It is a play.")
    for who in (ada, own_key):
        assert house.container.case_reads.review_queue.take_next(act(who)) is None
        with pytest.raises(Forbidden, match="cannot decide this appeal"):
            reviews.decide(act(who), appeal.case_id, replace(REFUSE, action="uphold"))
    reviews.decide(act(ben), appeal.case_id, replace(REFUSE, action="uphold"))


def test_a_reviewer_does_not_decide_the_own_report_in_a_managed_tenant_if_another_can(
    house: House, ada: Principal
) -> None:
    ben, own_key = enrol(house, 2), key_of(house, ada)
    act = enter_tenant_of_applicant(house)
    house.container.correspondence.reports.add(
        act(own_key), NewReport(video_id=delivered(house, act(ada)).id, category="violence", note="x")
    )
    reviews, case = house.reviews, open_case(house, act(ada))
    for who in (ada, own_key):
        with pytest.raises(Forbidden, match="cannot decide this case"):
            reviews.decide(act(who), case.id, replace(REFUSE, action="withdraw"))
    reviews.decide(act(ben), case.id, replace(REFUSE, action="withdraw"))


def delivered(house: House, reviewer: Principal) -> Video:
    video = held(house)
    reviews = house.reviews
    reviews.decide(reviewer, open_case(house, reviewer).id, APPROVE)
    return house.carry(video)


def test_whoever_invited_does_not_decide_the_cases_of_the_invited_tenant_if_another_can(
    house: House, ada: Principal
) -> None:
    own_key = key_of(house, ada)
    act = enter_tenant_of_invited(house, ada)
    alone, reviews = held(house), house.reviews
    reviews.decide(act(ada), open_case(house, act(ada)).id, APPROVE)
    assert house.carry(alone).state is VideoState.DELIVERED, "nobody else could decide it"
    video = held(house)
    ben = enrol(house, 2)
    for who in (ada, own_key):
        with pytest.raises(Forbidden, match="invited"):
            reviews.decide(act(who), open_case(house, act(who)).id, APPROVE)
    reviews.decide(act(ben), open_case(house, act(ben)).id, REFUSE)
    appeal = house.appeals.add(house.who, video.id, text="It is a play.")
    for who in (ada, ben):
        with pytest.raises(Forbidden, match="cannot decide this appeal"):
            reviews.decide(act(who), appeal.case_id, replace(APPROVE, action="overturn"))


@pytest.fixture
def one_connection(database_url: str) -> Iterator[Database]:
    """The same database for a process with one connection, in which a second one is not waited for long."""
    with closing(Database(database_url, connections=1, wait_s=1.0)) as database:
        yield database


def test_an_appeal_is_sent_and_read_with_one_connection_and_says_whether_anybody_can_decide_it(
    house: House, ada: Principal, one_connection: Database
) -> None:
    act = enter_tenant_of_applicant(house)
    video = held(house)
    house.reviews.decide(act(ada), open_case(house, act(ada)).id, REFUSE)
    appeals = Appeals(
        one_connection,
        subject=appealable,
        keys=house.container.persistence.people.keys,
    )
    with pytest.raises(Forbidden, match="Only the keys of this tenant"):
        appeals.add(act(ada), video.id, text="Nothing.")
    sent = appeals.add(house.who, video.id, text="It is a play.")
    assert sent.state is AppealState.WAITING
    assert appeals.get(house.who, video.id) == sent
    assert appeals.of_statement(house.who, sent.statement_id) == sent
    # Only the person who decided is enrolled, but the operator can decide.
    assert not sent.no_eligible_reviewer
    # Of the reviewers of the manager, those who are not involved count for a quarantined appeal.
    with house.transaction() as tx:
        tx.update(cases, cases.c.id == sent.case_id, quarantined=True)
    assert appeals.get(house.who, video.id).no_eligible_reviewer
    house.accounts.create_key(ada.tenant, "officer", {KeyScope.VAULT})
    assert not appeals.get(house.who, video.id).no_eligible_reviewer


def test_the_queue_of_a_managed_tenant_needs_one_connection(
    house: House, ada: Principal, one_connection: Database
) -> None:
    act = enter_tenant_of_applicant(house)
    held(house)
    held(house)
    queue_of_house = house.container.case_reads.review_queue
    queue_of_house.decline_categories(act(ada), ["violence"])
    exposure = ExposureLog(one_connection, budget=1.0)
    queue = ReviewQueue(one_connection, taxonomy=queue_of_house._taxonomy, exposure=exposure)
    first = queue.take_next(act(ada))
    assert first is not None
    queue.reserve_next(act(ada), first.id)
