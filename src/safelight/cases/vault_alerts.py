"""Mails and webhooks about the lane of the vault officer: an entry waits, or was not decided in time."""

from __future__ import annotations

import threading
from collections.abc import Collection

from safelight.accounts import Role
from safelight.accounts.mail import MailKind, MailQueue, NewMail
from safelight.accounts.store import ACTIVE
from safelight.core.background.part import BackgroundPart
from safelight.store.database import Database, Transaction
from safelight.store.tables import people, vault_entries
from safelight.videos.vault_entries import DUE_S, OPEN

#: The page of the lane.
PATH = "/compliance/vault"
_INTERVAL_S = 10.0
#: Entries of one mail. The next one follows in the next round.
_MAX_ENTRIES = 500
#: The topic of the webhook and of the log entry, the mail and who gets it, and how long before the due time.
#: In this order: the column `alerts` counts those that were sent.
_ALERTS = (
    ("vault.opened", MailKind.VAULT_OPENED, {Role.VAULT_OFFICER}, DUE_S),
    # An owner can enrol another officer.
    ("vault.overdue", MailKind.VAULT_OVERDUE, {Role.VAULT_OFFICER, Role.OWNER, Role.TRUST_LEAD}, 0.0),
)
TOPICS = tuple(topic for topic, *_ in _ALERTS)


class VaultAlerts:
    """A background part. Each entry causes each alert once, also if several processes run."""

    def __init__(
        self, database: Database, queue: MailQueue, *, base_url: str, stopping: threading.Event
    ) -> None:
        self._database = database
        self._queue = queue
        self._base_url = base_url
        self.part = BackgroundPart(
            "vault-alerts", {"send_due": self.send_due}, interval_s=_INTERVAL_S, stopping=stopping
        )

    def send_due(self) -> None:
        for number, (topic, kind, roles, early_s) in enumerate(_ALERTS):
            due = (
                OPEN,
                vault_entries.c.alerts == number,
                vault_entries.c.due_at <= self._database.clock() + early_s,
            )
            with self._database.across_tenants("alerts about the vault", readonly=True) as tx:
                rows = tx.select(vault_entries, *due, columns=[vault_entries.c.tenant_id])
            for tenant in {row.tenant_id for row in rows} - set(self.part.rows.parked()):
                with self.part.rows.attempt(tenant), self._database.transaction(tenant) as tx:
                    entries = tx.select(vault_entries, *due, limit=_MAX_ENTRIES, lock=True)
                    if entries:
                        to = self._mail(tx, kind, roles, event=entries[0].id)
                    for one in entries:
                        tx.update(vault_entries, one.id, alerts=number + 1)
                        data = {"id": one.id, "kind": one.kind, "due_at": int(one.due_at), "path": PATH}
                        tx.publish(topic, subject=one.id, body=data)
                        tx.append_audit(topic, subject=one.id, actor="vault-alerts", content={"to": to})

    def _mail(self, tx: Transaction, kind: MailKind, roles: Collection[Role], *, event: str) -> list[str]:
        """One mail to each active person with one of the roles. Returns their ids."""
        asked = (people.c.state == ACTIVE, people.c.role.in_([role.value for role in roles]))
        found = tx.select(people, *asked, order_by=(people.c.id,))
        for person in found:
            link = f"{self._base_url}{PATH}"
            new = NewMail(kind=kind, to=person.email, language=person.language, event=event, link=link)
            self._queue.enqueue(tx, new)
        return [person.id for person in found]
