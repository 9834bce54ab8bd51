"""Builds the services of quality reviews."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from .core import CoreParts
from .persistence import PersistenceParts

if TYPE_CHECKING:
    from safelight.background.part import BackgroundPart
    from safelight.trust.quality import Quality, QualityResults

#: A second review is done days later; five minutes are soon enough.
_INTERVAL_S = 300.0


class QualityParts:
    """Golden cases, second reviews and samples, and their results."""

    def __init__(self, core: CoreParts, persistence: PersistenceParts) -> None:
        self._core = core
        self._persistence = persistence

    @cached_property
    def service(self) -> Quality:
        from safelight.trust.quality import Quality

        return Quality(self._persistence.database)

    @cached_property
    def results(self) -> QualityResults:
        from safelight.trust.quality import QualityResults

        return QualityResults(self._persistence.database)

    @cached_property
    def sampling(self) -> BackgroundPart:
        """Opens second reviews, golden cases and samples, closes overdue ones, and deletes old answers."""
        from safelight.background.part import BackgroundPart
        from safelight.trust.quality import QualitySampler, SamplingRule

        settings = self._core.settings.review
        rule = SamplingRule(
            second_review_rate=settings.second_review_rate, golden_per_day=settings.golden_per_day
        )
        sampler = QualitySampler(self._persistence.database, rule)
        tasks = {
            "open_second_reviews": sampler.open_second_reviews,
            "open_golden_cases": sampler.open_golden_cases,
            "open_samples": sampler.open_samples,
            "close_overdue": sampler.close_overdue,
            "delete_old_answers": sampler.delete_old_answers,
        }
        return BackgroundPart(
            "quality-sampling", tasks, interval_s=_INTERVAL_S, stopping=self._core.shutdown_event
        )
