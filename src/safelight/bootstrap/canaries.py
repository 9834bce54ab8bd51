"""Builds active canaries: the service behind the commands and routes, and the part that sends the calls."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from .core import CoreParts
from .persistence import PersistenceParts
from .pipeline import PipelineParts

if TYPE_CHECKING:
    from safelight.attempts.canaries.service import Canaries
    from safelight.jobs.canary_sender import CanarySender


class CanaryParts:
    """Canaries at providers."""

    def __init__(self, core: CoreParts, persistence: PersistenceParts, pipeline: PipelineParts) -> None:
        self._core = core
        self._persistence = persistence
        self._pipeline = pipeline

    @cached_property
    def service(self) -> Canaries:
        from safelight.attempts.canaries.service import Canaries

        return Canaries(
            database=self._persistence.database,
            generators=self._core.generators,
            tenant_micros=self._tenant_micros,
        )

    @cached_property
    def sender(self) -> CanarySender:
        from safelight.attempts.canaries.calls import CanaryCalls
        from safelight.jobs.canary_sender import CanarySender
        from safelight.moderation.admission import AdmissionLimits

        server = self._core.settings.server
        return CanarySender(
            context=self._pipeline.context,
            calls=CanaryCalls(self._persistence.database, self._tenant_micros),
            limits=AdmissionLimits(max_prompt_characters=server.max_prompt_characters),
        )

    @property
    def _tenant_micros(self) -> int:
        from safelight.trust.ledger import to_micros

        return to_micros(self._core.settings.canaries.max_usd_per_month)
