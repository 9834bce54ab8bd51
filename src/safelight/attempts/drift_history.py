"""Drift history: finds the drift in the attempts of a tenant, and keeps the answer for a while."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable

from .attempt_log import AttemptLog
from .drift import Drift, DriftReport, find_drift
from .models import AttemptFilter
from .newest_attempts import iterate_newest

#: Newest attempts of the tenant that are read, of all providers together: more take seconds.
MAX_READ = 2_000
#: A drift that was found in this time, and goes on, is shown at the head of lists.
RECENT_S = 14 * 86_400.0
#: Drift is searched again after this time, because it takes up to seconds.
_KEEP_S = 300.0
#: Most answers in memory, of all tenants.
_MAX_KEPT = 256


class DriftHistory:
    """Reads the tenant's own attempts only. Thread-safe."""

    def __init__(self, log: AttemptLog, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._log, self._monotonic = log, monotonic
        self._lock = threading.Lock()
        self._kept: OrderedDict[str, tuple[DriftReport, float]] = OrderedDict()
        #: Tenants whose attempts are read now.
        self._reading: set[str] = set()

    def find(self, tenant: str) -> DriftReport:
        """The drift in the tenant's newest attempts, up to five minutes old.

        While it is searched for one request, others get the last answer, or an empty one.
        """
        with self._lock:
            kept = self._kept.get(tenant)
            is_fresh = kept is not None and self._monotonic() - kept[1] < _KEEP_S
            if is_fresh or tenant in self._reading:
                return kept[0] if kept else DriftReport()
            self._reading.add(tenant)
        try:
            report = find_drift(iterate_newest(self._log, tenant, AttemptFilter(), limit=MAX_READ))
            with self._lock:
                self._kept[tenant] = (report, self._monotonic())
                self._kept.move_to_end(tenant)
                if len(self._kept) > _MAX_KEPT:
                    self._kept.popitem(last=False)
            return report
        finally:
            with self._lock:
                self._reading.discard(tenant)

    def drifts(self, tenant: str) -> tuple[Drift, ...]:
        """All drifts in the tenant's newest attempts."""
        return self.find(tenant).drifts

    def recent(self, tenant: str, *, provider: str = "") -> tuple[Drift, ...]:
        """Drifts that go on and were found not long ago, newest first."""
        found = self.find(tenant).at(self._log.database.clock(), within_s=RECENT_S)
        return tuple(one for one in found if provider in ("", one.provider))
