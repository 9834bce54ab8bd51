"""Drift alarms: one row for each provider, model and kind, with the newest drift that was reported.

Each new drift has one entry in the audit log and one event for webhooks.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TypeAlias

from sqlalchemy import Row

from safelight.core.envelopes import format_iso
from safelight.core.ids import new_id
from safelight.store.database import Database, Transaction
from safelight.store.tables import drift_alarms

from .drift import Drift
from .drift_history import RECENT_S

#: The topic of the messages in the outbox, and the event in the audit log.
TOPIC = "provider.drift"
_ACTOR = "drift"

#: The rows by provider, model and kind.
_Known: TypeAlias = Mapping[tuple[str, str, str], Row[tuple[object, ...]]]


def report_drift(database: Database, tenant: str, drifts: Iterable[Drift]) -> None:
    """Report the drifts that are new and were found not long ago, oldest first.

    Several processes may call it at the same time: each drift is reported once. A drift that began before the
    reported one of its kind was found is the same one, found again with other attempts.
    """
    since = database.clock() - RECENT_S
    recent = sorted((one for one in drifts if one.found_at >= since), key=lambda one: one.found_at)
    with database.read_transaction(tenant) as tx:
        known = _read_known(tx)
    if any(_is_new(one, known) for one in recent):
        with database.transaction(tenant) as tx:
            for one in recent:
                # Read each time: the drift before, or another process, may have changed a row.
                known = _read_known(tx, lock=True)
                if _is_new(one, known):
                    _report(tx, one, known.get(_key(one)))


def _key(drift: Drift) -> tuple[str, str, str]:
    return drift.provider, drift.model, drift.kind.value


def _read_known(tx: Transaction, *, lock: bool = False) -> _Known:
    return {(row.provider, row.model, row.kind): row for row in tx.select(drift_alarms, lock=lock)}


def _is_new(drift: Drift, known: _Known) -> bool:
    row = known.get(_key(drift))
    return row is None or drift.since > row.found_at


def _report(tx: Transaction, drift: Drift, row: Row[tuple[object, ...]] | None) -> None:
    id_ = new_id("drift")
    values = {"id": id_, "since": drift.since, "found_at": drift.found_at}
    if row is None:
        provider, model, kind = _key(drift)
        # The unique index admits one row of each kind.
        if not tx.insert_or_ignore(drift_alarms, provider=provider, model=model, kind=kind, **values):
            return
    else:
        tx.update(drift_alarms, row.id, **values)
    content = {
        "id": id_,
        "provider": drift.provider,
        "model": drift.model or None,
        "kind": drift.kind.value,
        "since": format_iso(drift.since),
    }
    tx.append_audit(TOPIC, subject=id_, actor=_ACTOR, content=content)
    tx.publish(TOPIC, subject=id_, body=content)
