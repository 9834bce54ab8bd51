"""Coverage grouped by status, missing checks first."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from safelight.policy.coverage import CoverageStatus
from safelight.policy.findings import Modality

from .translations import Translations

_STATUS_ORDER = (CoverageStatus.NOT_CHECKED, CoverageStatus.PARTLY, CoverageStatus.CHECKED)


@dataclass(frozen=True, kw_only=True)
class CoverageGroup:
    """Categories that have the same coverage status, by modality."""

    status: str
    label: str
    modalities: tuple[tuple[str, tuple[str, ...]], ...]

    @property
    def count(self) -> int:
        return sum(len(categories) for _, categories in self.modalities)


def group_by_status(cells: Iterable[tuple[str, str, str]], t: Translations) -> tuple[CoverageGroup, ...]:
    """Group cells (category, modality, status) by status. Leaves out cells with the status `off`."""
    unique = set(cells)
    groups: list[CoverageGroup] = []
    for status in _STATUS_ORDER:
        modalities = tuple(
            (t(f"modality.{modality.value}"), categories)
            for modality in Modality
            if (
                categories := tuple(
                    sorted(c for c, m, w in unique if (m, w) == (modality.value, status.value))
                )
            )
        )
        if modalities:
            name = t(f"coverage.{status.value.replace(' ', '_')}")
            groups.append(CoverageGroup(status=status.value, label=name, modalities=modalities))
    return tuple(groups)
