"""Mails to reviewers: one for many cases, only for people who may take one, and never twice."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from safelight.accounts import Principal, Role
from safelight.accounts.mail import MailQueue, MailSender
from safelight.accounts.models import ROLES
from safelight.accounts.webhooks import Deliveries
from safelight.cases.reports.notice_store import PAGE_TOPIC
from safelight.cases.reviews.case_mails import COLLECT_S, MIN_GAP_S, CaseMails
from safelight.core.net.mail_client import MailClient, MailSecurity, MailServer
from safelight.core.net.webhook_client import WebhookClient
from safelight.store.key_ring import KeyRing
from safelight.store.tables import notices, outbox
from safelight.videos.case_rows import CaseKind
from safelight.web.notifier import Notifier
from support.concurrency import run_together
from support.mail_server import Mailbox, mail_server
from support.review_room import TENANT, ReviewRoom, reviewer

_BASE = "https://gateway.example"
WAITING = "Cases wait for review"


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
    text = office.box.received[0].get_content()
    assert office.received() == [("ada@example.com", WAITING)]
    for shown in (f"{_BASE}/review", f"{_BASE}/account"):
        assert shown in text
    for hidden in ("secret", "violence", "case_"):
        assert hidden not in text
    office.later(MIN_GAP_S)
    assert office.received() == []


def test_two_mails_are_minutes_apart_and_no_case_between_them_is_forgotten(office: Office) -> None:
    office.enroll("ada")
    for name, later_s, mails in (("one", COLLECT_S + 1, 1), ("two", COLLECT_S + 1, 0), (None, MIN_GAP_S, 1)):
        if name is not None:
            office.room.open_case(name, due_s=86_400)
        office.later(later_s)
        assert len(office.received()) == mails


def test_only_people_who_may_take_the_case_get_a_mail(office: Office) -> None:
    for name, role in (
        ("owner", Role.OWNER),
        ("vault", Role.VAULT_OFFICER),
        ("junior", Role.REVIEWER),
        ("creator", Role.CREATOR),
        ("auditor", Role.AUDITOR),
    ):
        office.enroll(name, role)
    office.room.queue.decline_categories(office.enroll("declines"), ["violence"])
    assert not office.room.queue.choose_mails(office.enroll("silent"), wanted=False).mails
    office.room.open_case("one")
    office.later(COLLECT_S)
    assert office.received() == [(f"{who}@example.com", WAITING) for who in ("junior", "owner", "vault")]

    office.later(MIN_GAP_S)
    office.received()
    office.room.open_case("quarantined", quarantined=True, due_s=86_400)
    office.later(COLLECT_S)
    # The vault officer sees both kinds.
    assert office.received() == [("vault@example.com", WAITING)]


def test_a_report_that_names_a_page_is_announced_to_those_who_look_for_its_video(office: Office) -> None:
    for name, role in (("junior", Role.REVIEWER), ("creator", Role.CREATOR)):
        office.enroll(name, role)
    for number, outcome in ((1, None), (2, "gone")):
        report = {"id": f"report_{number}", "location": "https://videos.example/watch", "outcome": outcome}
        with office.room.database.transaction(TENANT) as tx:
            times = {"created_at": tx.now(), "due_at": tx.now()}
            tx.insert(notices, **report, **times, lane="ordinary", reporter="visitor:abc")
            tx.publish(PAGE_TOPIC, subject=str(report["id"]), body={})
        office.later(COLLECT_S)
        # The second was answered in between.
        assert office.received() == ([] if outcome else [("junior@example.com", WAITING)])
        office.later(MIN_GAP_S)


def test_the_person_who_requested_the_video_gets_no_mail_about_it_if_another_may_decide(
    office: Office,
) -> None:
    room = office.room
    for name in ("ada", "ben"):
        office.enroll(name)
    room.open_case("", video_id=room.add_video("one", requested_by="ada"))
    office.later(COLLECT_S)
    assert office.received() == [("ben@example.com", WAITING)]
    appealed = room.add_video("two", requested_by="ben")
    room.open_case("", video_id=appealed, kind=CaseKind.APPEAL, due_s=86_400)
    office.later(MIN_GAP_S)
    assert [to for to, _ in office.received()] == ["ada@example.com"]


def test_a_case_that_is_nearly_due_is_announced_again_and_none_that_was_decided(office: Office) -> None:
    ada = office.enroll("ada")
    first = office.room.open_case("one", due_s=10_000)
    office.room.open_case("two", due_s=10_000)
    office.later(COLLECT_S)
    assert [subject for _, subject in office.received()] == [WAITING]
    office.room.decide(ada, first)
    # Due soon from a third of the time before.
    office.later(6_700)
    office.later(COLLECT_S)
    assert [subject for _, subject in office.received()] == ["Cases for review are due soon"]
    office.later(MIN_GAP_S)
    decided = office.room.open_case("decided at once")
    office.later(0)
    office.room.decide(ada, decided)
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

    def crash(*_args: object) -> bool:
        raise RuntimeError("killed")

    with monkeypatch.context() as patch:
        patch.setattr(MailQueue, "enqueue", crash)
        assert office.mails.queue_due() == 0
    assert sorted(run_together([office.mails.queue_due] * 4)) == [0, 0, 0, 1]
    office.sender.send_due()
    assert len(office.received()) == 1
    assert office.room.stored(outbox, outbox.c.topic == "case.mail", outbox.c.delivered_at.is_(None)) == []
