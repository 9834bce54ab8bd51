"""Checks counted and grouped by status, in the same way for an installation and for one video.

A check is one category in one modality that the policy requires or a detector covers. A check that is off is
neither, and is not counted.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from safelight.policy.coverage import CoverageStatus
from safelight.policy.findings import Modality

from .formatting import translate_category
from .translations import Translations

#: Category, modality and status of a check.
Check = tuple[str, str, str]

#: Status of an installation's check that was not made for a video: the video has no such content, or ended
#: before the check.
NOT_MADE = "not made"
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


def counted(checks: Iterable[Check]) -> frozenset[Check]:
    return frozenset(check for check in checks if check[2] != CoverageStatus.OFF.value)


def installed_checks(table: Mapping[str, Any]) -> list[Check]:
    """The checks of the coverage table (`GET /v1/coverage`)."""
    return [(cell["category"], cell["modality"], cell["status"]) for cell in table["cells"]]


def checks_of_video(made: Iterable[Check], installed: Iterable[Check]) -> frozenset[Check]:
    """The counted checks of a video: those of the installation, made or not, and every gap.

    A check that the installation does not count, such as that of a sound track in which nothing is spoken, is
    left out if it was completed, so that a video and its installation have the same total.
    """
    counts = {(category, modality) for category, modality, _ in counted(installed)}
    made = frozenset(
        check for check in counted(made) if check[:2] in counts or check[2] != CoverageStatus.CHECKED.value
    )
    left = counts - {(category, modality) for category, modality, _ in made}
    return made | {(category, modality, NOT_MADE) for category, modality in left}


def summarize(checks: Iterable[Check], t: Translations) -> CoverageSummary:
    """The number of completed checks, and all counted checks by status, missing checks first."""
    unique = counted(checks)
    complete = sum(status == CoverageStatus.CHECKED.value for _, _, status in unique)
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
        sentence=t("coverage.count", checked=complete, all=len(unique)), groups=tuple(groups)
    )
