"""Drift watch: a background part that searches drift for tenants with new attempts, and reports it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from sqlalchemy import select

from safelight.core.background.part import BackgroundPart
from safelight.store.database import Database
from safelight.store.tables import outbox, reported_attempts

from .drift_alarms import report_drift
from .drift_history import RECENT_S, DriftHistory

#: A tenant is searched at most once in this time, because a search reads up to 4,000 attempts.
_MIN_PAUSE_S = 300.0
#: Seconds between two searches for new attempts.
_INTERVAL_S = 60.0
#: After a search, this multiple of its duration passes before the next one: 5 % of one CPU at most.
_REST = 19.0
#: A row can be committed this time after the time that it states.
_OVERLAP_S = 120.0
#: Messages about videos whose attempt has ended.
_ENDED = ("video.delivered", "video.blocked", "video.failed")


class DriftWatch:
    """Searches one tenant after the other. Several processes may share a database."""

    def __init__(
        self,
        database: Database,
        history: DriftHistory,
        *,
        stopping: threading.Event,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._database, self._history, self._monotonic = database, history, monotonic
        #: Attempts until this time are known. A new process reads all that could be reported.
        self._seen_until = database.clock() - RECENT_S
        #: Tenants that wait for a search, the first one first, and the last searches.
        self._waiting: dict[str, None] = {}
        self._searched: dict[str, float] = {}
        self._pause_s = _INTERVAL_S
        self.part = BackgroundPart(
            "drift", {"search": self.search_next}, interval_s=lambda: self._pause_s, stopping=stopping
        )

    def search_next(self) -> str | None:
        """Search the drift of the tenant that waits longest. Returns its id; None if none is due."""
        self._pause_s = _INTERVAL_S
        self._find_tenants()
        began = self._monotonic()
        self._searched = {one: at for one, at in self._searched.items() if at > began - _MIN_PAUSE_S}
        parked = self.part.rows.parked()
        due = [one for one in self._waiting if one not in self._searched and one not in parked]
        if not due:
            return None
        tenant = due[0]
        del self._waiting[tenant]
        try:
            with self.part.rows.attempt(tenant):
                report_drift(self._database, tenant, self._history.drifts(tenant))
                self._searched[tenant] = self._monotonic()
        finally:
            if tenant not in self._searched:
                self._waiting[tenant] = None
        spent_s = self._monotonic() - began
        self._pause_s = max(_REST * spent_s, _INTERVAL_S if len(due) == 1 else 1.0)
        return tenant

    def _find_tenants(self) -> None:
        now = self._database.clock()
        since = min(self._seen_until, now) - _OVERLAP_S
        queries = (
            (outbox, outbox.c.topic.in_(_ENDED), outbox.c.created_at >= since),
            (reported_attempts, reported_attempts.c.recorded_at >= since),
        )
        with self._database.across_tenants("new attempts", readonly=True) as tx:
            for table, *where in queries:
                rows = tx.execute(select(table.c.tenant_id).where(*where))
                self._waiting |= dict.fromkeys(row.tenant_id for row in rows)
        self._seen_until = now
