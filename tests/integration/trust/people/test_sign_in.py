"""Sign-in with password and one-time code: no enumeration, no replay, a limit, and single-use invitations."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from safelight.errors import InvalidField, RateLimited, SafelightError, Unauthenticated
from safelight.store.database import Database
from safelight.store.key_ring import KeyRing
from safelight.store.tables import audit_log, invitations, people, sign_in_failures
from safelight.trust.accounts import OPERATOR, Accounts, KeyScope, Principal, PrincipalKind, Role
from safelight.trust.accounts.sessions import SESSION_IDLE_S, SESSION_TTL_S
from safelight.trust.people import NewPerson, PasswordHasher, People, PersonState, Proofs, SignedIn, SignIn
from safelight.trust.people.failures import FAILURE_WINDOW_S, MAX_FAILURES
from safelight.trust.people.invitations import INVITATION_TTL_S
from safelight.trust.people.passwords import MAX_WAITING
from safelight.trust.people.rotation import TOTP_SECRETS, SecretRotation
from safelight.trust.people.sign_in import CHANGE_TTL_S
from support.people import PASSWORD, FastHasher, one_time_code

ADA = "ada@example.com"


class HookedHasher(FastHasher):
    """Calls a function while a password is checked."""

    during: Callable[[], object] = staticmethod(lambda: None)

    def verify(self, password: str, stored: str | None) -> bool:
        is_right = super().verify(password, stored)
        self.during()
        return is_right


class Clock:
    def __init__(self) -> None:
        self.now = 1_800_000_000.0

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
def keys(tmp_path: Path) -> KeyRing:
    return KeyRing.load(tmp_path / "keys", "secrets", remedy="none")


@pytest.fixture
def accounts(database: Database) -> Accounts:
    return Accounts(database)


@pytest.fixture
def desk(database: Database, keys: KeyRing) -> SignIn:
    return SignIn(database, keys, FastHasher())


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


@pytest.fixture
def invitation(enrolled: People, operator: Principal) -> str:
    return enrolled.add(operator, NewPerson(name="Ada", email=ADA, role=Role.OWNER)).token


def accept(desk: SignIn, clock: Clock, token: str) -> tuple[SignedIn, str]:
    """Accept an invitation. Returns the session and the secret of the authenticator."""
    page = desk.invited(token)
    proofs = Proofs(
        password=PASSWORD,
        code=one_time_code(page.totp_secret, clock.now),
        sealed_secret=page.sealed_secret,
    )
    return desk.accept(token, proofs), page.totp_secret


def test_an_invited_person_sets_password_and_authenticator_and_signs_in(
    desk: SignIn, accounts: Accounts, clock: Clock, invitation: str
) -> None:
    first, secret = accept(desk, clock, invitation)
    assert accounts.sessions.authenticate(first.token).role is Role.OWNER
    assert len(first.recovery_codes) == 10
    clock.now += 60
    again = desk.sign_in(
        " ADA@example.com ", Proofs(password=PASSWORD, code=one_time_code(secret, clock.now))
    )
    assert again.token != first.token
    assert accounts.sessions.authenticate(again.token).name == "Ada"


def test_an_invitation_works_once_and_for_seven_days(
    desk: SignIn, enrolled: People, operator: Principal, clock: Clock, invitation: str
) -> None:
    accept(desk, clock, invitation)
    with pytest.raises(Unauthenticated, match="used or expired"):
        accept(desk, clock, invitation)
    late = enrolled.add(operator, NewPerson(name="Bo", email="bo@example.com", role=Role.CREATOR)).token
    clock.now += INVITATION_TTL_S + 1
    for token in (late, "invite-" + "A" * 32, "nonsense", ""):
        with pytest.raises(Unauthenticated, match="used or expired"):
            desk.invited(token)


def test_who_only_looks_at_an_invitation_does_not_know_the_second_factor(
    desk: SignIn, enrolled: People, operator: Principal, clock: Clock, invitation: str
) -> None:
    seen_by_a_preview = desk.invited(invitation)
    page = desk.invited(invitation)
    seen_later = desk.invited(invitation)
    assert len({each.totp_secret for each in (seen_by_a_preview, page, seen_later)}) == 3
    # After a wrong code the page shows the same secret again, and only this invitation accepts it.
    assert desk.invited(invitation, page.sealed_secret).totp_secret == page.totp_secret
    other = enrolled.add(operator, NewPerson(name="Bo", email="bo@example.com", role=Role.CREATOR)).token
    for forged in (page.sealed_secret[:-2] + "00", "00", "zz", ""):
        assert desk.invited(invitation, forged).totp_secret != page.totp_secret
    assert desk.invited(other, page.sealed_secret).totp_secret != page.totp_secret
    code = one_time_code(page.totp_secret, clock.now)
    desk.accept(invitation, Proofs(password=PASSWORD, code=code, sealed_secret=page.sealed_secret))
    clock.now += 60
    for known in (seen_by_a_preview, seen_later):
        with pytest.raises(Unauthenticated):
            desk.sign_in(ADA, Proofs(password=PASSWORD, code=one_time_code(known.totp_secret, clock.now)))


def test_a_new_invitation_replaces_the_earlier_one(
    desk: SignIn, enrolled: People, operator: Principal, invitation: str
) -> None:
    person = desk.invited(invitation).person
    newer = enrolled.reset(operator, person.id).token
    with pytest.raises(Unauthenticated):
        desk.invited(invitation)
    assert desk.invited(newer).person.id == person.id
    enrolled.add(operator, NewPerson(name="Bo", email="bo@example.com", role=Role.CREATOR))
    enrolled.disable(operator, person.id)
    with pytest.raises(Unauthenticated):
        desk.invited(newer)


@pytest.mark.parametrize("password", ["short", "aaaaaaaaaaaaaaa", ADA, "x" * 201])
def test_a_weak_password_leaves_the_invitation_open(
    desk: SignIn, clock: Clock, invitation: str, password: str
) -> None:
    page = desk.invited(invitation)
    code = one_time_code(page.totp_secret, clock.now)
    with pytest.raises(InvalidField) as problem:
        desk.accept(invitation, Proofs(password=password, code=code, sealed_secret=page.sealed_secret))
    assert problem.value.param == "password"
    with pytest.raises(InvalidField) as problem:
        desk.accept(invitation, Proofs(password=PASSWORD, code="000 000x"))
    assert problem.value.param == "code"
    accept(desk, clock, invitation)


def test_every_failure_has_the_same_answer(
    desk: SignIn, enrolled: People, operator: Principal, clock: Clock, invitation: str
) -> None:
    _, secret = accept(desk, clock, invitation)
    enrolled.add(operator, NewPerson(name="Bo", email="bo@example.com", role=Role.OWNER))
    clock.now += 60
    code = one_time_code(secret, clock.now)
    answers = set()
    for email, password, digits in (
        ("nobody@example.com", PASSWORD, code),
        ("bo@example.com", PASSWORD, code),
        (ADA, "wrong horse battery", code),
        (ADA, PASSWORD, "123456" if code != "123456" else "654321"),
        (ADA, PASSWORD, ""),
        ("", "", ""),
        ("\ud800", "\ud800", "\ud800"),
        (ADA + "\x00", PASSWORD, code),
    ):
        with pytest.raises(Unauthenticated) as problem:
            desk.sign_in(email, Proofs(password=password, code=digits))
        answers.add(str(problem.value))
    assert len(answers) == 1


def test_a_one_time_code_is_accepted_once(desk: SignIn, clock: Clock, invitation: str) -> None:
    _, secret = accept(desk, clock, invitation)
    with pytest.raises(Unauthenticated):
        desk.sign_in(ADA, Proofs(password=PASSWORD, code=one_time_code(secret, clock.now)))
    clock.now += 30
    proofs = Proofs(password=PASSWORD, code=one_time_code(secret, clock.now))
    outcomes: list[bool] = []

    def attempt() -> None:
        try:
            desk.sign_in(ADA, proofs)
            outcomes.append(True)
        except Unauthenticated:
            outcomes.append(False)

    threads = [threading.Thread(target=attempt) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == [False] * 5 + [True]


def test_a_recovery_code_replaces_the_authenticator_once(
    desk: SignIn, enrolled: People, clock: Clock, invitation: str
) -> None:
    first, _ = accept(desk, clock, invitation)
    proofs = Proofs(password=PASSWORD, code=first.recovery_codes[4].upper())
    signed_in = desk.sign_in(ADA, proofs)
    with pytest.raises(Unauthenticated):
        desk.sign_in(ADA, proofs)
    principal = signed_in.session.principal
    assert enrolled.get(principal.tenant, principal.id).recovery_codes_left == 9


@pytest.mark.parametrize("email", [ADA, "nobody@example.com"])
def test_failures_are_limited_for_known_and_unknown_people_alike(
    desk: SignIn, clock: Clock, invitation: str, email: str
) -> None:
    _, secret = accept(desk, clock, invitation)
    for _ in range(MAX_FAILURES):
        with pytest.raises(Unauthenticated):
            desk.sign_in(email, Proofs(password="wrong horse battery", code="000000"))
    clock.now += 60
    right = Proofs(password=PASSWORD, code=one_time_code(secret, clock.now))
    with pytest.raises(RateLimited) as problem:
        desk.sign_in(email, right)
    assert 0 < (problem.value.retry_after_s or 0) <= FAILURE_WINDOW_S
    clock.now += FAILURE_WINDOW_S
    if email == ADA:
        desk.sign_in(ADA, Proofs(password=PASSWORD, code=one_time_code(secret, clock.now)))


def test_a_session_ends_when_idle_and_after_a_day_however_much_it_is_used(
    desk: SignIn, accounts: Accounts, clock: Clock, invitation: str
) -> None:
    first, secret = accept(desk, clock, invitation)
    began = clock.now
    while clock.now < began + SESSION_TTL_S - SESSION_IDLE_S:
        clock.now += SESSION_IDLE_S - 61
        accounts.sessions.authenticate(first.token)
    clock.now = began + SESSION_TTL_S + 1
    with pytest.raises(Unauthenticated):
        accounts.sessions.authenticate(first.token)
    second = desk.sign_in(ADA, Proofs(password=PASSWORD, code=one_time_code(secret, clock.now)))
    clock.now += SESSION_IDLE_S + 1
    with pytest.raises(Unauthenticated):
        accounts.sessions.authenticate(second.token)


def test_a_person_changes_password_and_authenticator_which_ends_all_other_sessions(
    desk: SignIn, accounts: Accounts, clock: Clock, invitation: str
) -> None:
    first, secret = accept(desk, clock, invitation)
    principal = first.session.principal
    with pytest.raises(Unauthenticated, match="password is wrong"):
        desk.begin_change(principal, "wrong horse battery")
    late = desk.begin_change(principal, PASSWORD).token
    clock.now += CHANGE_TTL_S + 1
    with pytest.raises(Unauthenticated):
        desk.invited(late)
    change = desk.begin_change(principal, PASSWORD).token
    assert accounts.sessions.authenticate(first.token) == principal
    changed, new_secret = accept(desk, clock, change)
    assert new_secret != secret
    with pytest.raises(Unauthenticated):
        accounts.sessions.authenticate(first.token)
    assert accounts.sessions.list(principal) == (changed.session,)
    clock.now += 60
    with pytest.raises(Unauthenticated):
        desk.sign_in(ADA, Proofs(password=PASSWORD, code=one_time_code(secret, clock.now)))


@pytest.mark.parametrize("remedy", ["disable", "reset"])
def test_a_person_who_is_disabled_or_reset_while_the_password_is_checked_gets_no_link(
    database: Database,
    keys: KeyRing,
    enrolled: People,
    operator: Principal,
    clock: Clock,
    invitation: str,
    remedy: str,
) -> None:
    hasher = HookedHasher()
    desk = SignIn(database, keys, hasher)
    eve = accept(desk, clock, invitation)[0].session.principal
    other = enrolled.add(operator, NewPerson(name="Bo", email="bo@example.com", role=Role.OWNER)).token
    accept(desk, clock, other)
    fresh: list[str] = []

    def remove() -> None:
        if remedy == "disable":
            enrolled.disable(operator, eve.id)
        else:
            fresh.append(enrolled.reset(operator, eve.id).token)

    hasher.during = remove
    with pytest.raises(Unauthenticated):
        desk.begin_change(eve, PASSWORD)
    for token in fresh:
        assert desk.invited(token).person.id == eve.id
    assert enrolled.get(eve.tenant, eve.id).state is not PersonState.ACTIVE


def test_accepting_one_link_ends_all_others_and_a_disabled_person_accepts_none(
    desk: SignIn, database: Database, enrolled: People, operator: Principal, clock: Clock, invitation: str
) -> None:
    with database.transaction(operator.tenant) as tx:
        kept = tx.select(invitations)[0]
    eve = accept(desk, clock, invitation)[0].session.principal
    change = desk.begin_change(eve, PASSWORD).token

    def restore() -> None:
        with database.transaction(operator.tenant) as tx:
            tx.insert(
                invitations,
                digest=kept.digest,
                person_id=kept.person_id,
                expires_at=kept.expires_at,
            )

    restore()
    accept(desk, clock, change)
    with pytest.raises(Unauthenticated):
        desk.invited(invitation)
    other = enrolled.add(operator, NewPerson(name="Bo", email="bo@example.com", role=Role.OWNER)).token
    accept(desk, clock, other)
    enrolled.disable(operator, eve.id)
    restore()
    with pytest.raises(Unauthenticated):
        accept(desk, clock, invitation)
    assert enrolled.get(eve.tenant, eve.id).state is PersonState.DISABLED


@pytest.mark.both_databases
def test_attempts_at_the_same_time_do_not_exceed_the_limit_of_failures(
    database: Database, keys: KeyRing, clock: Clock, invitation: str
) -> None:
    hasher = HookedHasher()
    desk = SignIn(database, keys, hasher)
    accept(desk, clock, invitation)
    together = threading.Barrier(20, timeout=20)
    checked: list[bool] = []
    hasher.during = lambda: checked.append(True)

    def attempt() -> None:
        together.wait()
        with suppress(Unauthenticated, RateLimited):
            desk.sign_in(ADA, Proofs(password="wrong horse battery", code="000000"))

    threads = [threading.Thread(target=attempt) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(checked) <= MAX_FAILURES


def test_only_failures_of_people_are_in_the_audit_log_without_what_was_typed(
    desk: SignIn, database: Database, clock: Clock, invitation: str
) -> None:
    ada = accept(desk, clock, invitation)[0].session.principal
    for email in (ADA, "nobody@example.com", PASSWORD):
        with pytest.raises(Unauthenticated):
            desk.sign_in(email, Proofs(password="wrong horse battery", code="000000"))
    with database.across_tenants("reading the log", readonly=True) as tx:
        entries = tx.select(audit_log, audit_log.c.event == "sign_in.failed")
        assert tx.count(sign_in_failures) == 3
    assert [each.subject for each in entries] == [ada.id]


def test_a_hash_for_which_too_many_wait_is_refused_and_counts_as_no_failure(
    database: Database, keys: KeyRing, clock: Clock, invitation: str
) -> None:
    hasher = PasswordHasher()
    desk = SignIn(database, keys, hasher)
    for _ in range(2 + MAX_WAITING):
        assert hasher._places.acquire(blocking=False)
    with pytest.raises(RateLimited, match="at this moment"):
        desk.sign_in(ADA, Proofs(password=PASSWORD, code="000000"))
    with database.across_tenants("reading failures", readonly=True) as tx:
        assert tx.count(sign_in_failures) == 0
    hasher._places.release()
    assert not hasher.verify(PASSWORD, None)


def test_no_secret_is_in_the_database_in_plain_text(
    desk: SignIn, database: Database, clock: Clock, invitation: str, operator: Principal
) -> None:
    first, secret = accept(desk, clock, invitation)
    with database.read_transaction(operator.tenant) as tx:
        rows = repr((tx.select(people), tx.select(invitations)))
    for plain in (secret, PASSWORD, invitation, first.token, *first.recovery_codes):
        assert plain not in rows


def test_a_rotation_of_the_key_keeps_every_secret_even_if_it_was_interrupted(
    desk: SignIn,
    database: Database,
    enrolled: People,
    operator: Principal,
    keys: KeyRing,
    clock: Clock,
    invitation: str,
) -> None:
    _, secret = accept(desk, clock, invitation)
    open_one = enrolled.add(operator, NewPerson(name="Bo", email="bo@example.com", role=Role.CREATOR)).token
    page = desk.invited(open_one)
    rotation = SecretRotation(database, keys, (TOTP_SECRETS,))
    for _ in range(3):
        keys.add_key()  # a rotation that was killed after it had added a key
        rotation.rotate(by=OPERATOR)
        with database.read_transaction(operator.tenant) as tx:
            rows = tx.select(people)
        stored = [row.totp_secret for row in rows if row.totp_secret is not None]
        assert stored
        assert all(keys.is_current(each) for each in stored)
        clock.now += 60
        desk.sign_in(ADA, Proofs(password=PASSWORD, code=one_time_code(secret, clock.now)))
    # The page of an invitation that was open before shows another secret now.
    assert desk.invited(open_one, page.sealed_secret).totp_secret != page.totp_secret
    accept(desk, clock, open_one)


@pytest.mark.both_databases
def test_rotations_at_the_same_time_keep_every_secret(
    desk: SignIn, database: Database, clock: Clock, invitation: str, tmp_path: Path
) -> None:
    _, secret = accept(desk, clock, invitation)
    together = threading.Barrier(3, timeout=20)
    rotated: list[int] = []

    def rotate() -> None:
        keys = KeyRing.load(tmp_path / "keys", "secrets", remedy="none")
        together.wait()
        rotated.append(SecretRotation(database, keys, (TOTP_SECRETS,)).rotate(by=OPERATOR))

    threads = [threading.Thread(target=rotate) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert rotated == [1, 1, 1]
    clock.now += 60
    desk.sign_in(ADA, Proofs(password=PASSWORD, code=one_time_code(secret, clock.now)))


def test_a_rotation_without_the_present_key_changes_nothing(
    desk: SignIn, database: Database, clock: Clock, invitation: str, tmp_path: Path
) -> None:
    accept(desk, clock, invitation)
    other = KeyRing.load(tmp_path / "others", "secrets", remedy="none")
    before = (tmp_path / "others" / "secrets.key").read_bytes()
    with pytest.raises(SafelightError, match="cannot be decrypted"):
        SecretRotation(database, other, (TOTP_SECRETS,)).rotate(by=OPERATOR)
    assert (tmp_path / "others" / "secrets.key").read_bytes() == before


def test_the_real_hash_knows_its_password_in_every_unicode_form() -> None:
    hasher = PasswordHasher()
    stored = hasher.hash("caf\u00e9 au lait, please")
    assert stored.startswith("scrypt$15$8$3$")
    assert hasher.verify("cafe\u0301 au lait, please", stored)
    assert not hasher.verify("cafe au lait, please", stored)
    assert not hasher.verify("anything", None)
