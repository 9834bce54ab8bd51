"""The coverage table of an installation: which checks its policy needs, and which of them it has."""

from __future__ import annotations

from typing import Any

from .core import CoreParts
from .persistence import PersistenceParts


class InstallationCoverage:
    """Describes the coverage before any check has run."""

    def __init__(self, core: CoreParts, persistence: PersistenceParts) -> None:
        self._core = core
        self._persistence = persistence
        #: The last coverage table, and what it was computed from. It changes seldom and is requested often.
        self._last: tuple[object, dict[str, Any]] = (None, {})

    def describe(self, tenant: str | None = None) -> dict[str, Any]:
        """The coverage table before any check has run: the body of `GET /v1/coverage`."""
        from safelight.moderation.coverage_table import coverage_table, required_cells
        from safelight.policy.measurements import load_shipped

        owner = tenant or self._persistence.tenant
        policy = self._persistence.active_policy(owner)
        waivers = self._persistence.waivers_in_force(owner)
        missing = (*self._core.detectors.missing, *self._core.detectors.idle)
        basis = (policy.name, policy.version, policy.sha256, waivers, missing)
        known_basis, known = self._last
        if known_basis == basis:
            return known
        table = coverage_table(
            policy,
            self._core.taxonomy,
            cells=load_shipped().add_figures(
                self._core.detectors.cells(required_cells(policy, self._core.taxonomy)),
                {one.name: one.version for one in self._core.detectors.plugins},
            ),
            missing=missing,
            waivers=waivers,
        )
        self._last = (basis, table)
        return table
