"""Invitations, roles and the last owner, on every database."""

from __future__ import annotations

import pytest

from safelight.accounts import OPERATOR, Accounts, KeyScope, Principal, ReviewRank, Role
from safelight.accounts.deciders import find_holders
from safelight.accounts.people import KeysOfDisabled, NewPerson, People, Person, PersonState
from safelight.accounts.sessions import open_session
from safelight.accounts.store import principal_of_person
from safelight.core.errors import Conflict, Forbidden, InvalidField, NotFound, Unauthenticated
from safelight.policy.findings import Stage
from safelight.store.database import Database
from safelight.store.tables import audit_log, cases, people
from safelight.videos.case_rows import CaseKind, NewCase, open_case
from safelight.videos.case_rows.models import LEASE_S
from support.people import person
from support.videos import add_video


class Office:
    """The people of a tenant and what its operator does."""

    def __init__(self, database: Database, enrolled: People, operator: Principal) -> None:
        self.database, self.enrolled, self.operator = database, enrolled, operator
        self.accounts = Accounts(database, cache_s=0)
        self.tenant = operator.tenant

    def add(self, name: str, role: Role, /, **fields: str) -> Person:
        new = NewPerson(**{"name": name, "email": f"{name}@example.com", "role": role, **fields})
        return self.enrolled.add(self.operator, new).person

    def add_active(self, name: str, role: Role) -> tuple[Person, str]:
        """A person who has accepted, with the token of an open session."""
        added = self.add(name, role)
        with self.database.transaction(self.tenant) as tx:
            tx.update(people, people.c.id == added.id, state=PersonState.ACTIVE.value)
            row = tx.one(people, people.c.id == added.id)
            principal = None if row is None else principal_of_person(row)
            assert principal is not None
            return added, open_session(tx, principal)[1]

    def holders(self, scope: KeyScope) -> frozenset[str]:
        with self.database.read_transaction(self.tenant) as tx:
            return find_holders(tx, {scope})


@pytest.fixture
def office(database: Database, enrolled: People, operator: Principal) -> Office:
    return Office(database, enrolled, operator)


@pytest.mark.both_databases
def test_only_one_person_of_a_tenant_has_an_address_whatever_its_case(office: Office) -> None:
    added = office.add("Ada", Role.REVIEWER, email=" Ada@Example.com")
    assert (added.email, added.state) == ("ada@example.com", PersonState.INVITED)
    with pytest.raises(Conflict, match="exists already"):
        office.add("Eve", Role.OWNER, email="ada@example.COM")
    assert [each.name for each in office.enrolled.list(office.operator)] == ["Ada"]
    other = person(office.accounts.create_tenant("Other").id, identity=OPERATOR)
    assert office.enrolled.list(other) == ()
    for find in (
        lambda: office.enrolled.disable(other, added.id),
        lambda: office.enrolled.get(other.tenant, added.id),
    ):
        with pytest.raises(NotFound):
            find()


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"name": ""}, "name"),
        ({"name": "Ada\n", "email": "a b@b.org"}, "email"),
        ({"email": "nobody"}, "email"),
        ({"language": "tlh"}, "language"),
        ({"name": "A\x00da"}, "name"),
    ],
)
def test_bad_input_names_the_field(office: Office, fields: dict[str, str], param: str) -> None:
    with pytest.raises(InvalidField) as problem:
        office.add("Ada", Role.CREATOR, **fields)
    assert problem.value.param == param
    assert office.enrolled.list(office.operator) == ()


def test_a_new_role_and_the_end_of_a_person_apply_to_the_next_request_of_an_open_session(
    office: Office,
) -> None:
    ada, token = office.add_active("ada", Role.SENIOR_REVIEWER)
    before = office.accounts.sessions.authenticate(token)
    assert before.review_rank is ReviewRank.SENIOR
    assert office.holders(KeyScope.REVIEW) == {ada.id}
    assert office.holders(KeyScope.VAULT) == frozenset()
    office.enrolled.change_role(office.operator, ada.id, Role.CREATOR)
    after = office.accounts.sessions.authenticate(token)
    assert (after.role, after.review_rank) == (Role.CREATOR, ReviewRank.NONE)
    assert (before.has_scope(KeyScope.REVIEW), after.has_scope(KeyScope.REVIEW)) == (True, False)
    office.enrolled.change_role(office.operator, ada.id, Role.REVIEWER)
    office.enrolled.disable(office.operator, ada.id)
    with pytest.raises(Unauthenticated):
        office.accounts.sessions.authenticate(token)
    assert office.holders(KeyScope.REVIEW) == frozenset()
    with pytest.raises(Conflict, match="disabled already"):
        office.enrolled.disable(office.operator, ada.id)


@pytest.mark.parametrize(
    ("keys", "revoked"),
    [
        (KeysOfDisabled.PRIVILEGED, {"own", "made with own", "made with a revoked key"}),
        (KeysOfDisabled.ALL, {"own", "made with own", "made with a revoked key", "application"}),
        (KeysOfDisabled.NONE, set()),
    ],
)
def test_the_keys_that_a_disabled_person_created_are_shown_and_revoked_as_asked(
    office: Office, keys: KeysOfDisabled, revoked: set[str]
) -> None:
    ada, _ = office.add_active("ada", Role.OWNER)
    office.add_active("bo", Role.OWNER)
    create, tenant, admin = office.accounts.create_key, office.tenant, {KeyScope.ADMIN}
    first, own = create(tenant, "own", admin, by=ada.id)
    gone, _ = create(tenant, "gone", admin, by=ada.id)
    tokens = {
        "own": own,
        "made with own": create(tenant, "made with own", {KeyScope.REVIEW}, by=first.id)[1],
        "made with a revoked key": create(tenant, "made with a revoked key", {KeyScope.POLICY}, by=gone.id)[
            1
        ],
        "application": create(tenant, "application", by=first.id)[1],
        "of the operator": create(tenant, "of the operator", admin)[1],
    }
    office.accounts.revoke_key(tenant, gone.id)
    office.enrolled.reset(office.operator, ada.id)
    office.accounts.authenticate(own)
    done = office.enrolled.disable(office.operator, ada.id, keys)
    assert {key.name for key in done.revoked_keys} == revoked
    assert {key.name for key in done.kept_keys} == set(tokens) - revoked - {"of the operator"}
    for name, token in tokens.items():
        if name in revoked:
            with pytest.raises(Unauthenticated):
                office.accounts.authenticate(token)
        else:
            office.accounts.authenticate(token)


def test_the_last_active_owner_stays(office: Office) -> None:
    first, token = office.add_active("ada", Role.OWNER)
    enrolled, operator, owner = office.enrolled, office.operator, office.accounts.sessions.authenticate(token)
    invited = office.add("Bo", Role.OWNER)
    for change in (
        lambda: enrolled.disable(operator, first.id),
        lambda: enrolled.reset(owner, first.id),
        lambda: enrolled.change_role(operator, first.id, Role.REVIEWER),
    ):
        with pytest.raises(Conflict, match="last active owner"):
            change()
    enrolled.change_role(operator, invited.id, Role.CREATOR)
    second, _ = office.add_active("cy", Role.OWNER)
    enrolled.disable(operator, first.id)
    with pytest.raises(Conflict, match="last active owner"):
        enrolled.disable(operator, second.id)
    # An owner who has lost everything is helped at the terminal.
    assert enrolled.reset(operator, second.id).person.state is PersonState.INVITED


def test_only_the_scope_people_lets_a_person_manage_people(office: Office) -> None:
    ada, token = office.add_active("ada", Role.TRUST_LEAD)
    enrolled, lead = office.enrolled, office.accounts.sessions.authenticate(token)
    for attempt in (
        lambda: enrolled.add(lead, NewPerson(name="Eve", email="e@example.com", role=Role.OWNER)),
        lambda: enrolled.change_role(lead, ada.id, Role.OWNER),
        lambda: enrolled.list(lead),
        lambda: enrolled.disable(lead, ada.id),
        lambda: enrolled.reset(lead, ada.id),
    ):
        with pytest.raises(Forbidden):
            attempt()


def test_every_change_is_in_the_audit_log(office: Office) -> None:
    ada, _ = office.add_active("ada", Role.REVIEWER)
    office.enrolled.change_role(office.operator, ada.id, Role.AUDITOR)
    office.enrolled.reset(office.operator, ada.id)
    office.enrolled.disable(office.operator, ada.id)
    with office.database.read_transaction(office.tenant) as tx:
        rows = tx.select(audit_log, audit_log.c.subject == ada.id, order_by=(audit_log.c.seq,))
    assert [row.event for row in rows] == [
        "person.added",
        "session.opened",
        "person.role_changed",
        "person.reset",
        "session.ended",
        "person.disabled",
    ]


@pytest.mark.both_databases
@pytest.mark.parametrize("change", ["role", "disable", "reset", "key"])
def test_cases_that_a_person_has_open_return_to_the_queue_with_the_loss_of_the_role(
    office: Office, change: str
) -> None:
    ada, _ = office.add_active("ada", Role.REVIEWER)
    key, _ = office.accounts.create_key(office.tenant, "tool", {KeyScope.REVIEW}, by=ada.id)
    held = {}
    with office.database.transaction(office.tenant) as tx:
        for holder in (ada.id, key.id, "user_bo"):
            hold = NewCase(
                video_id=add_video(tx), kind=CaseKind.HOLD, stage=Stage.PROMPT, due_at=tx.now() + 9
            )
            held[holder] = open_case(tx, hold, actor="policy").id
            lease = {"leased_by": holder, "leased_until": tx.now() + LEASE_S, "reserved": holder == ada.id}
            tx.update(cases, cases.c.id == held[holder], **lease)
    enrolled, operator = office.enrolled, office.operator
    match change:
        case "role":
            enrolled.change_role(operator, ada.id, Role.CREATOR)
        case "disable":
            enrolled.disable(operator, ada.id)
        case "reset":
            enrolled.reset(operator, ada.id)
        case "key":
            office.accounts.revoke_key(office.tenant, key.id, by=ada.id)
    freed = {"role": {ada.id}, "disable": {ada.id, key.id}, "reset": {ada.id}, "key": {key.id}}[change]
    with office.database.read_transaction(office.tenant) as tx:
        rows = {row.id: row for row in tx.select(cases)}
    assert {who for who, case_id in held.items() if rows[case_id].leased_by is None} == freed
    assert not any(rows[held[who]].reserved for who in freed)
