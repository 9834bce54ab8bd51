"""Queues mails in the transaction of the change that they report."""

from __future__ import annotations

import hashlib

import msgspec

from safelight.i18n import load_messages
from safelight.store.encrypted_column import EncryptedColumn
from safelight.store.key_ring import KeyRing
from safelight.store.tables import outbox
from safelight.store.transaction import Transaction
from safelight.trust.people.service import normalize_email

from .models import EncryptedMail, NewMail, QueuedMail

#: The topic of mails in the outbox.
TOPIC = "mail"
#: The body of a mail that is not sent any more.
ERASED = b"{}"


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
        identity = f"mail_{_digest(tx.tenant or '', new.event, new.kind.value, mail.to)}"
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
