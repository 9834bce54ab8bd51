"""Requests for consents: links, levels, flags, withdrawal, and what is deleted when."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from safelight.errors import (
    Conflict,
    Forbidden,
    IdempotencyKeyReused,
    InvalidField,
    InvalidMedia,
    NotFound,
    RateLimited,
)
from safelight.policy.intended_use import ConsentLimits
from safelight.store.database import Database
from safelight.store.key_ring import KeyRing
from safelight.store.tables import api_keys, biometric_templates, consent_media, consent_requests, outbox
from safelight.trust.accounts import ROLES, KeyScope, Principal, Role
from safelight.trust.accounts.models import PrincipalKind
from safelight.trust.consent_requests import (
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
from safelight.trust.consent_requests.store import find_row
from safelight.trust.consents import ConsentLevel, Consents, EnrolledLookup, TemplateKey, TemplateVector
from safelight.trust.consents.enrolment import EnrolledClip
from safelight.trust.consents.store import end_consent
from safelight.trust.mail import MailQueue
from safelight.trust.people import NewPerson, People

TENANT = "tenant_here"
BASE = "https://gateway.example"
DESK = Device(address="192.0.2.1", browser="Firefox")
PHONE = Device(address="198.51.100.7", browser="Safari")
FRAMES = b"frames of the clip"


def _principal(name: str, *scopes: KeyScope, tenant: str = TENANT) -> Principal:
    return Principal(id=name, tenant=tenant, name=name, kind=PrincipalKind.KEY, scopes=frozenset(scopes))


ASKER = _principal("key_asker", *ROLES[Role.CREATOR].scopes)
REVIEWER = Principal(
    id="user_reviewer",
    tenant=TENANT,
    name="Rex",
    kind=PrincipalKind.PERSON,
    scopes=frozenset(ROLES[Role.REVIEWER].scopes),
)


def _face(path: Path) -> TemplateVector:
    return TemplateVector(model="resnet-1", template=np.full(128, 1.0))


def _clip(path: Path) -> EnrolledClip:
    if path.read_bytes().startswith(b"nobody"):
        raise InvalidMedia("The clip shows no face for long enough.")
    return EnrolledClip(vectors=(_face(path),), sheet=FRAMES)


@dataclass
class World:
    database: Database
    requests: ConsentRequests
    answers: SubjectAnswers
    lookup: EnrolledLookup
    people: People
    mail: MailQueue
    folder: Path
    now: list[float]

    def ask(self, *, by: Principal = ASKER, device: Device = DESK, **changed: Any) -> AskedConsent:
        fields = {
            "asker": "Studio",
            "subject": "Ann",
            "email": "ann@example.org",
            "uses": "one film",
            "territory": "EU",
            "expires_at": self.now[0] + 86_400 * 30,
        }
        return self.requests.ask(by, NewConsentRequest(**(fields | changed)), device, base_url=BASE)

    def token(self, asked: AskedConsent) -> str:
        assert asked.link is not None
        return asked.link.partition("token=")[2]

    def clip(self, content: bytes = b"a clip") -> Path:
        path = self.folder / f"clip-{content[:12].decode()}"
        path.write_bytes(content)
        return path

    def accept(self, asked: AskedConsent, *, device: Device = PHONE, **changed: Any) -> str:
        fields = {"accepts": True, "scope": ["likeness"], "is_adult": True, "media": self.clip()}
        answer = SubjectAnswer(**(fields | changed))
        given = self.answers.answer(self.token(asked), answer, device, base_url=BASE)
        assert given.page is not None
        return given.page.partition("token=")[2]

    def stored(self) -> str:
        with self.database.read_transaction(TENANT) as tx:
            return repr([*tx.select(consent_requests), *tx.select(consent_media)])

    def count(self, table: Any, *where: Any) -> int:
        with self.database.read_transaction(TENANT) as tx:
            return tx.count(table, *where)


@pytest.fixture
def world(database_url: str, tmp_path: Path) -> Iterator[World]:
    now = [1_700_000_000.0]
    database = Database(database_url, clock=lambda: now[0])
    keys = KeyRing.load(tmp_path / "keys", "secrets", remedy="")
    template_key = TemplateKey.load(tmp_path / "keys")
    mail = MailQueue(keys, enabled=False)
    yield World(
        database=database,
        requests=ConsentRequests(database, keys, mail, no_camera_reason=None),
        answers=SubjectAnswers(
            database,
            keys=keys,
            template_key=template_key,
            mail=mail,
            enrolment=SubjectEnrolment(picture=_face, clip=_clip, no_camera_reason=None),
        ),
        lookup=EnrolledLookup(database=database, key=template_key, model="resnet-1"),
        people=People(database),
        mail=mail,
        folder=tmp_path,
        now=now,
    )
    database.close()


def test_a_consent_on_camera_is_in_force_only_after_a_reviewer_confirmed_it(world: World) -> None:
    world.mail.enabled = False
    asked = world.ask()
    assert len(asked.request.phrase.split()) == 5
    page = world.accept(asked)
    assert world.answers.page(page).request.state is RequestState.WAITING
    assert world.lookup.consented(TENANT) == ()
    assert world.requests.show_media(REVIEWER, asked.request.id) == FRAMES
    flags = [ConsentFlag.LINK_SHOWN.value]
    world.requests.decide(REVIEWER, asked.request.id, confirm=True, cleared=flags)
    (enrolled,) = world.lookup.consented(TENANT)
    assert enrolled.record == asked.request.id
    assert enrolled.limits == ConsentLimits(accounts=frozenset({ASKER.id}), territory="EU")
    assert world.answers.page(page).level is ConsentLevel.ON_CAMERA
    assert world.count(consent_media) == 0


def test_a_consent_on_camera_names_the_end_user_for_whom_it_was_asked(world: World) -> None:
    for end_user in ("bob", None):
        asked = world.ask(end_user=end_user, email=f"{end_user}@example.org".lower())
        world.accept(asked, media=world.clip(f"clip of {end_user}".encode()))
        world.requests.show_media(REVIEWER, asked.request.id)
        world.requests.decide(REVIEWER, asked.request.id, confirm=True, cleared=["link_shown"])
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
    world.now[0] += 7 * 86_400
    with pytest.raises(NotFound):
        world.accept(late)
    assert world.requests.get(ASKER, late.request.id).state is RequestState.EXPIRED
    assert world.requests.end_old() == 1
    assert "ben@example.org" not in world.stored()


def test_an_address_and_an_hour_have_room_for_few_requests(world: World) -> None:
    for number in range(3):
        world.ask(email=f"ann+{number}@example.org")
    with pytest.raises(Conflict, match="3 requests to this address"):
        world.ask(email="ann@example.org")
    for number in range(57):
        asked = world.ask(email=f"stranger{number}@example.org")
        refusal = SubjectAnswer(accepts=False)
        world.answers.answer(world.token(asked), refusal, PHONE, base_url=BASE)
    with pytest.raises(RateLimited):
        world.ask(email="ben@example.org")
    world.now[0] += 3600
    world.ask(email="ben@example.org")


def test_a_link_is_never_sent_to_an_address_of_the_account(world: World) -> None:
    owner = _principal("user_owner", *ROLES[Role.OWNER].scopes)
    world.people.add(owner, NewPerson(name="Eve", email="eve@example.org", role=Role.CREATOR))
    for address in ("eve@example.org", "EVE+ann@example.org"):
        with pytest.raises(Conflict):
            world.ask(email=address)


def test_an_answer_from_the_device_or_session_of_the_asker_is_flagged_until_a_reviewer_clears_it(
    world: World,
) -> None:
    asked = world.ask(email="second@example.org")
    world.accept(asked, device=replace(DESK, signed_in=ASKER.id))
    made = world.requests.get(REVIEWER, asked.request.id)
    assert set(made.flags) == set(ConsentFlag)
    with pytest.raises(InvalidField):
        world.requests.decide(REVIEWER, made.id, confirm=True, cleared=["link_shown"])
    assert world.lookup.consented(TENANT) == ()
    assert DESK.address not in world.stored()


def test_the_person_who_asked_cannot_confirm_withdraw_or_see_the_frames(world: World) -> None:
    both = _principal("key_both", *KeyScope)
    asked = world.ask(by=both)
    world.accept(asked)
    with pytest.raises(Forbidden):
        world.requests.decide(both, asked.request.id, confirm=True, cleared=["link_shown"])
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
        world.requests.decide(program, asked.request.id, confirm=True, cleared=["link_shown"])
    with pytest.raises(InvalidField, match="without having seen it"):
        world.requests.decide(REVIEWER, asked.request.id, confirm=True, cleared=["link_shown"])
    assert world.lookup.consented(TENANT) == ()
    world.requests.show_media(REVIEWER, asked.request.id)
    world.requests.decide(REVIEWER, asked.request.id, confirm=True, cleared=["link_shown"])
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
    with pytest.raises(InvalidField):
        world.accept(asked, is_adult=False)
    with pytest.raises(InvalidField):
        world.accept(asked, scope=["voice"])
    with pytest.raises(InvalidField):
        world.accept(asked, scope=[])
    with pytest.raises(InvalidField):
        world.accept(asked, media=None)
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
    assert "ann@example.org" not in world.stored()


def test_an_answer_that_no_reviewer_looked_at_expires_with_its_data(world: World) -> None:
    world.accept(world.ask())
    world.now[0] += 14 * 86_400
    assert world.requests.end_old() == 1
    assert world.count(consent_media) == world.count(biometric_templates) == 0


def test_a_consent_that_has_expired_keeps_no_template_no_address_and_no_hash_of_the_clip(
    world: World,
) -> None:
    asked = world.ask()
    page = world.accept(asked)
    world.requests.show_media(REVIEWER, asked.request.id)
    world.requests.decide(REVIEWER, asked.request.id, confirm=True, cleared=["link_shown"])
    assert world.requests.end_old() == 0
    world.now[0] += 400 * 86_400
    assert world.requests.end_old() == 1
    assert world.requests.end_old() == 0
    assert world.count(biometric_templates) == 0
    assert "ann@example.org" not in world.stored()
    assert world.count(consent_requests, consent_requests.c.clip_sha256.is_not(None)) == 0
    assert world.answers.withdraw(page).request.state is RequestState.WITHDRAWN


def test_an_answer_that_a_reviewer_is_confirming_does_not_expire(world: World, database_url: str) -> None:
    if not database_url.startswith("postgresql"):
        pytest.skip("SQLite has one writer at a time")
    asked = world.ask()
    page = world.accept(asked)
    world.now[0] += 14 * 86_400
    with world.database.transaction(TENANT) as tx:
        find_row(tx, asked.request.id, lock=True)
        assert world.requests.end_old() == 0
    assert world.answers.page(page).request.state is RequestState.WAITING


def test_a_refusal_deletes_the_address_and_records_no_consent(world: World) -> None:
    asked = world.ask()
    refusal = SubjectAnswer(accepts=False)
    given = world.answers.answer(world.token(asked), refusal, PHONE, base_url=BASE)
    assert (given.request.state, given.page) == (RequestState.REFUSED, None)
    assert "ann@example.org" not in world.stored()


def test_the_subject_withdraws_once_and_for_good(world: World) -> None:
    asked = world.ask(level=1)
    page = world.accept(asked)
    assert len(world.lookup.consented(TENANT)) == 1
    assert world.answers.withdraw(page).request.state is RequestState.WITHDRAWN
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
        world.requests.decide(REVIEWER, waiting.request.id, confirm=True, cleared=["link_shown"])
    world.ask(level=1)


@pytest.mark.parametrize(
    "changed",
    [
        {"expires_at": 1.0},
        {"expires_at": 9e9},
        {"scope": ["nude"]},
        {"scope": []},
        {"level": 3},
        {"level": 0},
        {"language": "fr"},
        {"email": "ann"},
        {"email": "ann@example.org\nBcc: x@example.org"},
        {"email": "z,eve@example.org"},
        {"email": "z<eve@example.org>"},
        {"email": "eve(x)@example.org"},
        {"email": "a:b@example.org;"},
        {"email": "[@example.org"},
        {"email": "anné@example.org"},
        {"asker": "two\nlines"},
        {"asker": "a" * 81},
        {"asker": "see www.example.org"},
        {"asker": "see HTTPS://example.org"},
        {"end_user": "a" * 129},
        {"uses": ""},
    ],
)
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

    monkeypatch.setattr("safelight.trust.consents.store.end_consent", end_slowly)
    monkeypatch.setattr("safelight.trust.consent_requests.subject.end_consent", end_slowly)
    operator = Consents(world.database, TemplateKey.load(world.folder / "keys"), _face, _face)
    failed: list[Exception] = []

    def end(by: Callable[[], object]) -> None:
        try:
            by()
        except NotFound:
            pass  # The operator is told that the subject was first.
        except Exception as error:
            failed.append(error)

    ways = (
        lambda: operator.revoke(TENANT, asked.request.id, revoked_by="the operator"),
        lambda: world.answers.withdraw(page),
    )
    threads = [threading.Thread(target=end, args=(by,)) for by in ways]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert world.answers.page(page).request.state is RequestState.WITHDRAWN
    assert world.count(biometric_templates) == 0
