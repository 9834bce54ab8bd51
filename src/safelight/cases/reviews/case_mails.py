"""Mails to enrolled reviewers about cases that wait: a link, and nothing about the cases."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
from sqlalchemy import func, or_, select

from safelight.accounts import DECIDING, KeyScope, Principal
from safelight.accounts.mail import MailKind, MailQueue, NewMail
from safelight.accounts.store import ACTIVE, principal_of_person
from safelight.cases.reports.notice_store import has_open_page
from safelight.core.background.part import BackgroundPart
from safelight.store.database import Database, Row, Transaction
from safelight.store.tables import cases, outbox, people, tenants
from safelight.videos.case_rows.models import ReviewerPreferences
from safelight.videos.case_rows.store import case_from_row

from .conflicts import record_conflicts
from .queue import offered_to, read_preferences
from .service import obstacle

#: The topic of the outbox for cases that are not announced by mail yet.
TOPIC = "case.mail"
_INTERVAL_S = 10.0
#: Cases of one minute are one mail, and a reviewer gets at most one mail in five minutes. Not longer, because
#: holds are due in minutes.
COLLECT_S, MIN_GAP_S = 60.0, 300.0
#: Cases of one mail. Later ones are announced by the next.
_MAX_CASES = 2000
#: Cases at which a person is involved that are passed over to find one that they may decide.
_MAX_PASSED_OVER = 100
_WAITING = (outbox.c.topic == TOPIC, outbox.c.delivered_at.is_(None))


def announce_by_mail(tx: Transaction, subject: str, tenant: str, *, due_soon: bool) -> None:
    """Let the next mail to reviewers announce this open case, or this report that names a page."""
    tx.publish(TOPIC, subject=subject, body={"due_soon": due_soon}, tenant=tenant)


class CaseMails:
    """A background part. Cases that wait for their mail are in the outbox, so a restart loses none, and of
    several processes one announces a case.
    """

    def __init__(
        self, database: Database, queue: MailQueue, *, base_url: str, stopping: threading.Event
    ) -> None:
        self._database = database
        self._queue = queue
        self._base_url = base_url
        self.part = BackgroundPart(
            "case-mails", {"queue_due": self.queue_due}, interval_s=_INTERVAL_S, stopping=stopping
        )

    def queue_due(self) -> int:
        """Queue the mails about cases that have waited long enough. Returns the number of mails."""
        with self._database.across_tenants("cases to announce by mail", readonly=True) as tx:
            found = tx.execute(
                select(outbox.c.tenant_id)
                .where(*_WAITING)
                .group_by(outbox.c.tenant_id)
                .having(func.min(outbox.c.created_at) <= tx.now() - COLLECT_S)
            )
            waiting = [row.tenant_id for row in found]
        mails = 0
        for tenant in waiting:
            if tenant in self.part.rows.parked():
                continue
            with self.part.rows.attempt(tenant), self._database.transaction(tenant) as tx:
                mails += self._queue_for(tx)
        return mails

    def _queue_for(self, tx: Transaction) -> int:
        """The mails to the people of one tenant about its cases. The cases are taken from the outbox in the
        same transaction.
        """
        # Another process may announce other cases to the same people.
        tx.one(tenants, lock=True)
        sent_before = (
            outbox.c.topic == TOPIC,
            outbox.c.delivered_at.is_not(None),
            outbox.c.delivered_at > tx.now() - MIN_GAP_S,
        )
        if tx.select(outbox, *sent_before, limit=1):
            return 0
        waiting = _take_waiting(tx)
        if waiting is None:
            return 0
        mails = 0
        for person in tx.select(people, people.c.state == ACTIVE, order_by=(people.c.id,)):
            reviewer = principal_of_person(person)
            preferences = read_preferences(tx, reviewer) if reviewer is not None else None
            if reviewer is None or preferences is None or not preferences.mails:
                continue
            kind = _mail_kind(waiting, reviewer, preferences)
            if kind is not None:
                mails += self._queue.enqueue(tx, self._mail(kind, person, event=waiting.rows[0].id))
        waiting.mark_announced()
        return mails

    def _mail(self, kind: MailKind, person: Row, *, event: str) -> NewMail:
        return NewMail(
            kind=kind,
            to=person.email,
            language=person.language,
            event=event,
            link=f"{self._base_url}/review",
            values={"account": f"{self._base_url}/account"},
        )


@dataclass(frozen=True, kw_only=True)
class _Waiting:
    """The cases of one tenant that wait for their mail, locked."""

    tx: Transaction
    #: Oldest first.
    rows: list[Row]
    due_soon: list[str]
    new: list[str]

    def mark_announced(self) -> None:
        # One row stays: the time of this mail.
        first, *others = [row.id for row in self.rows]
        self.tx.delete(outbox, outbox.c.topic == TOPIC, outbox.c.delivered_at.is_not(None))
        self.tx.delete(outbox, outbox.c.id.in_(others))
        self.tx.update(outbox, first, delivered_at=self.tx.now())


def _take_waiting(tx: Transaction) -> _Waiting | None:
    """None if they have not waited long enough, or another process took them."""
    rows = tx.select(
        outbox,
        *_WAITING,
        order_by=(outbox.c.created_at, outbox.c.id),
        limit=_MAX_CASES,
        lock=True,
        skip_locked=True,
    )
    if not rows or rows[0].created_at > tx.now() - COLLECT_S:
        return None
    due_soon = {row.subject for row in rows if msgspec.json.decode(row.body)["due_soon"]}
    new = {row.subject for row in rows} - due_soon
    return _Waiting(tx=tx, rows=rows, due_soon=sorted(due_soon), new=sorted(new))


def _mail_kind(of: _Waiting, person: Principal, preferences: ReviewerPreferences) -> MailKind | None:
    """The mail that a person gets; None without a case that this person may take."""
    if not person.has_one_of(DECIDING):
        return None
    if _may_take_one(of.tx, person, preferences, of.due_soon):
        return MailKind.CASES_DUE
    finds_pages = person.has_scope(KeyScope.REVIEW) and has_open_page(of.tx, of.new)
    is_new = finds_pages or _may_take_one(of.tx, person, preferences, of.new)
    return MailKind.CASES_WAITING if is_new else None


def _may_take_one(
    tx: Transaction, person: Principal, preferences: ReviewerPreferences, case_ids: Sequence[str]
) -> bool:
    """Whether the queue would give one of these cases to this person now."""
    if not case_ids:
        return False
    free = or_(cases.c.leased_until.is_(None), cases.c.leased_until < tx.now(), cases.c.reserved)
    rows = tx.select(
        cases,
        cases.c.id.in_(case_ids),
        *offered_to(tx, person, preferences),
        free,
        order_by=(cases.c.rank_at, cases.c.id),
        limit=_MAX_PASSED_OVER,
    )
    for case in map(case_from_row, rows):
        record_conflicts(tx, case)
        if obstacle(tx, person, case) is None:
            return True
    return False
