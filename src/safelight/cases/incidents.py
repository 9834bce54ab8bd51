"""Opens, lists, changes and closes the incidents of a tenant."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields, replace
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Table

from safelight.accounts import KeyScope, Principal
from safelight.accounts.incidents import (
    Incident,
    IncidentKind,
    IncidentState,
    Severity,
    check_incident,
    record_opening,
)
from safelight.core.errors import Conflict, InvalidField, NotFound
from safelight.core.ids import is_id, new_id
from safelight.core.reasons import MAX_REASON_CHARACTERS, clean_text
from safelight.policy.findings import Taxonomy
from safelight.store.database import Database, Row, Transaction
from safelight.store.pages import Page, read_page
from safelight.store.rows import read_record, stored_columns
from safelight.store.tables import cases, incidents, videos

from .incident_inputs import (
    MAX_SENTENCE_CHARACTERS,
    IncidentChange,
    IncidentClosing,
    IncidentOpening,
    IncidentQuery,
)
from .plain_messages import plain_message

#: Videos, and cases, of one incident: the page shows all of them.
MAX_IDS = 100
_PAGE = 100
READERS = (KeyScope.ADMIN, KeyScope.POLICY, KeyScope.AUDIT)
WRITERS = (KeyScope.ADMIN, KeyScope.POLICY)
_TIME = "%Y-%m-%dT%H:%M"
_TIMES = {"began": "began_at", "ended": "ended_at"}
_TABLES: Mapping[str, tuple[Table, str]] = {"videos": (videos, "video"), "cases": (cases, "case")}


class Incidents:
    """The incidents of one installation. Each tenant has its own."""

    def __init__(self, database: Database, taxonomy: Taxonomy) -> None:
        self._database = database
        self._taxonomy = taxonomy

    def list(self, principal: Principal, asked: IncidentQuery) -> Page[Incident]:
        """Newest first."""
        principal.require(*READERS)
        if asked.after is not None and not is_id(asked.after, "incident"):
            raise InvalidField("after must be the id of an incident.", param="after")
        older = () if asked.after is None else (incidents.c.id < asked.after,)
        with self._database.read_transaction(principal.tenant) as tx:
            page = read_page(tx, incidents, *older, order_by=(incidents.c.id.desc(),), limit=_PAGE)
        return page.map(lambda row: _for_reader(principal, read_record(Incident, row)))

    def read(self, principal: Principal, incident_id: str) -> Incident:
        """Raises `NotFound`."""
        principal.require(*READERS)
        with self._database.read_transaction(principal.tenant) as tx:
            return _for_reader(principal, read_record(Incident, _find(tx, incident_id)))

    def open(self, principal: Principal, asked: IncidentOpening) -> Incident:
        """Raises `InvalidField`, and `NotFound` for a video or a case that the tenant does not have."""
        principal.require(*WRITERS)
        stated = self._stated(asked)
        with self._database.transaction(principal.tenant) as tx:
            made = Incident(id=new_id("incident"), opened_at=tx.now(), opened_by=principal.id, **stated)
            _check(tx, made)
            tx.insert(incidents, **stored_columns(made, incidents))
            record_opening(tx, made)
        return made

    def update(self, principal: Principal, incident_id: str, asked: IncidentChange) -> Incident:
        """Change what is given, also of a closed incident. Raises as `open`, and `Conflict` if it was changed
        since the revision.
        """
        principal.require(*WRITERS)
        stated = self._stated(asked)
        with self._database.transaction(principal.tenant) as tx:
            before = _find_revision(tx, incident_id, asked.revision)
            return _change(tx, before, "incident.updated", principal, stated)

    def close(self, principal: Principal, incident_id: str, asked: IncidentClosing) -> Incident:
        """Raises `Conflict` if it is closed, or was changed since the revision."""
        principal.require(*WRITERS)
        stated = self._stated(asked)
        with self._database.transaction(principal.tenant) as tx:
            before = _find_revision(tx, incident_id, asked.revision)
            if before.state is IncidentState.CLOSED:
                raise Conflict(f"{before.id} is closed already.")
            stated |= {"state": IncidentState.CLOSED, "closed_at": tx.now()}
            return _change(tx, before, "incident.closed", principal, stated)

    def _stated(self, asked: IncidentOpening | IncidentChange | IncidentClosing) -> dict[str, Any]:
        """The fields of an incident that the input has. Raises `InvalidField`."""
        given = {name: value for name, value in asdict(asked).items() if value is not None}
        given.pop("revision", None)
        if (category := given.get("category")) and category not in self._taxonomy:
            raise InvalidField(f"There is no category {category[:60]!r}.", param="category")
        return dict(_convert(name, value) for name, value in given.items())


def _convert(name: str, value: Any) -> tuple[str, Any]:
    match name:
        case "kind":
            return name, _choose(IncidentKind, name, value)
        case "severity":
            return name, _choose(Severity, name, value)
        case "began" | "ended":
            # A beginning that is empty is refused: only a decision opens an incident without one.
            is_open = name == "ended" and not value
            return _TIMES[name], None if is_open else parse_time(value, name)
        case "category":
            return name, value or None
        case "videos" | "cases":
            return name, tuple(dict.fromkeys(value))
        case "sentence":
            return name, clean_sentence(value)
        case "note" | "done":
            return name, clean_text(value, name, MAX_REASON_CHARACTERS)
        case _:
            return name, value


def _choose(kind: type[IncidentKind] | type[Severity], name: str, value: str) -> IncidentKind | Severity:
    if value not in tuple(kind):
        raise InvalidField(f"{name} must be one of {', '.join(kind)}.", param=name)
    return kind(value)


def parse_time(text: str, param: str) -> float:
    """A day, or a time in UTC. Raises `InvalidField`."""
    for form in ("%Y-%m-%d", _TIME):
        try:
            return datetime.strptime(text, form).replace(tzinfo=UTC).timestamp()
        except ValueError:
            pass
    raise InvalidField(
        f"{text[:40]!r} is not a time.", param=param, remedy="Write 2026-11-01 or 2026-11-01T14:30, in UTC."
    )


def format_time(at: float) -> str:
    """The time to the minute as `parse_time` reads it."""
    return datetime.fromtimestamp(at, UTC).strftime(_TIME)


def clean_sentence(text: str) -> str:
    """The public sentence on one line. Raises `InvalidField`."""
    return " ".join(plain_message(text, "sentence", MAX_SENTENCE_CHARACTERS).split())


def _change(
    tx: Transaction, before: Incident, event: str, principal: Principal, stated: Mapping[str, Any]
) -> Incident:
    made = replace(before, **stated)
    changed = [one.name for one in fields(made) if getattr(made, one.name) != getattr(before, one.name)]
    if not changed:
        return before
    made = replace(made, revision=before.revision + 1)
    _check(tx, made, before)
    columns = stored_columns(made, incidents)
    tx.update(incidents, made.id, **columns)
    # Without the text of the note: the log is read by others.
    content = {name: True if name == "note" else columns[name] for name in changed}
    tx.append_audit(event, subject=made.id, actor=principal.id, content=content)
    return made


def _check(tx: Transaction, made: Incident, before: Incident | None = None) -> None:
    check_incident(made, tx.now())
    for name in _TABLES:
        # What was named before may have been erased since.
        known, named = getattr(before, name) if before else (), getattr(made, name)
        if len(named) > MAX_IDS:
            raise InvalidField(f"An incident names at most {MAX_IDS} {name}.", param=name)
        _require_known(tx, name, [one for one in named if one not in known])


def _require_known(tx: Transaction, name: str, wanted: Sequence[str]) -> None:
    table, noun = _TABLES[name]
    asked = [one for one in wanted if is_id(one, noun)]
    known = {row.id for row in tx.select(table, table.c.id.in_(asked), columns=[table.c.id])}
    for one in wanted:
        if one not in known:
            raise NotFound(f"There is no {noun} {one[:80]!r}.", param=name)


def _find(tx: Transaction, incident_id: str, *, lock: bool = False) -> Row:
    row = tx.find(incidents, "incident", incident_id, lock=lock)
    if row is None:
        raise NotFound(f"There is no incident {incident_id[:80]!r}.", param="incident_id")
    return row


def _find_revision(tx: Transaction, incident_id: str, revision: int | None) -> Incident:
    found = read_record(Incident, _find(tx, incident_id, lock=True))
    if revision is not None and revision != found.revision:
        raise Conflict(
            f"{found.id} was changed meanwhile.",
            param="revision",
            remedy="Read it again, and repeat your change.",
        )
    return found


def may_write(principal: Principal) -> bool:
    """Whether the principal may open and change incidents, and so read their internal notes."""
    return principal.has_one_of(WRITERS)


def _for_reader(principal: Principal, incident: Incident) -> Incident:
    return incident if may_write(principal) else replace(incident, note="")
