"""Sign-in with password and one-time code: no enumeration, no replay, a limit, and single-use invitations."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from safelight.accounts import OPERATOR, Accounts, Principal, Role
from safelight.accounts.people import NewPerson, PasswordHasher, People, PersonState, Proofs, SignedIn, SignIn
from safelight.accounts.people.invitations import INVITATION_TTL_S
from safelight.accounts.people.passwords import MAX_WAITING
from safelight.accounts.people.rotation import TOTP_SECRETS, SecretRotation
from safelight.accounts.people.sign_in import CHANGE_TTL_S, FAILURE_WINDOW_S, MAX_FAILURES
from safelight.accounts.sessions import SESSION_IDLE_S, SESSION_TTL_S
from safelight.core.errors import InvalidField, RateLimited, SafelightError, Unauthenticated
from safelight.store.database import Database
from safelight.store.key_ring import KeyRing
from safelight.store.tables import audit_log, invitations, people, sign_in_failures
from support.concurrency import run_together
from support.people import PASSWORD, FastHasher, one_time_code
from support.review_room import Clock

ADA = "ada@example.com"
WRONG = Proofs(password="wrong horse battery", code="000000")


class HookedHasher(FastHasher):
    """Calls a function while a password is checked."""

    during: Callable[[], object] = staticmethod(lambda: None)

    def verify(self, password: str, stored: str | None) -> bool:
        is_right = super().verify(password, stored)
        self.during()
        return is_right


class Door:
    """A tenant with one invited person, and the door through which people come in."""

    def __init__(self, database: Database, keys: KeyRing, clock: Clock, operator: Principal) -> None:
        self.database, self.keys, self.clock, self.operator = database, keys, clock, operator
        self.hasher = HookedHasher()
        self.desk = SignIn(database, keys, self.hasher)
        self.people = People(database)
        self.sessions = Accounts(database).sessions
        self.invitation = self.invite("Ada")

    def invite(self, name: str = "Bo", role: Role = Role.OWNER) -> str:
        new = NewPerson(name=name, email=f"{name.lower()}@example.com", role=role)
        return self.people.add(self.operator, new).token

    def proofs(self, secret: str, **changed: str) -> Proofs:
        code = one_time_code(secret, self.clock.now)
        return Proofs(**{"password": PASSWORD, "code": code, **changed})

    def accept(self, token: str = "") -> tuple[SignedIn, str]:
        """Accept an invitation, by default Ada's. Returns the session and the secret of the authenticator."""
        token = token or self.invitation
        page = self.desk.invited(token)
        proofs = self.proofs(page.totp_secret, sealed_secret=page.sealed_secret)
        return self.desk.accept(token, proofs), page.totp_secret

    def sign_in(self, secret: str, email: str = ADA) -> SignedIn:
        return self.desk.sign_in(email, self.proofs(secret))

    def fail(self, email: str = ADA, proofs: Proofs = WRONG) -> str:
        with pytest.raises(Unauthenticated) as problem:
            self.desk.sign_in(email, proofs)
        return str(problem.value)

    def count_failures(self) -> int:
        with self.database.across_tenants("counting failures", readonly=True) as tx:
            return tx.count(sign_in_failures)

    def stored(self, table: Any) -> list[Any]:
        with self.database.read_transaction(self.operator.tenant) as tx:
            return list(tx.select(table))


@pytest.fixture
def keys(tmp_path: Path) -> KeyRing:
    return KeyRing.load(tmp_path / "keys", "secrets", remedy="none")


@pytest.fixture
def door(database: Database, keys: KeyRing, clock: Clock, operator: Principal) -> Door:
    return Door(database, keys, clock, operator)


def test_an_invited_person_sets_password_and_authenticator_and_signs_in(door: Door) -> None:
    first, secret = door.accept()
    assert door.sessions.authenticate(first.token).role is Role.OWNER
    assert len(first.recovery_codes) == 10
    rows = repr((door.stored(people), door.stored(invitations)))
    for plain in (secret, PASSWORD, door.invitation, first.token, *first.recovery_codes):
        assert plain not in rows
    door.clock.now += 60
    again = door.sign_in(secret, " ADA@example.com ")
    assert again.token != first.token
    assert door.sessions.authenticate(again.token).name == "Ada"


def test_an_invitation_works_once_and_for_seven_days(door: Door) -> None:
    door.accept()
    with pytest.raises(Unauthenticated, match="used or expired"):
        door.accept()
    late = door.invite()
    door.clock.now += INVITATION_TTL_S + 1
    for token in (late, "invite-" + "A" * 32, "nonsense", ""):
        with pytest.raises(Unauthenticated, match="used or expired"):
            door.desk.invited(token)


def test_who_only_looks_at_an_invitation_does_not_know_the_second_factor(door: Door) -> None:
    invited, invitation = door.desk.invited, door.invitation
    seen_by_a_preview, page, seen_later = (invited(invitation) for _ in range(3))
    assert len({each.totp_secret for each in (seen_by_a_preview, page, seen_later)}) == 3
    # After a wrong code the page shows the same secret again, and only this invitation accepts it.
    assert invited(invitation, page.sealed_secret).totp_secret == page.totp_secret
    for forged in (page.sealed_secret[:-2] + "00", "00", "zz", ""):
        assert invited(invitation, forged).totp_secret != page.totp_secret
    assert invited(door.invite(), page.sealed_secret).totp_secret != page.totp_secret
    door.desk.accept(invitation, door.proofs(page.totp_secret, sealed_secret=page.sealed_secret))
    door.clock.now += 60
    for known in (seen_by_a_preview, seen_later):
        door.fail(proofs=door.proofs(known.totp_secret))


def test_a_new_invitation_replaces_the_earlier_one(door: Door) -> None:
    ada = door.desk.invited(door.invitation).person
    newer = door.people.reset(door.operator, ada.id).token
    with pytest.raises(Unauthenticated):
        door.desk.invited(door.invitation)
    assert door.desk.invited(newer).person.id == ada.id
    door.people.disable(door.operator, ada.id)
    with pytest.raises(Unauthenticated):
        door.desk.invited(newer)


def test_a_weak_password_and_a_wrong_code_leave_the_invitation_open(door: Door) -> None:
    page = door.desk.invited(door.invitation)
    weak = [
        door.proofs(page.totp_secret, password=password, sealed_secret=page.sealed_secret)
        for password in ("short", "aaaaaaaaaaaaaaa", ADA, "x" * 201)
    ]
    for param, proofs in [
        *(("password", each) for each in weak),
        ("code", Proofs(password=PASSWORD, code="000 000x")),
    ]:
        with pytest.raises(InvalidField) as problem:
            door.desk.accept(door.invitation, proofs)
        assert problem.value.param == param
    door.accept()


def test_every_failure_has_the_same_answer(door: Door) -> None:
    _, secret = door.accept()
    door.invite()
    door.clock.now += 60
    right = door.proofs(secret)
    answers = {
        door.fail(email, proofs)
        for email, proofs in (
            ("nobody@example.com", right),
            ("bo@example.com", right),
            (ADA, Proofs(password=WRONG.password, code=right.code)),
            (ADA, Proofs(password=PASSWORD, code="123456" if right.code != "123456" else "654321")),
            (ADA, Proofs(password=PASSWORD, code="")),
            ("", Proofs(password="", code="")),
            ("\ud800", Proofs(password="\ud800", code="\ud800")),
            (ADA + "\x00", right),
        )
    }
    assert len(answers) == 1


def test_a_one_time_code_is_accepted_once(door: Door) -> None:
    _, secret = door.accept()
    door.fail(proofs=door.proofs(secret))
    door.clock.now += 30
    outcomes = run_together([lambda: door.sign_in(secret)] * 6)
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["SignedIn"] + ["Unauthenticated"] * 5


def test_a_recovery_code_replaces_the_authenticator_once(door: Door) -> None:
    first, _ = door.accept()
    proofs = Proofs(password=PASSWORD, code=first.recovery_codes[4].upper())
    principal = door.desk.sign_in(ADA, proofs).session.principal
    door.fail(proofs=proofs)
    assert door.people.get(principal.tenant, principal.id).recovery_codes_left == 9


@pytest.mark.parametrize("email", [ADA, "nobody@example.com"])
def test_failures_are_limited_for_known_and_unknown_people_alike(door: Door, email: str) -> None:
    _, secret = door.accept()
    for _ in range(MAX_FAILURES):
        door.fail(email)
    door.clock.now += 60
    with pytest.raises(RateLimited) as problem:
        door.sign_in(secret, email)
    assert 0 < (problem.value.retry_after_s or 0) <= FAILURE_WINDOW_S
    door.clock.now += FAILURE_WINDOW_S
    if email == ADA:
        door.sign_in(secret)


def test_a_session_ends_when_idle_and_after_a_day_however_much_it_is_used(door: Door) -> None:
    first, secret = door.accept()
    began = door.clock.now
    while door.clock.now < began + SESSION_TTL_S - SESSION_IDLE_S:
        door.clock.now += SESSION_IDLE_S - 61
        door.sessions.authenticate(first.token)
    door.clock.now = began + SESSION_TTL_S + 1
    with pytest.raises(Unauthenticated):
        door.sessions.authenticate(first.token)
    second = door.sign_in(secret)
    door.clock.now += SESSION_IDLE_S + 1
    with pytest.raises(Unauthenticated):
        door.sessions.authenticate(second.token)


def test_a_person_changes_password_and_authenticator_which_ends_all_other_sessions(door: Door) -> None:
    first, secret = door.accept()
    principal = first.session.principal
    with pytest.raises(Unauthenticated, match="password is wrong"):
        door.desk.begin_change(principal, WRONG.password)
    late = door.desk.begin_change(principal, PASSWORD).token
    door.clock.now += CHANGE_TTL_S + 1
    with pytest.raises(Unauthenticated):
        door.desk.invited(late)
    change = door.desk.begin_change(principal, PASSWORD).token
    assert door.sessions.authenticate(first.token) == principal
    changed, new_secret = door.accept(change)
    assert new_secret != secret
    with pytest.raises(Unauthenticated):
        door.sessions.authenticate(first.token)
    assert door.sessions.list(principal) == (changed.session,)
    door.clock.now += 60
    door.fail(proofs=door.proofs(secret))


@pytest.mark.parametrize("remedy", ["disable", "reset"])
def test_a_person_who_is_disabled_or_reset_while_the_password_is_checked_gets_no_link(
    door: Door, remedy: str
) -> None:
    eve = door.accept()[0].session.principal
    door.accept(door.invite())
    fresh: list[str] = []

    def remove() -> None:
        if remedy == "disable":
            door.people.disable(door.operator, eve.id)
        else:
            fresh.append(door.people.reset(door.operator, eve.id).token)

    door.hasher.during = remove
    with pytest.raises(Unauthenticated):
        door.desk.begin_change(eve, PASSWORD)
    for token in fresh:
        assert door.desk.invited(token).person.id == eve.id
    assert door.people.get(eve.tenant, eve.id).state is not PersonState.ACTIVE


def test_accepting_one_link_ends_all_others_and_a_disabled_person_accepts_none(door: Door) -> None:
    (kept,) = door.stored(invitations)
    eve = door.accept()[0].session.principal
    change = door.desk.begin_change(eve, PASSWORD).token

    def restore() -> None:
        with door.database.transaction(door.operator.tenant) as tx:
            tx.insert(invitations, **kept._mapping)

    restore()
    door.accept(change)
    with pytest.raises(Unauthenticated):
        door.desk.invited(door.invitation)
    door.accept(door.invite())
    door.people.disable(door.operator, eve.id)
    restore()
    with pytest.raises(Unauthenticated):
        door.accept()
    assert door.people.get(eve.tenant, eve.id).state is PersonState.DISABLED


@pytest.mark.both_databases
def test_attempts_at_the_same_time_do_not_exceed_the_limit_of_failures(door: Door) -> None:
    door.accept()
    checked: list[bool] = []
    door.hasher.during = lambda: checked.append(True)
    outcomes = run_together([lambda: door.desk.sign_in(ADA, WRONG)] * 20)
    assert {type(outcome) for outcome in outcomes} <= {Unauthenticated, RateLimited}
    assert len(checked) <= MAX_FAILURES


def test_only_failures_of_people_are_in_the_audit_log_without_what_was_typed(door: Door) -> None:
    ada = door.accept()[0].session.principal
    for email in (ADA, "nobody@example.com", PASSWORD):
        door.fail(email)
    with door.database.across_tenants("reading the log", readonly=True) as tx:
        entries = tx.select(audit_log, audit_log.c.event == "sign_in.failed")
    assert [each.subject for each in entries] == [ada.id]
    assert door.count_failures() == 3


def test_a_hash_for_which_too_many_wait_is_refused_and_counts_as_no_failure(door: Door) -> None:
    hasher = PasswordHasher()
    for _ in range(2 + MAX_WAITING):
        assert hasher._places.acquire(blocking=False)
    with pytest.raises(RateLimited, match="at this moment"):
        SignIn(door.database, door.keys, hasher).sign_in(ADA, WRONG)
    assert door.count_failures() == 0
    hasher._places.release()
    assert not hasher.verify(PASSWORD, None)


def test_a_rotation_of_the_key_keeps_every_secret_even_if_it_was_interrupted(door: Door) -> None:
    _, secret = door.accept()
    open_one = door.invite()
    page = door.desk.invited(open_one)
    rotation = SecretRotation(door.database, door.keys, (TOTP_SECRETS,))
    for _ in range(3):
        door.keys.add_key()  # a rotation that was killed after it had added a key
        rotation.rotate(by=OPERATOR)
        stored = [row.totp_secret for row in door.stored(people) if row.totp_secret is not None]
        assert [door.keys.is_current(each) for each in stored] == [True]
        door.clock.now += 60
        door.sign_in(secret)
    # The page of an invitation that was open before shows another secret now.
    assert door.desk.invited(open_one, page.sealed_secret).totp_secret != page.totp_secret
    door.accept(open_one)


@pytest.mark.both_databases
def test_rotations_at_the_same_time_keep_every_secret(door: Door, tmp_path: Path) -> None:
    _, secret = door.accept()
    rotations = [
        SecretRotation(
            door.database, KeyRing.load(tmp_path / "keys", "secrets", remedy="none"), (TOTP_SECRETS,)
        )
        for _ in range(3)
    ]
    assert run_together([partial(rotation.rotate, by=OPERATOR) for rotation in rotations]) == [1, 1, 1]
    door.clock.now += 60
    door.sign_in(secret)


def test_a_rotation_without_the_present_key_changes_nothing(door: Door, tmp_path: Path) -> None:
    door.accept()
    other = KeyRing.load(tmp_path / "others", "secrets", remedy="none")
    before = (tmp_path / "others" / "secrets.key").read_bytes()
    with pytest.raises(SafelightError, match="cannot be decrypted"):
        SecretRotation(door.database, other, (TOTP_SECRETS,)).rotate(by=OPERATOR)
    assert (tmp_path / "others" / "secrets.key").read_bytes() == before


def test_the_real_hash_knows_its_password_in_every_unicode_form() -> None:
    hasher = PasswordHasher()
    stored = hasher.hash("caf\u00e9 au lait, please")
    assert stored.startswith("scrypt$15$8$3$")
    assert hasher.verify("cafe\u0301 au lait, please", stored)
    assert not hasher.verify("cafe au lait, please", stored)
    assert not hasher.verify("anything", None)
