"""Drift history: finds the drift in the newest attempts of a tenant."""

from __future__ import annotations

from dataclasses import dataclass

from .attempt_log import AttemptLog
from .drift import Drift, DriftReport, find_drift
from .models import AttemptFilter, AttemptOrigin
from .newest_attempts import iterate_newest

#: Newest attempts of the tenant that are read, of all providers together, and as many canaries.
MAX_READ = 2_000
#: A drift that was found in this time, and goes on, is shown at the head of lists.
RECENT_S = 14 * 86_400.0


@dataclass(frozen=True)
class DriftHistory:
    """Reads the tenant's own attempts only."""

    log: AttemptLog

    def find(self, tenant: str) -> DriftReport:
        # Read apart, so that many canaries do not shorten the time that is searched for users.
        filters = (AttemptFilter(), AttemptFilter(origin=AttemptOrigin.CANARY))
        return find_drift(
            one for wanted in filters for one in iterate_newest(self.log, tenant, wanted, limit=MAX_READ)
        )

    def drifts(self, tenant: str) -> tuple[Drift, ...]:
        """All drifts in the tenant's newest attempts."""
        return self.find(tenant).drifts

    def recent(self, tenant: str, *, provider: str = "") -> tuple[Drift, ...]:
        """Drifts that go on and were found not long ago, newest first."""
        found = self.find(tenant).at(self.log.database.clock(), within_s=RECENT_S)
        return tuple(one for one in found if provider in ("", one.provider))
