"""Requests for consents: links, levels, flags, withdrawal, and what is deleted when."""

from __future__ import annotations

import threading
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from safelight.accounts import ROLES, KeyScope, Principal, Role
from safelight.accounts.mail import MailQueue
from safelight.accounts.models import PrincipalKind
from safelight.accounts.people import NewPerson, People
from safelight.consents import Consents, EnrolledLookup, TemplateKey, TemplateVector
from safelight.consents.enrolment import EnrolledClip
from safelight.consents.requests import (
    AskedConsent,
    ConsentFlag,
    ConsentRequests,
    Device,
    NewConsentRequest,
    RequestState,
    SubjectAnswer,
    SubjectAnswers,
    SubjectEnrolment,
)
from safelight.consents.requests.store import find_row
from safelight.consents.store import end_consent
from safelight.core.errors import (
    Conflict,
    Forbidden,
    IdempotencyKeyReused,
    InvalidField,
    InvalidMedia,
    NotFound,
    RateLimited,
)
from safelight.policy.intended_use import ConsentLevel, ConsentLimits
from safelight.store.database import Database
from safelight.store.key_ring import KeyRing
from safelight.store.tables import api_keys, biometric_templates, consent_media, consent_requests, outbox
from support.concurrency import run_together
from support.review_room import Clock
from support.rows import each_row

TENANT = "tenant_here"
BASE = "https://gateway.example"
DESK = Device(address="192.0.2.1", browser="Firefox")
PHONE = Device(address="198.51.100.7", browser="Safari")
FRAMES = b"frames of the clip"


def _principal(name: str, *scopes: KeyScope, tenant: str = TENANT) -> Principal:
    return Principal(id=name, tenant=tenant, name=name, kind=PrincipalKind.KEY, scopes=frozenset(scopes))


ASKER = _principal("key_asker", *ROLES[Role.CREATOR].scopes)
REVIEWER = replace(_principal("user_reviewer", *ROLES[Role.REVIEWER].scopes), kind=PrincipalKind.PERSON)


def _face(path: Path) -> TemplateVector:
    return TemplateVector(model="resnet-1", template=np.full(128, 1.0))


def _clip(path: Path) -> EnrolledClip:
    if path.read_bytes().startswith(b"nobody"):
        raise InvalidMedia("The clip shows no face for long enough.")
    is_still = path.read_bytes().startswith(b"still")
    return EnrolledClip(vectors=(_face(path),), sheet=FRAMES, is_still=is_still)


@dataclass
class World:
    database: Database
    requests: ConsentRequests
    answers: SubjectAnswers
    lookup: EnrolledLookup
    mail: MailQueue
    folder: Path
    clock: Clock

    def ask(self, *, by: Principal = ASKER, device: Device = DESK, **changed: Any) -> AskedConsent:
        fields = {
            "asker": "Studio",
            "subject": "Ann",
            "email": "ann@example.org",
            "uses": "one film",
            "territory": "EU",
            "expires_at": self.clock.now + 86_400 * 30,
        }
        return self.requests.ask(by, NewConsentRequest(**(fields | changed)), device, base_url=BASE)

    def token(self, asked: AskedConsent) -> str:
        return asked.link.partition("token=")[2]

    def clip(self, content: bytes = b"a clip") -> Path:
        path = self.folder / f"clip-{content[:12].decode()}"
        path.write_bytes(content)
        return path

    def refuse(self, asked: AskedConsent) -> Any:
        return self.answers.answer(self.token(asked), SubjectAnswer(accepts=False), PHONE, base_url=BASE)

    def confirm(self, asked: AskedConsent, *, by: Principal = REVIEWER) -> None:
        cleared = [ConsentFlag.LINK_SHOWN.value]
        self.requests.decide(by, asked.request.id, confirm=True, cleared=cleared)

    def look_and_confirm(self, asked: AskedConsent) -> None:
        self.requests.show_media(REVIEWER, asked.request.id)
        self.confirm(asked)

    def accept(self, asked: AskedConsent, *, device: Device = PHONE, **changed: Any) -> str:
        fields = {"accepts": True, "scope": ["likeness"], "is_adult": True, "media": self.clip()}
        answer = SubjectAnswer(**(fields | changed))
        given = self.answers.answer(self.token(asked), answer, device, base_url=BASE)
        return given.page.partition("token=")[2]

    def stored(self) -> str:
        with self.database.read_transaction(TENANT) as tx:
            return repr([*tx.select(consent_requests), *tx.select(consent_media)])

    def count(self, table: Any, *where: Any) -> int:
        with self.database.read_transaction(TENANT) as tx:
            return tx.count(table, *where)


@pytest.fixture
def world(database: Database, clock: Clock, tmp_path: Path) -> World:
    keys = KeyRing.load(tmp_path / "keys", "secrets", remedy="")
    template_key = TemplateKey.load(tmp_path / "keys")
    mail = MailQueue(keys, enabled=False)
    return World(
        database=database,
        requests=ConsentRequests(database, keys, mail, no_camera_reason=None),
        answers=SubjectAnswers(
            database,
            keys=keys,
            template_key=template_key,
            mail=mail,
            enrolment=SubjectEnrolment(picture=_face, clip=_clip, no_camera_reason=None),
        ),
        lookup=EnrolledLookup(database=database, key=template_key),
        mail=mail,
        folder=tmp_path,
        clock=clock,
    )


def test_a_consent_on_camera_is_in_force_for_its_end_user_only_after_a_reviewer_confirmed_it(
    world: World,
) -> None:
    asked = world.ask()
    assert len(asked.request.phrase.split()) == 5
    page = world.accept(asked)
    assert world.answers.page(page).request.state is RequestState.WAITING
    assert world.lookup.consented(TENANT) == ()
    assert world.requests.show_media(REVIEWER, asked.request.id) == FRAMES
    world.confirm(asked)
    (enrolled,) = world.lookup.consented(TENANT)
    assert enrolled.record == asked.request.id
    assert enrolled.limits == ConsentLimits(accounts=frozenset({ASKER.id}), territory="EU")
    assert world.answers.page(page).level is ConsentLevel.ON_CAMERA
    assert world.count(consent_media) == 0
    for_bob = world.ask(end_user="bob", email="bob@example.org")
    world.accept(for_bob, media=world.clip(b"for bob"))
    world.look_and_confirm(for_bob)
    assert {one.limits and one.limits.end_user for one in world.lookup.consented(TENANT)} == {"bob", None}


def test_the_level_of_a_link_depends_on_whether_it_was_sent_by_mail(world: World) -> None:
    shown = world.ask(level=1)
    page = world.accept(shown, media=None)
    assert world.answers.page(page).level is ConsentLevel.RECORDED
    world.mail.enabled = True
    mailed = world.ask(level=1, email="ben@example.org")
    assert mailed.link is None
    assert mailed.request.mailed


def test_a_link_works_once_and_for_seven_days(world: World) -> None:
    asked = world.ask()
    token = world.token(asked)
    world.answers.open(token)
    world.answers.open(token)
    world.accept(asked)
    with pytest.raises(NotFound):
        world.accept(asked)
    late = world.ask(email="ben@example.org")
    world.clock.now += 7 * 86_400
    with pytest.raises(NotFound):
        world.accept(late)
    assert world.requests.get(ASKER, late.request.id).state is RequestState.EXPIRED
    assert world.requests.end_old() == 1
    assert "ben@example.org" not in world.stored()
    # After another week, also the answer that no reviewer looked at.
    assert (world.count(consent_media), world.count(biometric_templates)) == (1, 1)
    world.clock.now += 7 * 86_400
    assert world.requests.end_old() == 1
    assert world.count(consent_media) == world.count(biometric_templates) == 0


def test_an_address_and_an_hour_have_room_for_few_requests(world: World) -> None:
    for number in range(3):
        world.ask(email=f"ann+{number}@example.org")
    with pytest.raises(Conflict, match="3 requests to this address"):
        world.ask(email="ann@example.org")
    for number in range(57):
        world.refuse(world.ask(email=f"stranger{number}@example.org"))
    with pytest.raises(RateLimited):
        world.ask(email="ben@example.org")
    world.clock.now += 3600
    world.ask(email="ben@example.org")


def test_a_link_is_never_sent_to_an_address_of_the_account(world: World) -> None:
    owner = _principal("user_owner", *ROLES[Role.OWNER].scopes)
    People(world.database).add(owner, NewPerson(name="Eve", email="eve@example.org", role=Role.CREATOR))
    for address in ("eve@example.org", "EVE+ann@example.org"):
        with pytest.raises(Conflict):
            world.ask(email=address)


def test_an_answer_from_the_asker_or_of_a_still_clip_is_flagged_until_a_reviewer_clears_it(
    world: World,
) -> None:
    asked = world.ask(email="second@example.org")
    world.accept(asked, device=replace(DESK, signed_in=ASKER.id), media=world.clip(b"still"))
    assert set(world.requests.get(REVIEWER, asked.request.id).flags) == set(ConsentFlag)
    with pytest.raises(InvalidField):
        world.confirm(asked)
    assert world.lookup.consented(TENANT) == ()
    assert DESK.address not in world.stored()


def test_the_person_who_asked_cannot_confirm_withdraw_or_see_the_frames(world: World) -> None:
    both = _principal("key_both", *KeyScope)
    asked = world.ask(by=both)
    world.accept(asked)
    with pytest.raises(Forbidden):
        world.confirm(asked, by=both)
    with pytest.raises(Forbidden):
        world.requests.show_media(ASKER, asked.request.id)
    with pytest.raises(NotFound):
        world.answers.withdraw(world.token(asked))


def test_only_a_person_who_has_seen_the_frames_confirms(world: World) -> None:
    asked = world.ask()
    world.accept(asked)
    program = _principal("key_program", *ROLES[Role.REVIEWER].scopes)
    world.requests.show_media(program, asked.request.id)
    with pytest.raises(Forbidden, match="Only a person"):
        world.confirm(asked, by=program)
    with pytest.raises(InvalidField, match="without having seen it"):
        world.confirm(asked)
    assert world.lookup.consented(TENANT) == ()
    world.look_and_confirm(asked)
    assert len(world.lookup.consented(TENANT)) == 1


def test_who_asked_with_an_own_key_is_the_person_who_asked(world: World) -> None:
    with world.database.transaction(TENANT) as tx:
        tx.insert(
            api_keys,
            id=ASKER.id,
            name="own key",
            digest="digest",
            scopes=[],
            created_at=tx.now(),
            created_by=REVIEWER.id,
        )
    asked = world.ask()
    world.accept(asked, device=replace(PHONE, signed_in=REVIEWER.id))
    made = world.requests.get(ASKER, asked.request.id)
    assert ConsentFlag.SAME_SESSION in made.flags
    with pytest.raises(Forbidden):
        world.requests.show_media(REVIEWER, made.id)
    with pytest.raises(Forbidden):
        world.requests.decide(REVIEWER, made.id, confirm=True, cleared=[flag.value for flag in made.flags])


def test_a_clip_is_accepted_once_in_a_tenant(world: World) -> None:
    world.accept(world.ask(), media=world.clip(b"recorded"))
    again = world.ask(email="ben@example.org")
    with pytest.raises(Conflict):
        world.accept(again, media=world.clip(b"recorded"))
    world.accept(again, media=world.clip(b"a new one"))


def test_a_bad_answer_does_not_use_up_the_link(world: World) -> None:
    asked = world.ask()
    for bad in ({"is_adult": False}, {"scope": ["voice"]}, {"scope": []}, {"media": None}):
        with pytest.raises(InvalidField):
            world.accept(asked, **bad)
    with pytest.raises(InvalidMedia):
        world.accept(asked, media=world.clip(b"nobody"))
    assert world.count(biometric_templates) == 0
    world.accept(asked)


def test_frames_and_addresses_are_not_readable_in_the_database_and_end_with_the_decision(
    world: World,
) -> None:
    asked = world.ask()
    world.accept(asked)
    assert FRAMES.decode() not in world.stored()
    world.requests.decide(REVIEWER, asked.request.id, confirm=False)
    assert world.requests.get(ASKER, asked.request.id).state is RequestState.REJECTED
    assert world.count(consent_media) == world.count(biometric_templates) == 0
    given = world.refuse(world.ask())
    assert (given.request.state, given.page) == (RequestState.REFUSED, None)
    assert "ann@example.org" not in world.stored()


def test_a_consent_that_has_expired_keeps_no_template_no_address_and_no_hash_of_the_clip(
    world: World,
) -> None:
    asked = world.ask()
    page = world.accept(asked)
    world.look_and_confirm(asked)
    assert world.requests.end_old() == 0
    world.clock.now += 400 * 86_400
    assert [world.requests.end_old() for _ in range(2)] == [1, 0]
    assert world.count(biometric_templates) == 0
    assert "ann@example.org" not in world.stored()
    assert world.count(consent_requests, consent_requests.c.clip_sha256.is_not(None)) == 0
    assert world.answers.withdraw(page).request.state is RequestState.WITHDRAWN


@pytest.mark.both_databases
def test_an_answer_that_a_reviewer_is_confirming_does_not_expire(world: World) -> None:
    if world.database.is_sqlite:
        pytest.skip("SQLite has one writer at a time")
    asked = world.ask()
    page = world.accept(asked)
    world.clock.now += 14 * 86_400
    with world.database.transaction(TENANT) as tx:
        find_row(tx, asked.request.id, lock=True)
        assert world.requests.end_old() == 0
    assert world.answers.page(page).request.state is RequestState.WAITING


def test_the_subject_withdraws_once_and_for_good(world: World) -> None:
    page = world.accept(world.ask(level=1))
    assert len(world.lookup.consented(TENANT)) == 1
    for _ in range(2):
        assert world.answers.withdraw(page).request.state is RequestState.WITHDRAWN
    assert world.lookup.consented(TENANT) == ()
    assert world.count(biometric_templates) == 0
    assert world.count(outbox, outbox.c.topic == "consent.withdrawn") == 1


def test_a_request_with_a_known_key_is_not_sent_again(world: World) -> None:
    first = world.ask(idempotency_key="k1")
    again = world.ask(idempotency_key="k1")
    assert (again.request.id, again.link) == (first.request.id, None)
    assert world.count(consent_requests) == 1
    for changed in (
        {"email": "ben@example.org"},
        {"subject": "Ben"},
        {"uses": "two films"},
        {"end_user": "x"},
    ):
        with pytest.raises(IdempotencyKeyReused):
            world.ask(idempotency_key="k1", **changed)
    other = world.ask(idempotency_key="k1", by=_principal("key_other", *ROLES[Role.CREATOR].scopes))
    assert other.request.id != first.request.id


def test_a_platform_uses_only_tokens_of_its_own_tenant(world: World) -> None:
    asked = world.ask(level=1)
    with pytest.raises(NotFound):
        world.answers.open(world.token(asked), tenant="tenant_there")
    page = world.accept(asked)
    with pytest.raises(NotFound):
        world.answers.withdraw(page, tenant="tenant_there")
    world.answers.page(page, tenant=TENANT)


def test_without_a_biometric_basis_level_two_is_off_and_says_so(world: World) -> None:
    waiting, open_link = world.ask(), world.ask(email="ben@example.org")
    world.accept(waiting)
    world.requests.show_media(REVIEWER, waiting.request.id)
    off = "no legal basis is declared."
    world.requests.no_camera_reason = off
    world.answers.enrolment = replace(world.answers.enrolment, no_camera_reason=off)
    with pytest.raises(InvalidField, match=off):
        world.ask()
    with pytest.raises(InvalidField, match=off):
        world.accept(open_link, media=world.clip(b"another"))
    with pytest.raises(InvalidField, match=off):
        world.confirm(waiting)
    world.ask(level=1)


@each_row
def test_bad_requests_are_refused(world: World, changed: dict[str, Any]) -> None:
    with pytest.raises(InvalidField):
        world.ask(**changed)
    assert world.count(consent_requests) == 0


@pytest.mark.both_databases
def test_the_operator_and_the_subject_can_end_a_consent_at_the_same_time(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = world.ask(level=1)
    page = world.accept(asked)
    both = threading.Barrier(2)

    def end_slowly(*args: Any, **fields: Any) -> None:
        if not world.database.is_sqlite:
            # One of them must wait for a lock here, so only with locks in another order do both come here.
            with suppress(threading.BrokenBarrierError):
                both.wait(0.5)
        end_consent(*args, **fields)

    monkeypatch.setattr("safelight.consents.store.end_consent", end_slowly)
    monkeypatch.setattr("safelight.consents.requests.subject.end_consent", end_slowly)
    operator = Consents(world.database, TemplateKey.load(world.folder / "keys"), _face)
    by_operator, by_subject = run_together(
        [
            partial(operator.revoke, TENANT, asked.request.id, revoked_by="the operator"),
            partial(world.answers.withdraw, page),
        ]
    )
    # The operator may be told that the subject was first.
    assert isinstance(by_operator, NotFound) or not isinstance(by_operator, BaseException)
    assert not isinstance(by_subject, BaseException)
    assert world.answers.page(page).request.state is RequestState.WITHDRAWN
    assert world.count(biometric_templates) == 0
