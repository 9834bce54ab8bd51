"""The coverage of an installation before any check has run."""

from __future__ import annotations

from typing import Any

from safelight.policy.documents import Policy
from safelight.policy.measurements import load_shipped, load_shipped_acts
from safelight.screening.coverage_table import coverage_table, required_cells

from .core import CoreParts
from .persistence import PersistenceParts


class InstallationCoverage:
    """Describes the coverage before any check has run."""

    def __init__(self, core: CoreParts, persistence: PersistenceParts) -> None:
        self._core = core
        self._persistence = persistence
        #: The last coverage table, and what it was computed from. It changes seldom and is requested often.
        self._last: tuple[object, dict[str, Any]] = (None, {})

    def describe(self, tenant: str | None = None, policy: Policy | None = None) -> dict[str, Any]:
        """The coverage table before any check has run: the body of `GET /v1/coverage`.

        `policy`: another one than that in force.
        """
        owner = tenant or self._persistence.tenant
        policy = policy or self._persistence.active_policy(owner)
        waivers = self._persistence.waivers_in_force(owner)
        missing = (*self._core.detectors.missing, *self._core.detectors.idle)
        basis = (policy.name, policy.version, policy.sha256, waivers, missing)
        known_basis, known = self._last
        if known_basis == basis:
            return known
        versions = {one.name: one.version for one in self._core.detectors.plugins}
        required = required_cells(policy, self._core.taxonomy)
        cells = load_shipped().add_figures(self._core.detectors.cells(required), versions)
        table = coverage_table(
            policy,
            self._core.taxonomy,
            cells=load_shipped_acts().add_figures(cells, versions),
            missing=missing,
            waivers=waivers,
        )
        self._last = (basis, table)
        return table
