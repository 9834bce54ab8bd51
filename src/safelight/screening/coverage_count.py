"""Checks counted in one way for an installation and for one video, so that both have the same total.

A check is one category in one modality that the policy requires or a detector covers. A check that is off is
neither, and is not counted.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from safelight.policy.findings import CoverageStatus

#: Category, modality and status of a check.
Check = tuple[str, str, str]

#: Status of an installation's check that was not made for a video: the video has no such content, or ended
#: before the check.
NOT_MADE = "not made"


def counted(checks: Iterable[Check]) -> frozenset[Check]:
    return frozenset(check for check in checks if check[2] != CoverageStatus.OFF.value)


def installed_checks(table: Mapping[str, Any]) -> list[Check]:
    """The checks of the coverage table (`GET /v1/coverage`)."""
    return [(cell["category"], cell["modality"], cell["status"]) for cell in table["cells"]]


def count_complete(checks: Iterable[Check]) -> tuple[int, int]:
    """The number of completed checks, and of all counted checks."""
    unique = counted(checks)
    return sum(status == CoverageStatus.CHECKED.value for _, _, status in unique), len(unique)


def checks_of_video(made: Iterable[Check], installed: Iterable[Check]) -> frozenset[Check]:
    """The counted checks of a video: exactly those of the installation, made or not."""
    statuses = {(category, modality): status for category, modality, status in counted(made)}
    return frozenset(
        (category, modality, statuses.get((category, modality), NOT_MADE))
        for category, modality, _ in counted(installed)
    )


def uncounted_gaps(made: Iterable[Check], installed: Iterable[Check]) -> frozenset[Check]:
    """Incomplete checks of a video that the installation does not count.

    The policy or the detectors were different then, or the check is neither required nor covered as a whole,
    such as the voices of real people where only spoken names are checked.
    """
    counts = {check[:2] for check in counted(installed)}
    return frozenset(
        check
        for check in counted(made)
        if check[:2] not in counts and check[2] != CoverageStatus.CHECKED.value
    )


def complete_without_detector(made: Iterable[Check], installed: Iterable[Check]) -> frozenset[Check]:
    """Completed checks of a video that the installation cannot make now.

    The detector was removed since then, or the request brought what is checked, such as a transcript, or
    there was nothing to check, such as sound in which nothing is spoken.
    """
    missing = {check[:2] for check in installed if check[2] == CoverageStatus.NOT_CHECKED.value}
    return frozenset(
        check for check in made if check[:2] in missing and check[2] == CoverageStatus.CHECKED.value
    )
