"""What happened to cases, from the audit log: in the words of Ozone, of one case, and the decided cases of a
period, from which an auditor draws.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import msgspec
from sqlalchemy import ColumnElement, Table, bindparam, or_

from safelight.accounts import KeyScope, Principal
from safelight.accounts.reporter import Reporter, ReporterKind
from safelight.core.envelopes import format_iso
from safelight.core.errors import Forbidden, InvalidField, NotFound
from safelight.policy.findings import Category, Group, group_of
from safelight.screening.text_screening import TextScreening, decode
from safelight.store.database import Database, Filter, Row, Transaction
from safelight.store.rows import read_record
from safelight.store.tables import CASE_EVENTS, audit_log, audit_log_contents, cases, notices, reports, videos
from safelight.videos.case_rows import Case, CaseKind, DecisionAction, case_from_row

from .case_draw import DecidedCase, Population, Recorded
from .inputs import parse_day
from .plain_messages import without_identity
from .reports.lanes import ReportLane, UnattendedAction
from .reports.models import ReportReason, is_own_words
from .reviews.ozone import TYPE_OF_ACTION, ModerationEventType, ReviewState

#: What reviewers do, under their own id.
_BY_STAFF = frozenset(
    {"case.escalated", "case.decided", "case.undone", *(f"case.{action.value}" for action in DecisionAction)}
)
_STATES = {
    "case.escalated": ReviewState.ESCALATED,
    "case.expired": ReviewState.NONE,
    "case.closed": ReviewState.NONE,
    **{f"case.{action.value}": ReviewState.CLOSED for action in DecisionAction},
}
_REPORTERS = frozenset(kind.value for kind in ReporterKind)
#: Names of events for which Ozone has no word.
_OWN_TYPES = {
    "case.opened": "safelight.caseOpened",
    "case.decided": "safelight.decisionPending",
    "case.undone": "safelight.decisionUndone",
    "case.not_carried_out": "safelight.decisionNotCarriedOut",
    "case.expired": "safelight.caseExpired",
    "case.closed": "safelight.caseClosed",
    "video.hidden": "safelight.videoHidden",
    "video.restored": "safelight.videoRestored",
    "report.unattended": "safelight.reportUnattended",
}
_OZONE_TYPES = {
    "case.escalated": ModerationEventType.ESCALATE,
    "report.received": ModerationEventType.REPORT,
    "appeal.received": ModerationEventType.REPORT,
    **{f"case.{action.value}": word for action, word in TYPE_OF_ACTION.items()},
}
_APPEAL, _OTHER, _INTIMATE = "Appeal", "Other", "SexualNCII"
#: The reason of a report in Ozone, without its prefix. A reason in own words is `Other`.
_REASONS: Mapping[str, str] = {
    ReportReason.SEXUAL: "SexualUnlabeled",
    ReportReason.CHILD_SAFETY: "ChildSafetyOther",
    ReportReason.INTIMATE: _INTIMATE,
    ReportReason.VIOLENCE: "ViolenceOther",
    ReportReason.SELF_HARM: "SelfHarmContent",
    ReportReason.HATE: "HarassmentHateSpeech",
    ReportReason.EXTREMISM: "ViolenceExtremistContent",
    ReportReason.LIKENESS: "MisleadingImpersonation",
    ReportReason.COPYRIGHT: "RuleOther",
    ReportReason.DECEPTION: "MisleadingOther",
    ReportReason.PRIVACY: "HarassmentDoxxing",
    Category.SEXUAL_MINORS: "ChildSafetyCSAM",
    Category.NCII: _INTIMATE,
    Category.VIOLENCE_GRAPHIC: "ViolenceGraphicContent",
    Group.SELF_HARM: "SelfHarmContent",
    Category.HARASSMENT: "HarassmentTargeted",
    Category.ILLICIT: "RuleOther",
    Category.IP_CHARACTER: "RuleOther",
    Category.IP_BRAND: "RuleOther",
    Category.DECEPTION_IMPERSONATION: "MisleadingImpersonation",
    Category.DECEPTION_SCAM: "MisleadingScam",
    Category.MINORS_PRESENT: "ChildSafetyOther",
}
#: Ids in one statement: below the limits of both databases.
_MAX_IDS = 500
#: As constants in the statement, because only then SQLite uses the index of these events.
_IS_CASE_EVENT = audit_log.c.event.in_(
    bindparam("case_events", list(CASE_EVENTS), expanding=True, literal_execute=True)
)
MAX_PAGE_EVENTS = 1000
_MIN_ROWS = 100
#: Most cases of a population, which is built in memory.
MAX_POPULATION = 200_000
#: Each of these scopes gives access to the events. Only `review` and `vault` show the words of reporters.
CASE_EVENT_SCOPES = (KeyScope.REVIEW, KeyScope.VAULT, KeyScope.AUDIT)

# What happened to cases, for systems outside of the console.


@dataclass(frozen=True, kw_only=True)
class CaseEntry:
    """An entry of the audit log about one case."""

    seq: int
    at: float
    event: str
    actor: str
    content: Mapping[str, Any]
    case: Case


@dataclass(frozen=True, kw_only=True)
class ReportText:
    """The words of a report or an appeal."""

    id: str
    category: str | None
    reason: str
    #: Without names and addresses of the person. Empty if there are no words, or if they may not be shown.
    text: str
    screening: TextScreening


@dataclass(frozen=True, kw_only=True)
class CaseEvent:
    """One entry with the state of its case after it."""

    entry: CaseEntry
    #: A role with a number for each person who works on the case, or `policy`, `reporter`, `appellant` or
    #: `system`. Never an id or a name.
    created_by: str
    review_state: ReviewState
    report: ReportText | None = None


class _CaseHistory:
    """The entries of one case up to now."""

    def __init__(self) -> None:
        self._state = ReviewState.OPEN
        #: The people who worked on the case, in the order of their first entry.
        self._staff: list[str] = []

    def follow(self, entry: CaseEntry) -> CaseEvent:
        self._state = _STATES.get(entry.event, self._state)
        return CaseEvent(entry=entry, created_by=self._created_by(entry), review_state=self._state)

    def _created_by(self, entry: CaseEntry) -> str:
        if entry.event in _BY_STAFF:
            if entry.actor not in self._staff:
                self._staff.append(entry.actor)
            # Keys, and the person at the terminal, have no role.
            role = entry.content.get("role") or "reviewer"
            return f"{role}-{self._staff.index(entry.actor) + 1}"
        if entry.event == "appeal.received" or (
            entry.event == "case.opened" and entry.case.kind is CaseKind.APPEAL
        ):
            return "appellant"
        if entry.event == "report.received" or (entry.event == "case.opened" and entry.actor in _REPORTERS):
            return "reporter"
        if entry.event == "case.opened" and entry.case.kind is CaseKind.HOLD:
            return "policy"
        return "system"


def follow(entries: Iterable[CaseEntry]) -> tuple[CaseEvent, ...]:
    """The events of these entries, which begin with the first entry of each of their cases."""
    histories: dict[str, _CaseHistory] = {}
    return tuple(
        histories.setdefault(entry.case.id, _CaseHistory()).follow(entry)
        for entry in sorted(entries, key=lambda entry: entry.seq)
    )


def event_object(event: CaseEvent) -> dict[str, Any]:
    """One line of the stream. The names are those of `modEventView`; ours are in `safelight`."""
    entry, case = event.entry, event.entry.case
    return {
        "id": entry.seq,
        "event": _event(event),
        "subject": {"$type": "safelight.video", "id": case.video_id or None},
        "subjectBlobCids": [],
        "createdBy": event.created_by,
        "createdAt": format_iso(entry.at, timespec="milliseconds"),
        "subjectStatus": {"reviewState": event.review_state.value},
        "safelight": {
            "event": entry.event,
            "case_id": case.id,
            "kind": case.kind.value,
            "stage": case.stage.value,
            "category": case.category or None,
            "rule": case.rule or None,
            "quarantined": case.quarantined,
            "action": entry.content.get("action"),
            "report_id": entry.content.get("report") or entry.content.get("notice"),
            "appeal_id": entry.content.get("appeal"),
            "lane": entry.content.get("lane"),
            "text_screening": None if event.report is None else event.report.screening.as_json(),
        },
    }


def _event(event: CaseEvent) -> dict[str, Any]:
    kind = _type(event.entry)
    made: dict[str, Any] = {"$type": str(kind)}
    if kind is ModerationEventType.REPORT:
        made["reportType"] = f"tools.ozone.report.defs#reason{_reason(event)}"
        made["comment"] = event.report.text if event.report is not None else ""
    elif kind is ModerationEventType.TAKEDOWN and event.entry.case.rule:
        made["policies"] = [event.entry.case.rule]
    return made


def _type(entry: CaseEntry) -> str:
    if entry.event == "report.unattended" and entry.content.get("action") == UnattendedAction.REMOVE:
        return ModerationEventType.TAKEDOWN
    return _OZONE_TYPES.get(entry.event) or _OWN_TYPES[entry.event]


def _reason(event: CaseEvent) -> str:
    """The reason of a report or an appeal. A category counts before a reason in own words."""
    if event.entry.event == "appeal.received":
        return _APPEAL
    if event.entry.content.get("lane") == ReportLane.INTIMATE_IMAGERY:
        return _INTIMATE
    reason = event.report.reason if event.report is not None else ""
    category = event.entry.content.get("category") or ""
    group = group_of(category) or ""
    return _REASONS.get(category) or _REASONS.get(group) or _REASONS.get(reason) or _OTHER


# Reads the entries of the audit log about cases, and the words of reports.

_Value = TypeVar("_Value", str, int)


def read_entries(tx: Transaction, *, after: int, limit: int) -> list[Row]:
    """Rows of the audit log of the current tenant about cases, oldest first."""
    return tx.select(
        audit_log, _IS_CASE_EVENT, audit_log.c.seq > after, order_by=(audit_log.c.seq,), limit=limit
    )


def read_histories(tx: Transaction, rows: Sequence[Row]) -> list[CaseEntry]:
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
        read_record(CaseEntry, row, content=contents[row.seq], case=found[case_ids[row.seq]])
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
        own_words = [row.reason] if is_own_words(row.reason, row.category) else []
        text = "\n".join([*own_words, row.note]).strip()
        found[entry.seq] = ReportText(
            id=row.id,
            category=row.category,
            reason=row.reason,
            text=without_identity(text, identity) if is_shown else "",
            screening=decode(row.text_screening),
        )
    return found


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
    *where: Filter,
) -> list[Row]:
    wanted = sorted(set(values))
    return [
        row
        for start in range(0, len(wanted), _MAX_IDS)
        for row in tx.select(table, column.in_(wanted[start : start + _MAX_IDS]), *where)
    ]


def _read_decided(tx: Transaction, since: float, until: float) -> Iterator[DecidedCase]:
    """The decisions that the audit log has of this time, oldest first. None is missing: a case that may not
    be read has its id and outcome only.
    """
    rows = tx.select(
        audit_log,
        _IS_CASE_EVENT,
        audit_log.c.event.in_([f"case.{action.value}" for action in DecisionAction]),
        audit_log.c.at >= since,
        audit_log.c.at < until,
        order_by=(audit_log.c.seq,),
        limit=MAX_POPULATION + 1,
    )
    if len(rows) > MAX_POPULATION:
        raise InvalidField(
            f"The period has more than {MAX_POPULATION} cases.", param="until", remedy="Choose a shorter one."
        )
    entries = {entry.seq: entry.case for entry in read_histories(tx, rows)}
    locked = _find_locked(tx, entries.values())
    for row in rows:
        case, outcome = entries.get(row.seq), row.event.removeprefix("case.")
        name = case.id if case else f"log:{row.seq}"
        withheld = "vault" if name in locked else None if case else "erased"
        kind = case.kind if case and not withheld else None
        yield DecidedCase(name, int(row.at), kind, outcome, row.seq, withheld)


def _find_locked(tx: Transaction, known: Collection[Case]) -> set[str]:
    """Those of these cases that are quarantined, or whose video is quarantined or vaulted."""
    closed = or_(videos.c.vaulted, videos.c.quarantined)
    found = _read_in(tx, videos, videos.c.id, (case.video_id for case in known), closed)
    locked = {video.id for video in found}
    return {case.id for case in known if case.quarantined or case.video_id in locked}


# Lists what happened to cases, in the order of the audit log.


class CaseEvents:
    """The events of the cases of one installation.

    A principal gets those of the cases that it may see: the scope `review`, and `vault` for quarantined ones.
    With the scope `audit` it gets those that are not quarantined, without the words of reports and appeals.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def list(self, principal: Principal, *, after: int = 0, limit: int = 100) -> tuple[CaseEvent, ...]:
        """The events after the number `after`, oldest first.

        Numbers are given in the order of the commits, so a reader who goes on after the last one misses no
        event. Fewer than `limit` events are the end for now. Raises `Forbidden`.
        """
        principal.require(*CASE_EVENT_SCOPES)
        limit = max(1, min(limit, MAX_PAGE_EVENTS))
        found: list[CaseEvent] = []
        with self._database.read_transaction(principal.tenant) as tx:
            while len(found) < limit:
                rows = read_entries(tx, after=after, limit=max(limit - len(found), _MIN_ROWS))
                if not rows:
                    break
                numbers = {row.seq for row in rows}
                found += [
                    event
                    for event in follow(read_histories(tx, rows))
                    if event.entry.seq in numbers and _may_see(principal, event.entry.case)
                ]
                after = rows[-1].seq
            return _with_texts(tx, found[:limit], principal)

    def read(self, principal: Principal, case_id: str) -> tuple[CaseEvent, ...]:
        """The events of one case, without words of people, for an auditor. Each read has an entry in the log.

        Raises `NotFound`, and `Forbidden` if only the vault officer may read the case.
        """
        principal.require(KeyScope.AUDIT)
        with self._database.transaction(principal.tenant) as tx:
            case = _read_cases(tx, [case_id]).get(case_id)
            if case is None:
                raise NotFound(f"There is no case {case_id[:80]!r}.", param="case_id")
            if _find_locked(tx, [case]):
                raise Forbidden(
                    f"{case.id} is quarantined or vaulted.",
                    remedy="Only the vault officer may read it. Count it as withheld.",
                )
            tx.append_audit("case.read", subject=case.id, actor=principal.id, content={})
            rows = tx.select(audit_log, audit_log.c.subject.in_([case.id, case.video_id]))
            return follow(one for one in read_histories(tx, rows) if one.case.id == case.id)

    def export_population(self, principal: Principal, since: str, until: str) -> str:
        """The decided cases of these days as JSON lines, whose SHA-256 the audit log has from now on.

        Raises `InvalidField` if the period is empty, too long, or not over.
        """
        principal.require(KeyScope.AUDIT)
        first, end = parse_day(since, "since"), parse_day(until, "until")
        with self._database.read_transaction(principal.tenant) as tx:
            if not first < end <= tx.now():
                raise InvalidField(
                    f"The period from {since} to {until} is empty or not over.",
                    param="until",
                    remedy="Name a first day, and a later one that is not in the future.",
                )
            found = list(_read_decided(tx, first, end))
        head = Population(since, until, len(found))
        lines = _write([head, *found])
        sha256 = hashlib.sha256(lines.encode()).hexdigest()
        subject = f"population:{sha256}"
        with self._database.transaction(principal.tenant) as tx:
            tx.append_audit(
                "population.exported", subject=subject, actor=principal.id, content=msgspec.to_builtins(head)
            )
        with self._database.read_transaction(principal.tenant) as tx:
            *_, entry = tx.select(audit_log, audit_log.c.subject == subject, order_by=(audit_log.c.seq,))
        return lines + _write([Recorded(sha256, entry.seq)])


def _write(lines: Iterable[object]) -> str:
    return msgspec.json.Encoder().encode_lines(lines).decode()


def _may_see(principal: Principal, case: Case) -> bool:
    return _may_decide(principal, case) or (not case.quarantined and principal.has_scope(KeyScope.AUDIT))


def _may_decide(principal: Principal, case: Case) -> bool:
    return principal.has_scope(KeyScope.VAULT if case.quarantined else KeyScope.REVIEW)


def _with_texts(tx: Transaction, events: list[CaseEvent], principal: Principal) -> tuple[CaseEvent, ...]:
    texts = read_texts(tx, (event.entry for event in events))

    def shown(event: CaseEvent) -> ReportText | None:
        text = texts.get(event.entry.seq)
        if text is None or _may_decide(principal, event.entry.case):
            return text
        return replace(text, text="")

    return tuple(replace(event, report=shown(event)) for event in events)
