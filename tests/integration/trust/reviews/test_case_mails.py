"""Mails to reviewers: one for many cases, only for people who may take one, and never twice."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from safelight.ids import new_id
from safelight.jobs.notifier import Notifier
from safelight.net.mail_client import MailClient, MailSecurity, MailServer
from safelight.net.webhook_client import WebhookClient
from safelight.policy.findings import Stage
from safelight.store.key_ring import KeyRing
from safelight.store.tables import outbox, tenants
from safelight.trust.accounts import Principal, Role
from safelight.trust.accounts.permissions import ROLES
from safelight.trust.mail import MailQueue, MailSender
from safelight.trust.reviews import CaseKind, NewCase, open_case
from safelight.trust.reviews.case_mails import COLLECT_S, MIN_GAP_S, CaseMails
from safelight.trust.webhooks import Deliveries
from support.mail_server import Mailbox, mail_server
from support.review_room import TENANT, ReviewRoom, reviewer

_BASE = "https://gateway.example"


@dataclass
class Office:
    room: ReviewRoom
    mails: CaseMails
    notifier: Notifier
    sender: MailSender
    box: Mailbox

    def enroll(self, name: str, role: Role = Role.REVIEWER) -> Principal:
        who = reviewer(name, role, *ROLES[role].scopes)
        self.room.enroll(who)
        return who

    def later(self, seconds: float) -> None:
        """Let time pass, and the background parts work."""
        self.notifier.queue_events()
        self.room.clock.now += seconds
        self.notifier.queue_events()
        self.mails.queue_due()
        self.sender.send_due()

    def received(self) -> list[tuple[str, str]]:
        """Recipient and subject of each mail since the last call."""
        found = sorted((str(one["To"]), str(one["Subject"])) for one in self.box.received)
        self.box.received.clear()
        return found


@pytest.fixture
def office(room: ReviewRoom, tmp_path: Path) -> Iterator[Office]:
    keys = KeyRing.load(tmp_path / "keys", "secrets", remedy="")
    stopping = threading.Event()
    with mail_server() as box:
        server = MailServer(
            host="127.0.0.1", port=box.port, security=MailSecurity.NONE, sender="s@example.com"
        )
        database = room.database
        yield Office(
            room,
            CaseMails(database, MailQueue(keys, enabled=True), base_url=_BASE, stopping=stopping),
            Notifier(database, Deliveries(database), WebhookClient(), stopping=stopping, mails_cases=True),
            MailSender(database, keys, MailClient(server), stopping=stopping),
            box,
        )


def test_a_hundred_cases_in_a_minute_are_one_mail_with_a_link_and_nothing_of_the_cases(
    office: Office,
) -> None:
    office.enroll("ada")
    for number in range(100):
        office.room.open_case(f"a secret word {number}")
        office.room.clock.now += 0.5
    office.later(0)
    assert office.received() == []
    office.later(COLLECT_S)
    (mail,) = office.box.received
    assert (mail["To"], mail["Subject"]) == ("ada@example.com", "Cases wait for review")
    text = mail.get_content()
    assert f"{_BASE}/review" in text
    assert f"{_BASE}/account" in text
    assert "secret" not in text
    assert "violence" not in text
    assert "case_" not in text
    office.box.received.clear()
    office.later(MIN_GAP_S)
    assert office.received() == []


def test_two_mails_are_minutes_apart_and_no_case_between_them_is_forgotten(office: Office) -> None:
    office.enroll("ada")
    office.room.open_case("one", due_s=86_400)
    office.later(COLLECT_S + 1)
    assert len(office.received()) == 1
    office.room.open_case("two", due_s=86_400)
    office.later(COLLECT_S + 1)
    assert office.received() == []
    office.later(MIN_GAP_S)
    assert len(office.received()) == 1


def test_only_people_who_may_take_the_case_get_a_mail(office: Office) -> None:
    for name, role in (
        ("owner", Role.OWNER),
        ("vault", Role.VAULT_OFFICER),
        ("junior", Role.REVIEWER),
        ("creator", Role.CREATOR),
        ("auditor", Role.AUDITOR),
    ):
        office.enroll(name, role)
    declines = office.enroll("declines")
    office.room.queue.decline_categories(declines, ["violence"])
    silent = office.enroll("silent")
    assert not office.room.queue.choose_mails(silent, wanted=False).mails
    office.room.open_case("one")
    office.later(COLLECT_S)
    subject = "Cases wait for review"
    assert office.received() == [(f"{who}@example.com", subject) for who in ("junior", "owner", "vault")]

    office.later(MIN_GAP_S)
    office.received()
    office.room.open_case("quarantined", quarantined=True, due_s=86_400)
    office.later(COLLECT_S)
    # The vault officer sees both kinds.
    assert office.received() == [("vault@example.com", subject)]


def test_the_person_who_requested_the_video_gets_no_mail_about_it_if_another_may_decide(
    office: Office,
) -> None:
    office.enroll("ada")
    office.enroll("ben")
    own = office.room.add_video("one", requested_by="ada")
    office.room.open_case("one", video_id=own)
    office.later(COLLECT_S)
    assert [to for to, _ in office.received()] == ["ben@example.com"]
    appealed = office.room.add_video("two", requested_by="ben")
    office.room.open_case("two", video_id=appealed, kind=CaseKind.APPEAL, due_s=86_400)
    office.later(MIN_GAP_S)
    assert [to for to, _ in office.received()] == ["ada@example.com"]


def test_a_case_that_is_nearly_due_is_announced_again_unless_it_was_decided(office: Office) -> None:
    ada = office.enroll("ada")
    first = office.room.open_case("one", due_s=10_000)
    office.room.open_case("two", due_s=10_000)
    office.later(COLLECT_S)
    assert [subject for _, subject in office.received()] == ["Cases wait for review"]
    office.room.decide(ada, first)
    # Due soon from a third of the time before.
    office.later(6_700)
    office.later(COLLECT_S)
    assert [subject for _, subject in office.received()] == ["Cases for review are due soon"]
    office.later(MIN_GAP_S)
    assert office.received() == []


def test_a_case_that_was_decided_meanwhile_brings_no_mail(office: Office) -> None:
    ada = office.enroll("ada")
    case = office.room.open_case("one")
    office.later(0)
    office.room.decide(ada, case)
    office.later(COLLECT_S)
    assert office.received() == []


@pytest.mark.both_databases
def test_of_two_processes_one_queues_the_mail_and_a_crash_loses_none(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.enroll("ada")
    office.room.open_case("one")
    office.later(0)
    office.room.clock.now += COLLECT_S
    enqueue = MailQueue.enqueue

    def crash(*_args: object) -> bool:
        raise RuntimeError("killed")

    monkeypatch.setattr(MailQueue, "enqueue", crash)
    assert office.mails.queue_due() == 0
    monkeypatch.setattr(MailQueue, "enqueue", enqueue)
    with ThreadPoolExecutor(4) as threads:
        made = list(threads.map(lambda _: office.mails.queue_due(), range(4)))
    assert sum(made) == 1
    office.sender.send_due()
    assert len(office.received()) == 1
    with office.room.database.across_tenants("a test", readonly=True) as tx:
        assert tx.count(outbox, outbox.c.topic == "case.mail", outbox.c.delivered_at.is_(None)) == 0


def test_a_hundred_tenants_of_applicants_are_one_mail_that_leads_to_their_list(office: Office) -> None:
    office.enroll("ada")
    declines = office.enroll("declines")
    office.room.queue.decline_categories(declines, ["violence"])
    for number in range(100):
        tenant = new_id("tenant")
        with office.room.database.transaction(tenant) as tx:
            tx.insert(tenants, name=f"applicant {number}", created_at=tx.now(), managed_by=TENANT)
            open_case(
                tx,
                NewCase(
                    video_id=new_id("video"),
                    kind=CaseKind.HOLD,
                    stage=Stage.OUTPUT,
                    due_at=tx.now() + 86_400,
                    category="violence",
                    rule="vi-2",
                    reason="Blood.",
                ),
                actor="policy",
            )
    office.later(COLLECT_S + 1)
    (mail,) = office.box.received
    assert str(mail["To"]) == "ada@example.com"
    text = mail.get_content()
    assert (f"{_BASE}/compliance/tenants" in text, "applicant" in text) == (True, False)
    office.box.received.clear()
    office.later(MIN_GAP_S)
    assert office.received() == []
