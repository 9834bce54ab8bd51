"""Mails with the decision to reporters who left an e-mail address."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence

from sqlalchemy import exists, or_

from safelight.accounts.mail import MailKind, MailQueue, NewMail, mail_id
from safelight.accounts.people.service import normalize_email
from safelight.accounts.statements import describe_objection, describe_reply
from safelight.core.errors import InvalidField
from safelight.core.i18n import load_messages
from safelight.store.database import Row, Transaction
from safelight.store.key_ring import EncryptedColumn, KeyRing
from safelight.store.tables import cases, notices, outbox
from safelight.videos.case_rows import CaseState

from .notice_store import find_statement, replies_to

#: Forms of one mail: the text with the links stays below 10 KB.
MAX_FORMS = 50
#: A mail waits so long at most for notices of the same sender that were decided together with the answered
#: ones: many rounds, and short beside the hours of a decision.
_TOGETHER_S = 60.0
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

    def list_due(self, whole: Transaction, *, limit: int, without: Collection[str]) -> list[list[str]]:
        """The answered reports by recipient, those that an earlier decision answered also by case. Those of a
        sender of whom other notices are being decided wait for these.
        """
        of, other = notices.c, notices.alias()
        closed = cases.c.closed_at > whole.now() - _TOGETHER_S
        rows = whole.select(
            notices,
            of.receipt_token.is_not(None),
            of.id.not_in(without),
            of.outcome.is_not(None),
            ~exists().where(
                other.c.tenant_id == of.tenant_id,
                other.c.sender == of.sender,
                other.c.outcome.is_(None),
                cases.c.id == other.c.case_id,
                or_(cases.c.state == CaseState.PENDING.value, closed),
            ),
            order_by=(of.created_at, of.id),
            limit=limit,
        )
        repeated = _find_repeated(whole, rows)
        found: dict[tuple[str | None, ...], list[str]] = {}
        for row in rows:
            stored = self._keys.decrypt(row.receipt_token, row.id)
            # The key was lost: the page of the receipt has the decision.
            contact = row.id if stored is None else stored.decode().partition(" ")[2].casefold()
            # By the case, because two of them together would be another mail of the day.
            again = row.case_id if row.id in repeated else None
            found.setdefault((row.tenant_id, contact, row.language, again), []).append(row.id)
        return [ids[:MAX_FORMS] for ids in found.values()]

    def queue(self, whole: Transaction, ids: Sequence[str]) -> None:
        """Queue one mail about these forms of one recipient.

        Reports of one video with the same address bring one mail. Addresses without a video, and reports that
        an earlier decision answered, bring one a day, so that many reports do not send many mails to an
        address that another person entered.
        """
        of = notices.c
        # Locked: two processes would both send them.
        forms = whole.select(
            notices, of.id.in_(ids), of.receipt_token.is_not(None), order_by=(of.created_at, of.id), lock=True
        )
        if not forms:
            return
        decrypted = [(row, self._keys.decrypt(row.receipt_token, row.id)) for row in forms]
        read = [(row, one.decode().partition(" ")) for row, one in decrypted if one is not None]
        if not read:
            whole.update(notices, of.id.in_(ids), receipt_token=None)
            return
        (first, (_, _, contact)), *_ = read
        # The contact of a form can have changed since the forms were listed: its link is for the new one.
        same = [
            (row, token) for row, (token, _, to) in read if (to, row.language) == (contact, first.language)
        ]
        ids = [row.id for row, _ in same]
        whole.update(notices, of.id.in_(ids), receipt_token=None)
        rows = whole.select(notices, of.id.in_(ids))
        outcomes = {one.outcome for one in rows}
        language = first.language or "en"
        key = f"status.{outcomes.pop()}" if len(outcomes) == 1 else "status.several"
        messages = load_messages("notices", language)
        replies = dict.fromkeys(replies_to(whole, rows).values())
        decision = [messages(key), *(describe_reply(one, language)[0] for one in replies)]
        stated = [find_statement(whole, one) for one in rows]
        objections = dict.fromkeys(
            messages("status.objection") if one is None else describe_objection(one, language)
            for one in stated
        )
        tx = whole.of_tenant(first.tenant_id)
        day = f"day {int(whole.now() // 86_400)}"
        repeated = _find_repeated(whole, rows)
        events = {
            " ".join(filter(None, (one.case_id, day if one.id in repeated or not one.case_id else "")))
            for one in rows
        }
        mail = NewMail(
            kind=MailKind.REPORT_DECIDED,
            to=contact,
            language=language,
            event=" ".join(sorted(events)),
            link="\n".join(f"{self._base_url}/report/{token}" for _, token in same),
            values={"decision": "\n\n".join(decision), "objection": "\n\n".join(filter(None, objections))},
        )
        sent = mail_id(tx, mail)
        # The reporter entered the address of a mail again that was not delivered.
        tx.delete(outbox, sent, outbox.c.dead_at.is_not(None))
        self._queue.enqueue(tx, mail)
        whole.update(notices, of.id.in_(ids), mail_id=sent)


def _find_repeated(whole: Transaction, rows: Sequence[Row]) -> set[str]:
    """The reports that an earlier decision answered."""
    ids = {row.case_id for row in rows} - {None}
    closed_at = {one.id: one.closed_at for one in whole.select(cases, cases.c.id.in_(ids))} if ids else {}
    return {row.id for row in rows if row.created_at > (closed_at.get(row.case_id) or math.inf)}
