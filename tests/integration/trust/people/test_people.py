"""Invitations, roles and the last owner, on every database."""

from __future__ import annotations

import pytest

from safelight.errors import Conflict, Forbidden, InvalidField, NotFound, Unauthenticated
from safelight.store.database import Database
from safelight.store.tables import audit_log, people
from safelight.trust.accounts import (
    OPERATOR,
    Accounts,
    KeyScope,
    Principal,
    PrincipalKind,
    ReviewRank,
    Role,
)
from safelight.trust.accounts.deciders import find_holders
from safelight.trust.accounts.sessions import open_session
from safelight.trust.accounts.store import principal_of_person
from safelight.trust.people import KeysOfDisabled, NewPerson, People, Person, PersonState


@pytest.fixture
def accounts(database: Database) -> Accounts:
    return Accounts(database)


@pytest.fixture
def enrolled(database: Database) -> People:
    return People(database)


@pytest.fixture
def operator(accounts: Accounts) -> Principal:
    return Principal(
        tenant=accounts.create_tenant("Acme").id,
        id=OPERATOR,
        kind=PrincipalKind.PERSON,
        name="operator",
        scopes=frozenset(KeyScope),
    )


def add_active(
    database: Database, enrolled: People, operator: Principal, name: str, role: Role
) -> tuple[Person, str]:
    """A person who has accepted, with the token of an open session."""
    person = enrolled.add(operator, NewPerson(name=name, email=f"{name}@example.com", role=role)).person
    with database.transaction(operator.tenant) as tx:
        tx.update(people, people.c.id == person.id, state=PersonState.ACTIVE.value)
        row = tx.one(people, people.c.id == person.id)
        principal = None if row is None else principal_of_person(row)
        assert principal is not None
        return person, open_session(tx, principal)[1]


@pytest.mark.both_databases
def test_only_one_person_has_an_address_whatever_its_case(enrolled: People, operator: Principal) -> None:
    invitation = enrolled.add(operator, NewPerson(name="Ada", email=" Ada@Example.com", role=Role.REVIEWER))
    assert invitation.person.email == "ada@example.com"
    assert invitation.person.state is PersonState.INVITED
    with pytest.raises(Conflict, match="exists already"):
        enrolled.add(operator, NewPerson(name="Eve", email="ada@example.COM", role=Role.OWNER))
    assert [each.name for each in enrolled.list(operator)] == ["Ada"]


@pytest.mark.parametrize(
    ("name", "email", "language", "param"),
    [
        ("", "a@b.org", "en", "name"),
        ("Ada\n", "a b@b.org", "en", "email"),
        ("Ada", "nobody", "en", "email"),
        ("Ada", "a@b.org", "tlh", "language"),
        ("A\x00da", "a@b.org", "en", "name"),
    ],
)
def test_bad_input_names_the_field(
    enrolled: People, operator: Principal, name: str, email: str, language: str, param: str
) -> None:
    with pytest.raises(InvalidField) as problem:
        enrolled.add(operator, NewPerson(name=name, email=email, role=Role.CREATOR, language=language))
    assert problem.value.param == param
    assert enrolled.list(operator) == ()


def test_a_new_role_applies_to_the_next_request_of_an_open_session(
    database: Database, accounts: Accounts, enrolled: People, operator: Principal
) -> None:
    person, token = add_active(database, enrolled, operator, "ada", Role.SENIOR_REVIEWER)
    before = accounts.sessions.authenticate(token)
    assert before.review_rank is ReviewRank.SENIOR
    assert before.has_scope(KeyScope.REVIEW)
    enrolled.change_role(operator, person.id, Role.CREATOR)
    after = accounts.sessions.authenticate(token)
    assert (after.role, after.review_rank) == (Role.CREATOR, ReviewRank.NONE)
    assert not after.has_scope(KeyScope.REVIEW)


def holders(database: Database, operator: Principal, scope: KeyScope) -> frozenset[str]:
    with database.read_transaction(operator.tenant) as tx:
        return find_holders(tx, {scope})


def test_a_disabled_person_is_out_at_once_and_decides_nothing(
    database: Database, accounts: Accounts, enrolled: People, operator: Principal
) -> None:
    person, token = add_active(database, enrolled, operator, "ada", Role.REVIEWER)
    principal = accounts.sessions.authenticate(token)
    assert holders(database, operator, KeyScope.REVIEW) == {person.id}
    assert holders(database, operator, KeyScope.VAULT) == frozenset()
    enrolled.disable(operator, person.id)
    with pytest.raises(Unauthenticated):
        accounts.sessions.authenticate(token)
    assert holders(database, operator, KeyScope.REVIEW) == frozenset()
    assert enrolled.refresh(principal) is None
    assert enrolled.refresh(operator) == operator
    with pytest.raises(Conflict, match="disabled already"):
        enrolled.disable(operator, person.id)


@pytest.mark.parametrize(
    ("keys", "revoked"),
    [
        (KeysOfDisabled.PRIVILEGED, {"own", "made with own", "made with a revoked key"}),
        (KeysOfDisabled.ALL, {"own", "made with own", "made with a revoked key", "application"}),
        (KeysOfDisabled.NONE, set()),
    ],
)
def test_the_keys_that_a_disabled_person_created_are_shown_and_revoked_as_asked(
    database: Database, enrolled: People, operator: Principal, keys: KeysOfDisabled, revoked: set[str]
) -> None:
    accounts = Accounts(database, cache_s=0)
    person, _ = add_active(database, enrolled, operator, "ada", Role.OWNER)
    add_active(database, enrolled, operator, "bo", Role.OWNER)
    admin = frozenset({KeyScope.ADMIN})
    first, own = accounts.create_key(operator.tenant, "own", admin, by=person.id)
    gone, _ = accounts.create_key(operator.tenant, "gone", admin, by=person.id)
    tokens = {
        "own": own,
        "made with own": accounts.create_key(
            operator.tenant, "made with own", {KeyScope.REVIEW}, by=first.id
        )[1],
        "made with a revoked key": accounts.create_key(
            operator.tenant, "made with a revoked key", {KeyScope.POLICY}, by=gone.id
        )[1],
        "application": accounts.create_key(operator.tenant, "application", by=first.id)[1],
        "of the operator": accounts.create_key(operator.tenant, "of the operator", admin)[1],
    }
    accounts.revoke_key(operator.tenant, gone.id)
    enrolled.reset(operator, person.id)
    accounts.authenticate(own)
    done = enrolled.disable(operator, person.id, keys)
    assert {key.name for key in done.revoked_keys} == revoked
    assert {key.name for key in done.kept_keys} == set(tokens) - revoked - {"of the operator"}
    for name, token in tokens.items():
        if name in revoked:
            with pytest.raises(Unauthenticated):
                accounts.authenticate(token)
        else:
            accounts.authenticate(token)


def test_the_last_active_owner_stays(
    database: Database, accounts: Accounts, enrolled: People, operator: Principal
) -> None:
    first, token = add_active(database, enrolled, operator, "ada", Role.OWNER)
    owner = accounts.sessions.authenticate(token)
    invited = enrolled.add(operator, NewPerson(name="Bo", email="bo@example.com", role=Role.OWNER)).person
    for change in (
        lambda: enrolled.disable(operator, first.id),
        lambda: enrolled.reset(owner, first.id),
        lambda: enrolled.change_role(operator, first.id, Role.REVIEWER),
    ):
        with pytest.raises(Conflict, match="last active owner"):
            change()
    enrolled.change_role(operator, invited.id, Role.CREATOR)
    second, _ = add_active(database, enrolled, operator, "cy", Role.OWNER)
    enrolled.disable(operator, first.id)
    with pytest.raises(Conflict, match="last active owner"):
        enrolled.disable(operator, second.id)
    # An owner who has lost everything is helped at the terminal.
    assert enrolled.reset(operator, second.id).person.state is PersonState.INVITED


def test_only_the_scope_people_lets_a_person_manage_people(
    database: Database, accounts: Accounts, enrolled: People, operator: Principal
) -> None:
    person, token = add_active(database, enrolled, operator, "ada", Role.TRUST_LEAD)
    lead = accounts.sessions.authenticate(token)
    for attempt in (
        lambda: enrolled.add(lead, NewPerson(name="Eve", email="e@example.com", role=Role.OWNER)),
        lambda: enrolled.change_role(lead, person.id, Role.OWNER),
        lambda: enrolled.list(lead),
        lambda: enrolled.disable(lead, person.id),
        lambda: enrolled.reset(lead, person.id),
    ):
        with pytest.raises(Forbidden):
            attempt()


@pytest.mark.both_databases
def test_another_tenant_does_not_find_a_person(
    accounts: Accounts, enrolled: People, operator: Principal
) -> None:
    person = enrolled.add(operator, NewPerson(name="Ada", email="a@example.com", role=Role.OWNER)).person
    other = Principal(
        tenant=accounts.create_tenant("Other").id,
        id=OPERATOR,
        kind=PrincipalKind.PERSON,
        name="operator",
        scopes=frozenset(KeyScope),
    )
    assert enrolled.list(other) == ()
    with pytest.raises(NotFound):
        enrolled.disable(other, person.id)
    with pytest.raises(NotFound):
        enrolled.get(other.tenant, person.id)


def test_every_change_is_in_the_audit_log(database: Database, enrolled: People, operator: Principal) -> None:
    person, _ = add_active(database, enrolled, operator, "ada", Role.REVIEWER)
    enrolled.change_role(operator, person.id, Role.AUDITOR)
    enrolled.reset(operator, person.id)
    enrolled.disable(operator, person.id)
    with database.read_transaction(operator.tenant) as tx:
        rows = tx.select(audit_log, audit_log.c.subject == person.id, order_by=(audit_log.c.seq,))
    assert [row.event for row in rows] == [
        "person.added",
        "session.opened",
        "person.role_changed",
        "person.reset",
        "session.ended",
        "person.disabled",
    ]
