"""Sends the mails of the outbox in the background, and tries again after a failure."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

import msgspec

from safelight.background.part import BackgroundPart
from safelight.net.mail_client import MailClient, MailResult, MailText
from safelight.store.database import Database
from safelight.store.key_ring import KeyRing
from safelight.store.outbox import Message, Outbox

from .models import EncryptedMail, QueuedMail
from .service import ERASED, TOPIC

_log = logging.getLogger(__name__)
_INTERVAL_S = 2.0
#: Longer than the slowest attempt: ten commands of 8 s each.
_LEASE_S = 180.0
#: One round ends after this number of mails, so that a stop is noticed.
_MAX_PER_ROUND = 20
#: Less than the time after which a part that does not end its task is not ready, with one more attempt.
_ROUND_S = 30.0


class MailSender:
    """Sends every queued mail at least once, with the same Message-ID in every attempt.

    After a mail was sent or given up, its text and its address are deleted from the outbox.
    """

    def __init__(
        self,
        database: Database,
        keys: KeyRing,
        client: MailClient,
        *,
        stopping: threading.Event,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._monotonic = monotonic
        self._keys, self._client = keys, client
        self._outbox = Outbox(database, lease_s=_LEASE_S)
        self._stopping = stopping
        self.part = BackgroundPart("mail", {"send": self.send_due}, interval_s=_INTERVAL_S, stopping=stopping)

    def send_due(self) -> int:
        """Send the mails that are due. Returns how many were sent. A round ends at the first failure of the
        server, so that a server that is down is not asked for every mail.
        """
        sent, end = 0, self._monotonic() + _ROUND_S
        for _ in range(_MAX_PER_ROUND):
            is_over = self._stopping.is_set() or self._monotonic() > end
            claimed = () if is_over else self._outbox.claim(TOPIC, limit=1)
            if not claimed:
                break
            result = self._send(claimed[0])
            sent += not result.error
            if result.error and not result.permanent:
                break
        return sent

    def _send(self, message: Message) -> MailResult:
        queued = self._decrypt(message)
        if queued is None:
            # Not permanent: another gateway may have the key, or it is restored from a backup.
            result = MailResult(error="The mail cannot be decrypted.")
        else:
            result = self._client.send(
                MailText(
                    id=message.id,
                    to=queued.to,
                    subject=queued.subject,
                    text=queued.text,
                    language=queued.language,
                )
            )
        if not result.error:
            self._outbox.mark_delivered(message, body=ERASED)
            return result
        due = self._outbox.mark_failed(message, result.error, permanent=result.permanent, body=ERASED)
        if due is None:
            _log.warning("%s was not sent, and no further attempt is made: %s", message.id, result.error)
        else:
            _log.warning("%s was not sent and is tried again: %s", message.id, result.error)
        return result

    def _decrypt(self, message: Message) -> QueuedMail | None:
        encrypted = msgspec.convert(message.body, EncryptedMail)
        plain = self._keys.decrypt(encrypted.ciphertext, message.id)
        return None if plain is None else msgspec.json.decode(plain, type=QueuedMail)
