"""The audit log of one tenant for its auditors and leads: who did what to what, and when."""

from __future__ import annotations

from dataclasses import dataclass

from safelight.core.errors import InvalidField
from safelight.core.log_filter import LogFilter
from safelight.core.records import Seconds, Shown
from safelight.store.database import Database, Filter
from safelight.store.pages import Page, read_page
from safelight.store.rows import read_record
from safelight.store.tables import audit_log, cases, people

from .audit import find_accounts
from .models import KeyScope, Principal

#: What staff open of others without a case, the list of what is on record about a person, the cases that
#: auditors read, and those that reviewers see past their budget.
READS = ("prompt.read", "previews.shown", "media.shown", "person.read", "case.read", "budget.overridden")

_MAX_SEQ = 2**63 - 1


@dataclass(frozen=True, kw_only=True)
class LogLine(Shown):
    """An entry without its content, which can name what only the vault officer may know."""

    seq: int
    at: Seconds
    event: str
    subject: str
    actor: str
    #: Of the actor, if this is an enrolled person.
    name: str | None


class TenantLog:
    def __init__(self, database: Database) -> None:
        self._database = database

    def read(self, principal: Principal, asked: LogFilter, *, limit: int) -> Page[LogLine]:
        """The entries of the tenant, newest first. With the scope `policy` instead of `audit`, only `READS`.

        Raises `Forbidden` for others.
        """
        event = asked.event.strip() or ("" if principal.has_scope(KeyScope.AUDIT) else "reads")
        events = READS if event == "reads" else (event,)
        principal.require(KeyScope.AUDIT, *(() if set(events) - set(READS) else (KeyScope.POLICY,)))
        if len(asked.person) > 200:
            raise InvalidField("A person has at most 200 characters.", param="person")
        with self._database.read_transaction(principal.tenant) as tx:
            where: list[Filter] = []
            if asked.person:
                where.append(audit_log.c.actor.in_(find_accounts(tx, asked.person)))
            if subject := asked.subject.strip():
                # Most entries about a case name its video.
                case = tx.one(cases, subject)
                where.append(audit_log.c.subject.in_({subject, case.video_id if case else subject}))
            if event:
                where.append(audit_log.c.event.in_(events))
            if asked.before is not None:
                where.append(audit_log.c.seq < min(max(asked.before, 0), _MAX_SEQ))
            page = read_page(tx, audit_log, *where, order_by=(audit_log.c.seq.desc(),), limit=limit)
            known = tx.select(people, people.c.id.in_({row.actor for row in page.items}))
        names = {row.id: row.name for row in known}
        return page.map(lambda row: read_record(LogLine, row, name=names.get(row.actor)))
