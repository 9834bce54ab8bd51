"""Reads the entries of the audit log about cases, and the words of reports."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeVar

import msgspec
from sqlalchemy import ColumnElement, Row, Table, bindparam

from safelight.moderation.text_screening import decode
from safelight.store.tables import (
    CASE_EVENTS,
    audit_log,
    audit_log_contents,
    cases,
    notices,
    reports,
    videos,
)
from safelight.store.transaction import Transaction
from safelight.trust.accounts.reporter import Reporter
from safelight.trust.reports.models import ReportReason
from safelight.trust.reviews import Case, CaseKind, case_from_row

from .models import CaseEntry, ReportText

#: Ids in one statement: below the limits of both databases.
_MAX_IDS = 500
_EMAIL = re.compile(r"[^\s@<>()]+@[^\s@<>()]+\.[^\s@<>()]+")
_REMOVED = "[removed]"
#: Shorter parts of names are ordinary words too often.
_MIN_PART_CHARACTERS = 3
#: Reasons that a reporter chose from a list; any other reason is in the own words of the reporter.
_CHOSEN_REASONS = frozenset({*(reason.value for reason in ReportReason), "appeal", ""})
_Value = TypeVar("_Value", str, int)
#: As constants in the statement, because only then SQLite uses the index of these events.
_IS_CASE_EVENT = audit_log.c.event.in_(
    bindparam("case_events", list(CASE_EVENTS), expanding=True, literal_execute=True)
)


def read_entries(tx: Transaction, *, after: int, limit: int) -> list[Row[Any]]:
    """Rows of the audit log of the current tenant about cases, oldest first."""
    return tx.select(
        audit_log, _IS_CASE_EVENT, audit_log.c.seq > after, order_by=(audit_log.c.seq,), limit=limit
    )


def read_histories(tx: Transaction, rows: Sequence[Row[Any]]) -> list[CaseEntry]:
    """The entries of the cases of these rows, and the earlier ones of the same cases.

    Without entries whose content was erased, and those of quality reviews.
    """
    subjects = {row.subject for row in rows}
    until = audit_log.c.seq <= max((row.seq for row in rows), default=0)
    known = _read_in(tx, audit_log, audit_log.c.subject, subjects, until, audit_log.c.event.in_(CASE_EVENTS))
    stored = _read_in(tx, audit_log_contents, audit_log_contents.c.seq, {row.seq for row in known})
    contents: dict[int, Mapping[str, Any]] = {
        row.seq: msgspec.json.decode(row.content) for row in stored if row.content is not None
    }
    of_notices = {
        row.id: row.case_id
        for row in _read_in(
            tx, notices, notices.c.id, {name for name in map(_notice_of, contents.values()) if name}
        )
    }
    case_ids = {
        seq: str(content.get("case") or of_notices.get(_notice_of(content)) or "")
        for seq, content in contents.items()
    }
    found = _read_cases(tx, {case_id for case_id in case_ids.values() if case_id})
    return [
        CaseEntry(
            seq=row.seq,
            at=row.at,
            event=row.event,
            actor=row.actor,
            content=contents[row.seq],
            case=found[case_ids[row.seq]],
        )
        for row in known
        if case_ids.get(row.seq) in found
    ]


def read_texts(tx: Transaction, entries: Iterable[CaseEntry]) -> dict[int, ReportText]:
    """The words of the reports and appeals of these entries, by the number of the entry.

    Without words if the case or video is quarantined, vaulted or deleted, or if they were erased.
    """
    wanted = {
        name: entry
        for entry in entries
        if entry.event in ("report.received", "appeal.received")
        and (name := entry.content.get("report") or entry.content.get("appeal"))
    }
    names = _read_in(tx, notices, notices.c.id, wanted)
    senders = {row.id: row.name for row in names}
    seen = {entry.case.video_id for entry in wanted.values()}
    readable = {
        row.id
        for row in _read_in(tx, videos, videos.c.id, seen)
        if not (row.vaulted or row.quarantined or row.deleted_at is not None)
    }
    found: dict[int, ReportText] = {}
    for row in _read_in(tx, reports, reports.c.id, wanted):
        entry = wanted[row.id]
        is_shown = not entry.case.quarantined and (entry.case.video_id in readable or not entry.case.video_id)
        identity = (row.contact, senders.get(row.id), Reporter.parse(row.reporter).identity)
        own_words = [] if row.reason in _CHOSEN_REASONS or row.reason == row.category else [row.reason]
        text = "\n".join([*own_words, row.note]).strip()
        found[entry.seq] = ReportText(
            id=row.id,
            category=row.category,
            reason=row.reason,
            text=without_identity(text, identity) if is_shown else "",
            screening=decode(row.text_screening),
        )
    return found


def without_identity(text: str, identity: Iterable[str | None]) -> str:
    """The text without these names and addresses of its author, and without any e-mail address."""
    text = _EMAIL.sub(_REMOVED, text)
    whole = [word.strip() for word in identity if word]
    parts = {part for word in whole for part in (word, *word.split())}
    for part in sorted(parts, key=len, reverse=True):
        if len(part) >= (_MIN_PART_CHARACTERS if part.isascii() else 2):
            # Chinese has no spaces between words.
            pattern = rf"(?<!\w){re.escape(part)}(?!\w)" if part.isascii() else re.escape(part)
            text = re.sub(pattern, _REMOVED, text, flags=re.IGNORECASE)
    return text


def _notice_of(content: Mapping[str, Any]) -> str:
    return str(content.get("report") or content.get("notice") or "")


def _read_cases(tx: Transaction, ids: Iterable[str]) -> dict[str, Case]:
    rows = _read_in(tx, cases, cases.c.id, ids, cases.c.kind != CaseKind.QUALITY.value)
    return {row.id: case_from_row(row) for row in rows}


def _read_in(
    tx: Transaction,
    table: Table,
    column: ColumnElement[Any],
    values: Iterable[_Value],
    *where: ColumnElement[bool],
) -> list[Row[Any]]:
    wanted = sorted(set(values))
    return [
        row
        for start in range(0, len(wanted), _MAX_IDS)
        for row in tx.select(table, column.in_(wanted[start : start + _MAX_IDS]), *where)
    ]
