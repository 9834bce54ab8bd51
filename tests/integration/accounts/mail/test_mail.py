"""Queued mails are sent once per event, again after a failure, and their text does not stay."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from safelight.accounts import Accounts
from safelight.accounts.mail import MailKind, MailQueue, MailSender, NewMail, render_mail
from safelight.core.errors import InvalidField
from safelight.core.i18n import LANGUAGES
from safelight.core.net.mail_client import MailClient, MailSecurity, MailServer
from safelight.store.database import Database
from safelight.store.key_ring import KeyRing
from safelight.store.tables import outbox
from support.mail_server import Mailbox, mail_server
from support.review_room import Clock

_LINK = "https://gateway.example/consent#secret-token"


@dataclass
class World:
    database: Database
    clock: Clock
    tenant: str
    queue: MailQueue
    sender: MailSender
    box: Mailbox

    def enqueue(self, event: str = "consent_1", **changed: object) -> bool:
        fields = {
            "kind": MailKind.CONSENT_ASKED,
            "to": "Ann@Example.org",
            "language": "en",
            "link": _LINK,
            "values": {"asker": "Studio"},
        }
        new = NewMail(event=event, **(fields | changed))  # type: ignore[arg-type]
        with self.database.transaction(self.tenant) as tx:
            return self.queue.enqueue(tx, new)

    def rows(self) -> list[tuple[bool, bool, bool]]:
        """Of each mail whether its text was deleted, and whether it was delivered and given up."""
        with self.database.read_transaction(self.tenant) as tx:
            found = tx.select(outbox, outbox.c.topic == "mail")
        return [(row.body == b"{}", row.delivered_at is not None, row.dead_at is not None) for row in found]


@pytest.fixture
def world(database: Database, clock: Clock, accounts: Accounts, tmp_path: Path) -> Iterator[World]:
    keys = KeyRing.load(tmp_path / "keys", "secrets", remedy="")
    with mail_server() as box:
        server = MailServer(
            host="127.0.0.1", port=box.port, security=MailSecurity.NONE, sender="s@example.com"
        )
        yield World(
            database,
            clock,
            accounts.create_tenant("t").id,
            MailQueue(keys, enabled=True),
            MailSender(database, keys, MailClient(server), stopping=threading.Event()),
            box,
        )


def test_an_event_brings_one_mail_to_one_recipient_and_its_text_is_deleted(world: World) -> None:
    for to in ("Ann@Example.org", "Ann@Example.org", "ben@example.org"):
        assert world.enqueue(to=to)
    with world.database.read_transaction(world.tenant) as tx:
        stored = b"".join(row.body for row in tx.select(outbox))
    for hidden in (b"secret-token", b"ann@"):
        assert hidden not in stored
    assert world.sender.send_due() == 2
    assert world.enqueue()
    assert world.sender.send_due() == 0
    assert sorted(mail["To"] for mail in world.box.received) == ["ann@example.org", "ben@example.org"]
    assert _LINK in world.box.received[0].get_content()
    assert world.rows() == [(True, True, False)] * 2


def test_a_failure_is_tried_again_and_a_recipient_that_does_not_exist_is_given_up(world: World) -> None:
    world.box.fail_next = 1
    world.enqueue()
    assert [world.sender.send_due() for _ in range(2)] == [0, 0]
    world.clock.now += 6
    assert world.sender.send_due() == 1
    world.box.recipient_code = 550
    world.enqueue("consent_2")
    assert world.sender.send_due() == 0
    world.box.recipient_code = 250
    world.enqueue("consent_3")
    assert world.sender.send_due() == 1
    assert sorted(world.rows()) == [(True, False, True), *[(True, True, False)] * 2]


def test_a_mail_of_a_transaction_that_is_rolled_back_is_not_sent(world: World) -> None:
    new = NewMail(kind=MailKind.TEST, to="a@b.example", language="en", event="e", link=_LINK)

    def fail_after_queueing() -> None:
        with world.database.transaction(world.tenant) as tx:
            assert world.queue.enqueue(tx, new)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail_after_queueing()
    assert world.sender.send_due() == 0


def test_an_address_with_a_line_break_is_refused_and_a_name_adds_no_header(world: World) -> None:
    with pytest.raises(InvalidField):
        world.enqueue(to="ann@example.org\nBcc: all@example.org")
    world.enqueue(values={"asker": "Studio\r\nBcc: all@example.org"})
    assert world.sender.send_due() == 1
    assert world.box.received[0]["Bcc"] is None


def test_without_a_server_nothing_is_queued(world: World) -> None:
    world.queue.enabled = False
    assert not world.enqueue()
    assert world.rows() == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_mail_has_a_text_with_its_link_in_every_language(language: str) -> None:
    values = {
        "asker": "Studio",
        "account": "https://example.org/account",
        "decision": "The video stays.",
        "objection": "Write to the operator.",
        "provider": "runway",
        "model": "gen4",
        "reason": "the model is not offered any more",
    }
    for kind in MailKind:
        new = NewMail(
            kind=kind, to="ann@example.org", language=language, event="e", link=_LINK, values=values
        )
        mail = render_mail(new)
        assert (mail.language, mail.text.count(_LINK)) == (language, 1), kind
        assert "{" not in mail.text + mail.subject, kind


def test_a_mail_whose_key_is_missing_is_kept_until_the_key_is_there(world: World, tmp_path: Path) -> None:
    world.enqueue()
    keys = tmp_path / "keys" / "secrets.key"
    right = keys.read_bytes()
    keys.write_bytes(bytes(32))
    assert world.sender.send_due() == 0
    assert world.rows() == [(False, False, False)]
    keys.write_bytes(right)
    world.clock.now += 6
    assert world.sender.send_due() == 1


def test_a_slow_server_does_not_hold_a_round_for_all_mails(world: World) -> None:
    seconds = iter(range(0, 1000, 20))
    world.sender._monotonic = lambda: next(seconds)
    for number in range(5):
        world.enqueue(f"consent_{number}")
    assert [world.sender.send_due() for _ in range(2)] == [1, 1]


def test_a_sent_mail_and_its_deleted_text_are_one_transaction(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop_after_it(database: Database, why: str, **options: bool) -> object:
        found = real(database, why, **options)
        monkeypatch.setattr(Database, "across_tenants", killed if "delivered" in why else stop_after_it)
        return found

    def killed(*_arguments: object, **_options: object) -> None:
        raise SystemExit

    real = Database.across_tenants
    world.enqueue()
    monkeypatch.setattr(Database, "across_tenants", stop_after_it)
    with pytest.raises(SystemExit):
        world.sender.send_due()
    assert world.rows() == [(True, True, False)]
