"""The composition root: the container of all parts, and `load`, which builds it from the settings.

Each part is built at its first use, by a function of the module that is imported then. So a command that only
screens text loads neither the database nor the durable queue.
"""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from safelight.app.settings import Settings, read_settings

from .core import CoreParts
from .likeness import LikenessParts
from .persistence import PersistenceParts
from .pipeline import PipelineParts
from .provenance import ProvenanceParts

if TYPE_CHECKING:
    from safelight.cases.gates import GateService
    from safelight.videos.checks import CheckService
    from safelight.videos.library import Library
    from safelight.videos.service import VideoService
    from safelight.videos.templates import Templates

    from .background import Background
    from .case_reads import CaseReads
    from .correspondence import Correspondence
    from .coverage import InstallationCoverage
    from .decisions import Decisions
    from .gauges import Gauges
    from .mail import Mails
    from .readiness import ProcessReadiness


def load(config: Path | None = None, **flags: Any) -> Container:
    """The container for the settings in `config` and the environment. Raises `SettingsError`."""
    return Container(read_settings(config, **flags))


class Container:
    """The parts of one installation. Each part builds its objects at their first use and keeps them."""

    def __init__(self, settings: Settings) -> None:
        self.core = CoreParts(settings)
        self.persistence = PersistenceParts(self.core)
        self.provenance = ProvenanceParts(self.core, self.persistence)
        self.likeness = LikenessParts(self.core, self.persistence)
        self.pipeline = PipelineParts(self.core, self.persistence, self.likeness, self.provenance)

    @cached_property
    def coverage(self) -> InstallationCoverage:
        from .coverage import InstallationCoverage

        return InstallationCoverage(self.core, self.persistence)

    @cached_property
    def checks(self) -> CheckService:
        from .checks import make_checks

        return make_checks(self.core, self.persistence, self.pipeline)

    @cached_property
    def library(self) -> Library:
        from .checks import make_library

        return make_library(self.core, self.persistence, self.checks)

    @cached_property
    def templates(self) -> Templates:
        from safelight.videos.templates import Templates

        return Templates(self.persistence.database)

    @cached_property
    def case_reads(self) -> CaseReads:
        from .case_reads import make_case_reads

        return make_case_reads(
            self.persistence,
            self.core.taxonomy,
            exposure_budget=self.core.settings.review.exposure_budget,
        )

    @cached_property
    def videos(self) -> VideoService:
        from .videos import make_videos

        return make_videos(
            self.core, self.persistence, self.pipeline, self.coverage, self.case_reads.exposure
        )

    @cached_property
    def mails(self) -> Mails:
        from .mail import make_mails

        return make_mails(
            self.core.settings,
            self.persistence.database,
            self.persistence.people.keys,
            stopping=self.core.shutdown_event,
        )

    @cached_property
    def decisions(self) -> Decisions:
        from .decisions import make_decisions

        return make_decisions(self.pipeline, self.case_reads)

    @cached_property
    def gates(self) -> GateService | None:
        """Moves tenants between rollout steps; None if the settings do not enable them."""
        if (gates := self.pipeline.gates) is None:
            return None
        from safelight.cases.gates import GateService

        return GateService(self.persistence.database, gates.document, self.coverage.describe)

    @cached_property
    def correspondence(self) -> Correspondence:
        from .correspondence import make_correspondence

        return make_correspondence(self.core, self.persistence, self.likeness, self.mails)

    @cached_property
    def background(self) -> Background:
        from .background import make_background
        from .videos import make_retries

        return make_background(
            self.core,
            self.persistence,
            self.pipeline,
            self.case_reads,
            self.decisions,
            self.correspondence,
            self.mails,
            retries=make_retries(self.persistence, self.videos, self.checks),
            copies=self.provenance.copies,
            late_timestamps=self.provenance.late_timestamps,
            gates=self.gates,
        )

    @cached_property
    def readiness(self) -> ProcessReadiness:
        from .readiness import ProcessReadiness

        return ProcessReadiness(self.core, self.persistence, self.pipeline, self.background)

    @cached_property
    def gauges(self) -> Gauges:
        from .gauges import Gauges

        return Gauges(self.core, self.persistence, self.pipeline, self.background)
