"""Mails with the decision to reporters who left an e-mail address."""

from __future__ import annotations

from safelight.errors import InvalidField
from safelight.i18n import load_messages
from safelight.store.database import Transaction
from safelight.store.key_ring import EncryptedColumn, KeyRing
from safelight.store.tables import notices
from safelight.trust.mail import MailKind, MailQueue, NewMail
from safelight.trust.people.service import normalize_email

RECEIPT_TOKENS = EncryptedColumn(
    table=notices,
    identity="id",
    column="receipt_token",
    record=str,
    where=notices.c.receipt_token.is_not(None),
)


class DecisionMails:
    """Keeps the secret of the receipt until the decision, and queues the mail with the link to it."""

    def __init__(self, queue: MailQueue, keys: KeyRing, *, base_url: str) -> None:
        self._queue = queue
        self._keys = keys
        self._base_url = base_url

    @property
    def enabled(self) -> bool:
        return self._queue.enabled

    def encrypt_token(self, notice_id: str, token: str, contact: str | None) -> bytes | None:
        """The secret of a receipt and the contact as they are stored; None if no mail can be sent to it."""
        if contact is None or not self.enabled:
            return None
        try:
            normalize_email(contact)
        except InvalidField:
            # By API, a contact may be any text, for example a telephone number.
            return None
        return self._keys.encrypt(f"{token} {contact}".encode(), notice_id)

    def queue(self, tx: Transaction, row_id: str) -> None:
        """Queue the mail if everything is decided that was sent with the form of this row.

        `tx` is across tenants: hashes of one form can match videos of several. Reports of one video with the
        same address bring one mail, so that many reports do not send many mails to an address that
        another person entered.
        """
        row = tx.one(notices, notices.c.id == row_id)
        # Locked: two processes that answer two videos of one form would both find the other one waiting.
        first = tx.one(notices, notices.c.id == row.notice_id, lock=True) if row is not None else None
        if first is None or first.receipt_token is None:
            return
        same_form = (notices.c.notice_id == first.notice_id, notices.c.video_id.is_not(None))
        rows = tx.select(notices, *same_form, columns=[notices.c.outcome, notices.c.case_id])
        outcomes = {one.outcome for one in rows}
        if None in outcomes:
            return
        tx.update(notices, notices.c.id == first.id, receipt_token=None)
        stored = self._keys.decrypt(first.receipt_token, first.id)
        if stored is None:
            # The key was lost. The page of the receipt has the decision.
            return
        token, _, contact = stored.decode().partition(" ")
        language = first.language or "en"
        key = f"status.{outcomes.pop()}" if len(outcomes) == 1 else "status.several"
        messages = load_messages("notices", language)
        self._queue.enqueue(
            tx.of_tenant(first.tenant_id),
            NewMail(
                kind=MailKind.REPORT_DECIDED,
                to=contact,
                language=language,
                event=" ".join(sorted({one.case_id for one in rows})),
                link=f"{self._base_url}/report/{token}",
                values={"decision": messages(key), "objection": messages("status.objection")},
            ),
        )
