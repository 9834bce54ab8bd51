"""Counted checks grouped by status, in the same way for an installation and for one video."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from safelight.moderation.coverage_count import (
    NOT_MADE,
    Check,
    checks_of_video,
    complete_without_detector,
    count_complete,
    counted,
    uncounted_gaps,
)
from safelight.policy.coverage import CoverageStatus
from safelight.policy.findings import Modality

from .formatting import list_checks, translate_category
from .translations import Translations

#: The statuses that are counted, in the order of the pages: missing checks first.
COUNTED = (
    CoverageStatus.NOT_CHECKED.value,
    CoverageStatus.PARTLY.value,
    CoverageStatus.CHECKED.value,
    NOT_MADE,
)


@dataclass(frozen=True, kw_only=True)
class CoverageGroup:
    """Categories that have the same coverage status, by modality."""

    status: str
    label: str
    modalities: tuple[tuple[str, tuple[str, ...]], ...]

    @property
    def count(self) -> int:
        return sum(len(categories) for _, categories in self.modalities)


@dataclass(frozen=True, kw_only=True)
class CoverageSummary:
    #: `Checked: 24 of 41`.
    sentence: str
    groups: tuple[CoverageGroup, ...]
    #: In what a video differs from its installation.
    notes: tuple[str, ...] = ()


def summarize_video(made: Iterable[Check], installed: Iterable[Check], t: Translations) -> CoverageSummary:
    """The checks of a video with the total of its installation; a sentence names each difference."""
    made, installed = list(made), list(installed)
    notes = differences_from_installation(made, installed, t)
    return summarize(checks_of_video(made, installed), t, notes=notes)


def differences_from_installation(
    made: Collection[Check], installed: Collection[Check], t: Translations
) -> tuple[str, ...]:
    """The checks that were made without a detector now, and the gaps that the installation does not count."""
    notes = []
    if complete := complete_without_detector(made, installed):
        notes.append(t("coverage.checked_then", checks=_name(complete, t)))
    if gaps := uncounted_gaps(made, installed):
        notes.append(t("coverage.uncounted", checks=_name(gaps, t)))
    return tuple(notes)


def _name(checks: Iterable[Check], t: Translations) -> str:
    return list_checks(((category, modality) for category, modality, _ in sorted(checks)), t)


def summarize(checks: Iterable[Check], t: Translations, *, notes: Iterable[str] = ()) -> CoverageSummary:
    """The number of completed checks, and all counted checks by status, missing checks first."""
    unique = counted(checks)
    complete, total = count_complete(unique)
    groups: list[CoverageGroup] = []
    for status in COUNTED:
        modalities = tuple(
            (t(f"modality.{modality.value}"), categories)
            for modality in Modality
            if (
                categories := tuple(
                    translate_category(category, t)
                    for category, one, word in sorted(unique)
                    if (one, word) == (modality.value, status)
                )
            )
        )
        if modalities:
            name = t(f"coverage.{status.replace(' ', '_')}")
            groups.append(CoverageGroup(status=status, label=name, modalities=modalities))
    return CoverageSummary(
        sentence=t("coverage.count", checked=complete, all=total), groups=tuple(groups), notes=tuple(notes)
    )
