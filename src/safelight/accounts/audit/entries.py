"""Reads the entries of the audit log, and erases their contents."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
from sqlalchemy import or_, select

from safelight.core.errors import BadInput
from safelight.store.database import Database, Filter, Row, Transaction
from safelight.store.rows import read_record
from safelight.store.tables import api_keys, audit_log, audit_log_contents, cases, people

#: The event of an entry that records an erasure. The content of such an entry is never erased.
ERASED = "log.erased"
_CONTENT = (
    audit_log_contents.c.seq.label("content_seq"),
    audit_log_contents.c.tenant_id.label("content_tenant"),
    audit_log_contents.c.salt,
    audit_log_contents.c.content,
)


@dataclass(frozen=True, kw_only=True)
class LogEntry:
    """One entry of the audit log."""

    seq: int
    at: float
    #: The tenant of the entry. None if the entry concerns the whole installation.
    tenant: str | None
    event: str
    subject: str
    actor: str
    hash: str
    #: None if the content was erased.
    content: Mapping[str, Any] | None


def read_entries(
    database: Database,
    *,
    after: int = 0,
    limit: int = 100,
    newest: bool = False,
    person: str = "",
    case: str = "",
    event: str = "",
) -> tuple[LogEntry, ...]:
    """Entries of all tenants with a `seq` greater than `after`, oldest first, at most `limit`: the first, or
    with `newest` the last ones.

    `person`: the id, the e-mail address or the name of the person or key that acted or is concerned. `case`:
    the entries that name this case. All given conditions must hold.
    """
    where = [audit_log.c.event == event] if event else []
    with database.across_tenants("reading the log", readonly=True) as tx:
        if person:
            ids = find_accounts(tx, person)
            where.append(or_(audit_log.c.actor.in_(ids), audit_log.c.subject.in_(ids)))
        if not case:
            return tuple(_entry(row) for row in _page(tx, after, limit, *where, newest=newest))
        # The case stands in the content of most entries, which are about its video.
        videos = [row.video_id for row in tx.select(cases, case, columns=[cases.c.video_id])]
        where.append(audit_log.c.subject.in_([case, *videos]))
        rows = _page(tx, after, None, *where, newest=newest)
        found = [
            entry for entry in map(_entry, rows) if case in (entry.subject, (entry.content or {}).get("case"))
        ]
    return tuple(found[-limit:] if newest else found[:limit])


def find_accounts(tx: Transaction, person: str) -> list[str]:
    """The ids that a person or key may have who is given by id, e-mail address or name."""
    wanted = person.strip()
    people_found = tx.select(
        people, or_(people.c.email == wanted.lower(), people.c.name == wanted), columns=[people.c.id]
    )
    keys_found = tx.select(api_keys, api_keys.c.name == wanted, columns=[api_keys.c.id])
    return [wanted, *(row.id for row in (*people_found, *keys_found))]


def read_history(tx: Transaction, subject: str) -> tuple[LogEntry, ...]:
    """The entries of the current tenant about one subject, oldest first."""
    rows = tx.execute(
        select(audit_log, *_CONTENT)
        .join(audit_log_contents, audit_log.c.seq == audit_log_contents.c.seq)
        .where(
            *tx.tenant_condition(audit_log),
            *tx.tenant_condition(audit_log_contents),
            audit_log.c.subject == subject,
        )
        .order_by(audit_log.c.seq)
    )
    return tuple(_entry(row) for row in rows)


def erase_contents(tx: Transaction, seqs: Iterable[int], *, actor: str, reason: str) -> int:
    """Erase the contents of these entries permanently. Returns the number of erased contents.

    The entries themselves stay, so the hash chain stays valid. A new entry records the erasure; without this
    record, `verify` would report the missing contents.
    """
    wanted = sorted(set(seqs))
    found = [
        row.seq for row in tx.select(audit_log, audit_log.c.seq.in_(wanted), audit_log.c.event != ERASED)
    ]
    if len(found) != len(wanted):
        raise BadInput("Contents of other tenants, and of entries that record an erasure, cannot be erased.")
    if not wanted:
        return 0
    tx.update(audit_log_contents, audit_log_contents.c.seq.in_(wanted), salt=b"", content=None)
    tx.append_audit(
        ERASED, subject=f"log:{wanted[0]}", actor=actor, content={"seqs": wanted, "reason": reason}
    )
    return len(wanted)


def _page(tx: Transaction, after: int, limit: int | None, *where: Filter, newest: bool = False) -> list[Row]:
    rows = list(
        tx.execute(
            select(audit_log, *_CONTENT)
            .outerjoin(audit_log_contents, audit_log.c.seq == audit_log_contents.c.seq)
            .where(audit_log.c.seq > after, *where)
            .order_by(audit_log.c.seq.desc() if newest else audit_log.c.seq)
            .limit(limit)
        )
    )
    return rows[::-1] if newest else rows


def _entry(row: Row) -> LogEntry:
    content: Mapping[str, Any] | None = None if row.content is None else msgspec.json.decode(row.content)
    return read_record(LogEntry, row, content=content)
