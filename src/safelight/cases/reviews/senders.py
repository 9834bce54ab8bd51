"""Who sent notices, under a pseudonym, and what was decided about them."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated

from sqlalchemy import case, func, select

from safelight.accounts.reporter import Reporter
from safelight.cases.reports.models import NoticeOutcome, ReportReason
from safelight.core.records import About, Shown
from safelight.store.database import Row, Transaction
from safelight.store.tables import notices, people, reports
from safelight.videos.case_rows.models import SenderRecord


@dataclass(frozen=True, kw_only=True)
class CaseReporters(Shown):
    """Who reported the video of a case."""

    number: int
    reporter: Annotated[SenderRecord | None, About("Null if there are several.")]
    reasons: Annotated[
        tuple[str, ...],
        About(
            "Reasons of the report form and categories, the most frequent first. `other`: only words of the "
            "reporter's own, which are in the case."
        ),
    ]


def read_notices(tx: Transaction, report_ids: Collection[str]) -> dict[str, Row]:
    """The `sender`, a pseudonym, and the `location` of these reports, by their id; without erased ones."""
    of = notices.c
    columns = [of.id, of.sender, of.location]
    rows = tx.select(notices, of.id.in_(report_ids), of.sender.is_not(None), columns=columns)
    return {row.id: row for row in rows}


def read_identities(tx: Transaction, video_id: str) -> set[str]:
    """The names, contacts and identifiers of those who reported a video; without erased ones."""
    sent = tx.select(reports, reports.c.video_id == video_id)
    senders = [Reporter.parse(row.reporter) for row in sent]
    accounts = people.c.id.in_([one.principal_id for one in senders])
    named = [
        *tx.select(notices, notices.c.id.in_([row.id for row in sent]), columns=[notices.c.name]),
        *tx.select(people, accounts, columns=[people.c.name]),
    ]
    known = {row.contact for row in sent} | {row.name for row in named}
    return {one.identity for one in senders} | {one for one in known if one}


def read_records(tx: Transaction, senders: Iterable[str]) -> dict[str, SenderRecord]:
    """What was decided about all notices of these senders in this tenant."""
    of = notices.c
    rows = tx.execute(
        select(
            of.sender,
            func.count(of.id),
            *(
                func.count(of.case_id.distinct()).filter(of.outcome == one.value)
                for one in (NoticeOutcome.REMOVED, NoticeOutcome.KEPT)
            ),
        )
        .where(*tx.tenant_condition(notices), of.sender.in_(set(senders)))
        .group_by(of.sender)
        .order_by(of.sender)
    )
    return {
        name: SenderRecord(reporter=name, notices=sent, upheld=upheld, rejected=rejected)
        for name, sent, upheld, rejected in map(tuple, rows)
    }


def read_reporters(tx: Transaction, case_ids: Collection[str]) -> dict[str, CaseReporters]:
    """Who reported these cases, by the id of the case."""
    of = notices.c
    found = tx.execute(
        select(of.case_id, func.count(of.sender.distinct()), func.max(of.sender))
        .where(*tx.tenant_condition(notices), of.case_id.in_(case_ids), of.sender.is_not(None))
        .group_by(of.case_id)
    )
    rows = [tuple(row) for row in found]
    records = read_records(tx, [name for _, number, name in rows if number == 1])
    stated = count_reasons(tx, case_ids)
    return {
        case_id: CaseReporters(
            number=number,
            reporter=records.get(name) if number == 1 else None,
            reasons=tuple(sorted(stated[case_id], key=lambda one: (-stated[case_id][one], one))),
        )
        for case_id, number, name in rows
    }


def count_reasons(tx: Transaction, case_ids: Collection[str]) -> Mapping[str, Counter[str]]:
    """How many reports of each case name each reason of the form or category."""
    of = reports.c
    of_form = case((of.reason.in_(list(ReportReason)), of.reason), else_="").label("of_form")
    rows = tx.execute(
        select(of.case_id, of.category, of_form, func.count())
        .where(*tx.tenant_condition(reports), of.case_id.in_(case_ids))
        .group_by(of.case_id, of.category, "of_form")
    )
    found = defaultdict[str, Counter[str]](Counter)
    for case_id, category, reason, number in map(tuple, rows):
        # One report can name the same word as both.
        for one in {category, reason} - {None, ""} or {ReportReason.OTHER.value}:
            found[case_id][one] += number
    return found
