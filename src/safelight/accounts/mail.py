"""Outgoing mail: plain text with a link, in the language of the recipient."""

from __future__ import annotations

import hashlib
import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

import msgspec

from safelight.core.background.part import BackgroundPart
from safelight.core.i18n import load_messages
from safelight.core.net.mail_client import MailClient, MailResult, MailText
from safelight.store.database import Database, Transaction
from safelight.store.key_ring import EncryptedColumn, KeyRing
from safelight.store.outbox import Message, Outbox
from safelight.store.tables import outbox

from .people.service import normalize_email

#: The topic of mails in the outbox.
TOPIC = "mail"
#: The body of a mail that is not sent any more.
ERASED = b"{}"
_INTERVAL_S = 2.0
#: Longer than the slowest attempt: ten commands of 8 s each.
_LEASE_S = 180.0
#: One round ends after this number of mails, so that a stop is noticed.
_MAX_PER_ROUND = 20
#: Less than the time after which a part that does not end its task is not ready, with one more attempt.
_ROUND_S = 30.0

# The kinds of mail, and a mail that is not queued yet.


class MailKind(StrEnum):
    """What a mail is about. The message slice `mail` has the subject and the text of each kind."""

    #: The operator tests the settings.
    TEST = "test"
    #: A person is asked for a consent.
    CONSENT_ASKED = "consent_asked"
    #: A person gave a consent: the link to the page where they can withdraw it.
    CONSENT_GIVEN = "consent_given"
    #: Cases that a reviewer may decide were opened.
    CASES_WAITING = "cases_waiting"
    #: Cases that a reviewer may decide are due soon.
    CASES_DUE = "cases_due"
    #: Something waits for the vault officer.
    VAULT_OPENED = "vault_opened"
    #: The vault officer did not decide in time.
    VAULT_OVERDUE = "vault_overdue"
    #: The decision about a report, for the person who sent it.
    REPORT_DECIDED = "report_decided"


@dataclass(frozen=True, kw_only=True)
class NewMail:
    """A mail to one recipient, about one event."""

    kind: MailKind
    to: str
    language: str
    #: The id of what the mail is about. There is at most one mail for this event, kind and recipient.
    event: str
    #: The address of a page, complete with scheme and host. A mail has no other content of the case.
    link: str
    #: Further values of the text. They are shown to the recipient: no names of staff, no notes.
    values: Mapping[str, str] = field(default_factory=dict)


class EncryptedMail(msgspec.Struct, frozen=True, kw_only=True):
    """The body of a mail in the outbox: a `QueuedMail`, encrypted because links are secret."""

    ciphertext: bytes


class QueuedMail(msgspec.Struct, frozen=True, kw_only=True):
    """A mail in the recipient's language."""

    to: str
    subject: str
    text: str
    language: str


# Queues mails in the transaction of the change that they report.


class MailQueue:
    """Writes mails into the outbox, encrypted. `enabled` is false if the settings name no mail server."""

    def __init__(self, keys: KeyRing, *, enabled: bool) -> None:
        self._keys = keys
        self.enabled = enabled

    def enqueue(self, tx: Transaction, new: NewMail) -> bool:
        """Queue a mail. It is sent only if the transaction commits.

        Returns False, and queues nothing, if no mail server is configured; then the caller shows the link.
        The same event, kind and recipient are queued once. Raises `InvalidField` for a bad address.
        """
        if not self.enabled:
            return False
        mail = render_mail(new)
        identity = mail_id(tx, new)
        now = tx.now()
        encrypted = EncryptedMail(ciphertext=self._keys.encrypt(msgspec.json.encode(mail), identity))
        tx.insert_or_ignore(
            outbox,
            id=identity,
            tenant_id=tx.tenant,
            topic=TOPIC,
            subject=new.event,
            body=msgspec.json.encode(encrypted),
            created_at=now,
            due_at=now,
            attempts=0,
        )
        return True


def mail_id(tx: Transaction, new: NewMail) -> str:
    """The id of a mail in the outbox."""
    return f"mail_{_digest(tx.tenant or '', new.event, new.kind.value, normalize_email(new.to))}"


def render_mail(new: NewMail) -> QueuedMail:
    """The subject and the text of a mail in the recipient's language."""
    messages = load_messages("mail", new.language)
    values = {**new.values, "link": new.link}
    subject = messages(f"{new.kind.value}.subject", **values)
    text = messages(f"{new.kind.value}.text", **values).strip()
    # A name that a user entered must not add a header line.
    one_line = " ".join(subject.split())
    return QueuedMail(
        to=normalize_email(new.to),
        subject=one_line,
        text=f"{text}\n\n-- \n{messages('footer')}\n",
        language=messages.tag,
    )


def _read_ciphertext(body: bytes) -> bytes | None:
    """The ciphertext of a mail; None after its text was deleted."""
    return None if body == ERASED else msgspec.json.decode(body, type=EncryptedMail).ciphertext


def _write_ciphertext(ciphertext: bytes) -> bytes:
    return msgspec.json.encode(EncryptedMail(ciphertext=ciphertext))


MAILS = EncryptedColumn(
    table=outbox,
    identity="id",
    column="body",
    record=str,
    where=outbox.c.topic == TOPIC,
    read=_read_ciphertext,
    write=_write_ciphertext,
)


def _digest(*parts: str) -> str:
    return hashlib.sha256("\x00".join(parts).encode()).hexdigest()[:32]


_log = logging.getLogger(__name__)


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
