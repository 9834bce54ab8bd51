"""What the system card states about incidents, from the record of the installation."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

from safelight.accounts.incidents import Incident, IncidentState, Severity
from safelight.core.envelopes import format_iso
from safelight.store.database import Transaction
from safelight.store.rows import read_record
from safelight.store.tables import incidents, tenants

#: The counts are of the incidents that were opened in this time: about twelve months.
COUNTED_DAYS = 365
_DAY_S = 86_400.0


def incident_facts(tx: Transaction, *, at: float | None, in_full: bool) -> dict[str, Any]:
    """Counts and published sentences; `in_full`: also each incident, without the internal note.

    Without a time, the counts are of now, and the date of the first start is left out.
    """
    found = [read_record(Incident, row) for row in tx.select(incidents, order_by=(incidents.c.id,))]
    started = tx.one(tenants)
    facts = {
        "recorded": bool(found),
        "since": None if at is None or started is None else format_iso(started.created_at),
        "counted_days": COUNTED_DAYS,
        "counts": count_incidents(found, since=(tx.now() if at is None else at) - COUNTED_DAYS * _DAY_S),
        "published": [_published(one) for one in found if one.published],
    }
    return {**facts, "all": [_full(one) for one in found]} if in_full else facts


def count_incidents(found: Iterable[Incident], *, since: float) -> list[dict[str, Any]]:
    """How many were opened since then, of each severity and state, also of those with none."""
    counts = Counter((one.severity, one.state) for one in found if one.opened_at >= since)
    return [
        {"severity": severity.value, "state": state.value, "n": counts[severity, state]}
        for severity in reversed(Severity)
        for state in IncidentState
    ]


def _published(one: Incident) -> dict[str, Any]:
    return {**_dates(one), "severity": one.severity.value, "state": one.state.value, "sentence": one.sentence}


def _full(one: Incident) -> dict[str, Any]:
    return {
        "id": one.id,
        **_published(one),
        "opened_by": one.opened_by,
        "kind": one.kind.value,
        "category": one.category,
        "videos": list(one.videos),
        "cases": list(one.cases),
        "done": one.done,
        "published": one.published,
    }


def _dates(one: Incident) -> dict[str, Any]:
    times = {"opened": one.opened_at, "began": one.began_at, "ended": one.ended_at, "closed": one.closed_at}
    return {name: None if at is None else format_iso(at) for name, at in times.items()}
