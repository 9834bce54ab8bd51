"""Incidents of a tenant: what went wrong, how grave it is, and what was done."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import or_

from safelight.core.errors import InvalidField
from safelight.core.ids import new_id
from safelight.core.records import Seconds, Shown
from safelight.store.database import Transaction
from safelight.store.rows import stored_columns
from safelight.store.tables import cases, incidents, videos


class IncidentKind(StrEnum):
    #: Harm that was delivered.
    HARM = "harm"
    #: Harmless requests that were blocked in numbers.
    OVERBLOCKING = "overblocking"
    #: Data disclosed to the wrong people.
    DISCLOSURE = "disclosure"
    #: Checks that did not run.
    UNCHECKED = "unchecked"
    #: Marks or keys that cannot be trusted.
    UNTRUSTED = "untrusted"
    OTHER = "other"


class Severity(StrEnum):
    MINOR = "minor"
    MAJOR = "major"
    SERIOUS = "serious"


class IncidentState(StrEnum):
    OPEN = "open"
    CLOSED = "closed"


@dataclass(frozen=True, kw_only=True)
class Incident(Shown):
    id: str
    opened_at: Seconds
    opened_by: str
    #: As a person stated it. None: not stated yet, in one that a decision opened.
    began_at: Seconds | None
    #: None: it goes on, or the end is not known.
    ended_at: Seconds | None = None
    kind: IncidentKind
    severity: Severity
    category: str | None = None
    videos: tuple[str, ...] = ()
    cases: tuple[str, ...] = ()
    #: For the public, if it is published.
    sentence: str = ""
    #: For staff; an auditor does not read it.
    note: str = ""
    done: str = ""
    state: IncidentState = IncidentState.OPEN
    published: bool = False
    closed_at: Seconds | None = None
    revision: int = 0


def check_incident(incident: Incident, now: float) -> None:
    """Raise `InvalidField` if what the incident states cannot be true, or is not enough for its state."""
    began, ended = incident.began_at, incident.ended_at
    for param, at in (("began", began), ("ended", ended)):
        if at is not None and at > now:
            raise InvalidField(
                "This time is in the future.", param=param, remedy="Write the time in UTC, or leave it out."
            )
    if ended is not None and (began is None or ended < began):
        raise InvalidField(
            "The end is before the beginning, or the beginning is not stated.",
            param="ended",
            remedy="State both in UTC.",
        )
    if incident.published and not incident.sentence:
        raise InvalidField(
            "An incident is published with its public sentence, and this one has none.", param="sentence"
        )
    if incident.state is IncidentState.CLOSED and not incident.done:
        raise InvalidField("A closed incident states what was done.", param="done")


def open_by_withdrawal(tx: Transaction, category: str, *, video_id: str, case_id: str, actor: str) -> None:
    """Open the incident of a withdrawn video in the transaction of the decision, unless it has one.

    Without the category if only the vault officer may read the case.
    """
    is_locked = tx.count(cases, case_id, cases.c.quarantined) or tx.count(
        videos, video_id, or_(videos.c.quarantined, videos.c.vaulted)
    )
    made = Incident(
        id=new_id("incident"),
        opened_at=tx.now(),
        opened_by=actor,
        began_at=None,
        kind=IncidentKind.HARM,
        # Until a person states another one: the categories are the grave ones.
        severity=Severity.SERIOUS,
        category=None if is_locked else category,
        videos=(video_id,),
        cases=(case_id,),
    )
    if tx.insert_or_ignore(incidents, **stored_columns(made, incidents), withdrawn_video=video_id):
        record_opening(tx, made)


def record_opening(tx: Transaction, made: Incident) -> None:
    """Write the entry of the audit log."""
    content = stored_columns(made, incidents)
    del content["note"]
    tx.append_audit("incident.opened", subject=made.id, actor=made.opened_by, content=content)
