"""Parts of outgoing mail."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from safelight.settings.mail import MailSettings

from .core import CoreParts
from .persistence import PersistenceParts

if TYPE_CHECKING:
    from safelight.attempts.canaries.mails import CanaryMails
    from safelight.background.part import BackgroundPart
    from safelight.net.mail_client import MailClient
    from safelight.trust.mail import MailQueue, MailSender
    from safelight.trust.reports.decision_mails import DecisionMails
    from safelight.trust.reviews.case_mails import CaseMails


def make_mail_client(settings: MailSettings) -> MailClient | None:
    """The client of the mail server; None if the settings name no server."""
    from safelight.net.mail_client import MailClient, MailSecurity, MailServer

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


class MailParts:
    """The queue of mails, their sender, and the mails about cases, reports and canaries."""

    def __init__(self, core: CoreParts, persistence: PersistenceParts) -> None:
        self._core, self._persistence = core, persistence
        self._base_url = (core.settings.server.public_url or "").rstrip("/")

    @cached_property
    def queue(self) -> MailQueue:
        from safelight.trust.mail import MailQueue

        return MailQueue(self._persistence.people.keys, enabled=self._core.settings.mail.host is not None)

    @cached_property
    def sender(self) -> MailSender | None:
        """Sends the queued mails; None if the settings name no mail server."""
        from safelight.trust.mail import MailSender

        client = make_mail_client(self._core.settings.mail)
        if client is None:
            return None
        return MailSender(
            self._persistence.database,
            self._persistence.people.keys,
            client,
            stopping=self._core.shutdown_event,
        )

    @cached_property
    def decisions(self) -> DecisionMails:
        from safelight.trust.reports.decision_mails import DecisionMails

        return DecisionMails(self.queue, self._persistence.people.keys, base_url=self._base_url)

    @cached_property
    def canaries(self) -> CanaryMails:
        from safelight.attempts.canaries.mails import CanaryMails

        return CanaryMails(queue=self.queue, base_url=self._base_url)

    @cached_property
    def cases(self) -> CaseMails:
        from safelight.trust.reviews.case_mails import CaseMails

        return CaseMails(
            self._persistence.database,
            self.queue,
            base_url=self._base_url,
            stopping=self._core.shutdown_event,
        )

    @property
    def parts(self) -> tuple[BackgroundPart, ...]:
        """The parts that work in threads: none if the settings name no mail server."""
        return () if self.sender is None else (self.cases.part, self.sender.part)
