"""Parts of outgoing mail."""

from __future__ import annotations

import threading
from functools import cached_property
from typing import TYPE_CHECKING

from safelight.settings.mail import MailSettings

if TYPE_CHECKING:
    from safelight.net.mail_client import MailClient
    from safelight.store.database import Database
    from safelight.store.key_ring import KeyRing
    from safelight.trust.mail import MailQueue, MailSender


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
    """The queue of mails and their sender."""

    def __init__(
        self, settings: MailSettings, database: Database, keys: KeyRing, *, stopping: threading.Event
    ) -> None:
        self._settings, self._database, self._keys, self._stopping = settings, database, keys, stopping

    @cached_property
    def queue(self) -> MailQueue:
        from safelight.trust.mail import MailQueue

        return MailQueue(self._keys, enabled=self._settings.host is not None)

    @cached_property
    def sender(self) -> MailSender | None:
        """Sends the queued mails; None if the settings name no mail server."""
        from safelight.trust.mail import MailSender

        client = make_mail_client(self._settings)
        if client is None:
            return None
        return MailSender(self._database, self._keys, client, stopping=self._stopping)
