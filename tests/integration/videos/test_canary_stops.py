"""A stopped canary is announced once: by webhook, and by mail to the people who can switch it on again."""

from __future__ import annotations

import threading
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from safelight.accounts import Role
from safelight.accounts.mail import MailQueue, MailSender
from safelight.accounts.webhooks import Deliveries
from safelight.cases.notifier import Notifier
from safelight.core.i18n import load_messages
from safelight.net.mail_client import MailClient, MailSecurity, MailServer
from safelight.net.webhook_client import WebhookClient
from safelight.providers.attempts.canaries.mails import CanaryMails
from safelight.providers.attempts.canaries.models import StopReason
from safelight.providers.library import TOPIC
from safelight.store import tables
from safelight.store.database import Database
from safelight.store.key_ring import KeyRing
from support.canaries import PROMPT, add_entry, remove, switch_off, switch_on, switched_on
from support.house import House
from support.mail_server import mail_server
from support.webhook_receiver import target

from .test_canary_limits import calls_of
from .test_notifier import bodies, listening, tell
from .test_staff_unseen import enrol

TOLD = (Role.OWNER.value, Role.INTEGRATOR.value)


def events(house: House) -> list[dict[str, str]]:
    with house.read_transaction() as tx:
        rows = tx.select(tables.outbox, tables.outbox.c.topic == TOPIC, order_by=(tables.outbox.c.id,))
    return [msgspec.json.decode(row.body) for row in rows]


def test_a_stop_is_one_webhook_and_one_mail_for_each_person_who_can_switch_it_on(
    priced: House, tmp_path: Path
) -> None:
    database, tenant = priced.database, priced.who.tenant
    with database.transaction(tenant) as tx:
        for role in Role:
            enrol(tx, role.value, role)
    with database.transaction("tenant_other") as tx:
        enrol(tx, "other", Role.OWNER)
    keys = KeyRing.load(tmp_path / "mail-keys", "secrets", remedy="")
    mails = CanaryMails(queue=MailQueue(keys, enabled=True), base_url="https://gateway.example")
    canary = switched_on(priced)
    with target() as to:
        listening(priced, to, "canary.stopped")
        for _restart in range(2):
            calls_of(priced).stop(canary, StopReason.REFUSED)
            with closing(Database(database.url)) as later:
                client = WebhookClient(allow_hosts={to.host})
                tell(
                    Notifier(later, Deliveries(later), client, stopping=threading.Event(), canary_mails=mails)
                )
        (body,) = bodies(to.got)
    assert body["data"] == {"id": canary.id, "provider": "paid", "model": "paid-1", "reason": "refused"}
    with mail_server() as box:
        server = MailServer(
            host="127.0.0.1", port=box.port, security=MailSecurity.NONE, sender="s@example.com"
        )
        MailSender(database, keys, MailClient(server), stopping=threading.Event()).send_due()
    with database.read_transaction(tenant) as tx:
        told = {row.email for row in tx.select(tables.people, tables.people.c.role.in_(TOLD))}
    assert sorted(mail["To"] for mail in box.received) == sorted(told)
    text = box.received[0].get_content()
    assert "paid, model paid-1: the provider has refused the prompt" in text
    assert "https://gateway.example/attempts#canaries" in text
    assert PROMPT not in text


def test_a_removed_entry_announces_the_canary_that_was_on_and_none_that_was_stopped(priced: House) -> None:
    removed, stopped = add_entry(priced), add_entry(priced, prompt="a red boat")
    on, other = switched_on(priced, removed), switched_on(priced, stopped)
    calls_of(priced).stop(other, StopReason.MODEL)
    for entry in (removed, stopped):
        priced.container.library.remove(priced.who, entry)
    assert [(one["id"], one["reason"]) for one in events(priced)] == [
        (other.id, "model"),
        (on.id, "entry_removed"),
    ]
    assert PROMPT not in str(events(priced))


def test_a_person_who_switches_off_or_removes_a_canary_is_not_told_and_a_second_stop_is(
    priced: House,
) -> None:
    canary = switched_on(priced)
    switch_off(priced, canary)
    assert events(priced) == []
    for _stop in range(2):
        switch_on(priced, canary, month_micros=canary.month_micros)
        calls_of(priced).stop(canary, StopReason.POLICY)
    remove(priced, canary)
    assert [one["reason"] for one in events(priced)] == ["policy", "policy"]


@pytest.mark.parametrize("reason", StopReason)
@pytest.mark.parametrize("language", ["en", "zh-Hant", "zh-Hans"])
def test_each_reason_has_words_in_the_mail(reason: StopReason, language: str) -> None:
    assert load_messages("attempts", language)(f"canary.reason.{reason.value}")
