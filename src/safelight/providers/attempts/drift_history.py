"""Drift history: finds the drift in the attempts of a tenant, and keeps the answer for a while."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

from .attempt_log import AttemptLog
from .drift import Drift, DriftReport, find_drift
from .models import AttemptFilter, AttemptOrigin
from .newest_attempts import iterate_newest

#: Newest attempts of the tenant that are read, of all providers together, and as many canaries: more take
#: seconds.
MAX_READ = 2_000
_CANARIES = AttemptFilter(origin=AttemptOrigin.CANARY)
#: A drift that was found in this time, and goes on, is shown at the head of lists.
RECENT_S = 14 * 86_400.0
#: Drift is searched again after this time, because it takes up to seconds.
_KEEP_S = 300.0
#: Most answers in memory, of all tenants.
_MAX_KEPT = 256


@dataclass(kw_only=True)
class _Kept:
    """The answer of one tenant. `lock` is held while it is searched."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    report: DriftReport | None = None
    at: float = 0.0


class DriftHistory:
    """Reads the tenant's own attempts only. Thread-safe."""

    def __init__(self, log: AttemptLog, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._log, self._monotonic = log, monotonic
        self._lock = threading.Lock()
        self._kept: OrderedDict[str, _Kept] = OrderedDict()

    def find(self, tenant: str) -> DriftReport:
        """The drift in the tenant's newest attempts.

        After five minutes one request searches again, and the others get the old report until it is done.
        They wait only for the first report.
        """
        kept = self._kept_of(tenant)
        old = kept.report
        if old is None:
            kept.lock.acquire()
        elif not self._is_due(kept) or not kept.lock.acquire(blocking=False):
            return old
        try:
            if kept.report is None or self._is_due(kept):
                return self._search(tenant, kept)
            return kept.report
        finally:
            kept.lock.release()

    def search(self, tenant: str) -> DriftReport:
        """The drift in the attempts as they are now. The others get this report from now on."""
        kept = self._kept_of(tenant)
        with kept.lock:
            return self._search(tenant, kept)

    def _kept_of(self, tenant: str) -> _Kept:
        with self._lock:
            kept = self._kept.setdefault(tenant, _Kept())
            self._kept.move_to_end(tenant)
            if len(self._kept) > _MAX_KEPT:
                self._kept.popitem(last=False)
        return kept

    def _search(self, tenant: str, kept: _Kept) -> DriftReport:
        # Read apart, so that many canaries do not shorten the time that is searched for users.
        newest, canaries = (
            list(iterate_newest(self._log, tenant, wanted, limit=MAX_READ))
            for wanted in (AttemptFilter(), _CANARIES)
        )
        kept.report = find_drift(
            [*newest, *canaries],
            has_older=len(newest) >= MAX_READ,
            has_older_canaries=len(canaries) >= MAX_READ,
        )
        kept.at = self._monotonic()
        return kept.report

    def _is_due(self, kept: _Kept) -> bool:
        return self._monotonic() - kept.at >= _KEEP_S

    def drifts(self, tenant: str) -> tuple[Drift, ...]:
        """All drifts in the tenant's newest attempts."""
        return self.find(tenant).drifts

    def recent(self, tenant: str, *, provider: str = "") -> tuple[Drift, ...]:
        """Drifts that go on and were found not long ago, newest first."""
        found = self.find(tenant).at(self._log.database.clock(), within_s=RECENT_S)
        return tuple(one for one in found if provider in ("", one.provider))
