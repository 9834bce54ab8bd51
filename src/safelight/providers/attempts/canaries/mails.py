"""Mails about stopped canaries to the people who can switch them on again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from safelight.accounts import KeyScope
from safelight.accounts.mail import MailKind, MailQueue, NewMail
from safelight.accounts.store import ACTIVE, principal_of_person
from safelight.core.i18n import load_messages
from safelight.store.database import Transaction
from safelight.store.tables import people


@dataclass(frozen=True, kw_only=True)
class CanaryMails:
    """Queues these mails in a transaction of the tenant."""

    queue: MailQueue
    base_url: str

    def announce(self, tx: Transaction, stop: Mapping[str, str], *, event: str) -> int:
        """Queue a mail to each person with the scope `admin`. Returns the number of mails.

        `stop` is the body of the event with this id. An event that is announced again adds no mail.
        """
        mails = 0
        for row in tx.select(people, people.c.state == ACTIVE, order_by=(people.c.id,)):
            person = principal_of_person(row)
            if person is not None and person.has_scope(KeyScope.ADMIN):
                mails += self.queue.enqueue(tx, self._mail(row.email, row.language, stop, event))
        return mails

    def _mail(self, to: str, language: str, stop: Mapping[str, str], event: str) -> NewMail:
        reason = load_messages("attempts", language)(f"canary.reason.{stop['reason']}")
        return NewMail(
            kind=MailKind.CANARY_STOPPED,
            to=to,
            language=language,
            event=event,
            link=f"{self.base_url}/attempts#canaries",
            values={"provider": stop["provider"], "model": stop["model"], "reason": reason},
        )
