"""Builds outgoing mail: the queue of mails, their sender, and the mails about cases and reports."""

from __future__ import annotations

import threading
from dataclasses import dataclass

from safelight.accounts.mail import MailQueue, MailSender
from safelight.app.settings import Settings
from safelight.app.settings.mail import MailSettings
from safelight.cases.reports.decision_mails import DecisionMails
from safelight.cases.reviews.case_mails import CaseMails
from safelight.cases.vault_alerts import VaultAlerts
from safelight.core.net.mail_client import MailClient, MailSecurity, MailServer
from safelight.store.database import Database
from safelight.store.key_ring import KeyRing


def make_mail_client(settings: MailSettings) -> MailClient | None:
    """The client of the mail server; None if the settings name no server."""
    if settings.host is None:
        return None
    return MailClient(
        MailServer(
            host=settings.host,
            port=settings.effective_port,
            security=MailSecurity(settings.security),
            sender=settings.sender,
            user=settings.user,
            password=settings.password,
        )
    )


@dataclass(frozen=True, kw_only=True)
class Mails:
    queue: MailQueue
    #: Sends the queued mails; None if the settings name no mail server.
    sender: MailSender | None
    decisions: DecisionMails
    cases: CaseMails
    vault: VaultAlerts


def make_mails(settings: Settings, database: Database, keys: KeyRing, *, stopping: threading.Event) -> Mails:
    base_url = (settings.server.public_url or "").rstrip("/")
    client = make_mail_client(settings.mail)
    queue = MailQueue(keys, enabled=client is not None)
    return Mails(
        queue=queue,
        sender=None if client is None else MailSender(database, keys, client, stopping=stopping),
        decisions=DecisionMails(queue, keys, base_url=base_url),
        cases=CaseMails(database, queue, base_url=base_url, stopping=stopping),
        vault=VaultAlerts(database, queue, base_url=base_url, stopping=stopping),
    )
