"""The coverage of a scan report: one table for all files, and what is different for one of them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from safelight.evaluation.measurements import load_shipped
from safelight.moderation.file_scan import FileReport
from safelight.policy.coverage import Cell, CoverageStatus
from safelight.policy.findings import Modality

from .formatting import list_checks, translate_category, translate_detector
from .scan_report_tables import strip_folders
from .translations import Translations

#: Status of the cells that the table shows, missing checks first.
_SHOWN = (CoverageStatus.NOT_CHECKED, CoverageStatus.PARTLY, CoverageStatus.CHECKED)
#: The name of a documentation page at the end of a figure. Readers of a report do not have the pages.
_PAGE = re.compile(r",?\s*(?:docs/)?benchmarks/[\w./-]+$|^docs/[\w./-]+$")

_CellKey = tuple[str, Modality]


@dataclass(frozen=True, kw_only=True)
class ScanCoverageRow:
    name: str
    modalities: str
    status: str
    label: str
    detectors: str
    measured: str
    note: str


@dataclass(frozen=True, kw_only=True)
class CommonCell:
    """A coverage cell with the status that most files have, and a report that has it."""

    cell: Cell
    report: FileReport


def common_cells(reports: Iterable[FileReport]) -> dict[_CellKey, CommonCell]:
    """For each category and modality, the cell that most of the reports have."""
    found: dict[_CellKey, list[CommonCell]] = {}
    for report in reports:
        for cell in _shown_cells(report):
            found.setdefault(_key(cell), []).append(CommonCell(cell=cell, report=report))
    common = {}
    for key, cells in found.items():
        [(status, _)] = Counter(one.cell.status for one in cells).most_common(1)
        common[key] = next(one for one in cells if one.cell.status is status)
    return common


def scan_coverage_rows(
    common: Mapping[_CellKey, CommonCell], t: Translations, *, notes: bool
) -> Iterable[ScanCoverageRow]:
    """The rows of the coverage table, missing checks first. Modalities with equal values share a row.

    `notes`: also the notes of the detectors, which are about a single file.
    """
    modalities: dict[tuple[str, CoverageStatus, str, str, str], list[str]] = {}
    for _, one in sorted(common.items()):
        cell, verdict = one.cell, one.report.verdict
        note = strip_folders(cell.note) if notes and t.tag == "en" else ""
        if verdict is not None and any(_key(cell) == _key(waived) for waived in verdict.waived):
            names = t.join_list(list(verdict.waivers))
            waived_by = t("coverage.waived_by", name=names) if names else t("scan.waived")
            note = t("list.sentences", first=waived_by, second=note).strip()
        measured = _figure(cell, one.report.detectors, t)
        key = (
            cell.category,
            cell.status,
            t.join_list([translate_detector(name, t) for name in cell.detectors]) or "–",
            measured,
            note,
        )
        modalities.setdefault(key, []).append(t(f"modality.{cell.modality.value}"))
    for (category, status, detectors, measured, note), names_of_modalities in sorted(
        modalities.items(), key=lambda entry: _SHOWN.index(entry[0][1])
    ):
        yield ScanCoverageRow(
            name=translate_category(category, t),
            modalities=t.join_list(names_of_modalities),
            status=status.value,
            label=_label(status, t),
            detectors=detectors,
            measured=measured,
            note=note,
        )


def describe_gaps(report: FileReport, common: Mapping[_CellKey, CommonCell], t: Translations) -> str:
    """How many checks of a file were not made or not complete. Empty for a file without coverage."""
    cells = _shown_cells(report)
    if not cells:
        return ""
    left_out = _left_out(report, common)
    gaps = sum(cell.status is not CoverageStatus.CHECKED for cell in cells) + len(left_out)
    return t("scan.gaps_count", count=gaps, all=len(cells) + len(left_out)) if gaps else t("scan.no_gaps")


def describe_unscanned(report: FileReport, t: Translations) -> str:
    """The parts of a file that were not judged, with their numbers. Empty if there are none."""
    parts = [t(f"scan.unscanned.{part.kind.value}", count=f"{part.count:,}") for part in report.unscanned]
    return t("scan.not_judged", what=t.join_list(parts)) if parts else ""


def coverage_differences(
    report: FileReport, common: Mapping[_CellKey, CommonCell], t: Translations
) -> tuple[str, ...]:
    """The cells of a file whose status is not that of the table, one sentence for each status."""
    by_status: dict[CoverageStatus, list[tuple[str, str]]] = {}
    for cell in _shown_cells(report):
        if cell.status is not common[_key(cell)].cell.status:
            by_status.setdefault(cell.status, []).append((cell.category, cell.modality.value))
    differences = [
        t("scan.difference", name=_label(status, t), value=list_checks(by_status[status], t))
        for status in _SHOWN
        if status in by_status
    ]
    if left_out := _left_out(report, common):
        checks = list_checks(((category, modality.value) for category, modality in left_out), t)
        differences.append(t("scan.difference", name=t("scan.not_made"), value=checks))
    return tuple(differences)


def _left_out(report: FileReport, common: Mapping[_CellKey, CommonCell]) -> list[_CellKey]:
    """The checks of the table that the file does not have, although it has content of that kind."""
    modalities = {cell.modality for cell in report.coverage}
    shown = {_key(cell) for cell in _shown_cells(report)}
    return [key for key in sorted(common) if key[1] in modalities and key not in shown]


def visible_reports(reports: Sequence[FileReport]) -> list[FileReport]:
    """The reports whose coverage may be shown: those that were scanned and are not vaulted."""
    return [one for one in reports if one.verdict is not None and not one.verdict.vault]


def _shown_cells(report: FileReport) -> list[Cell]:
    return [cell for cell in report.coverage if cell.status in _SHOWN]


def _key(cell: Cell) -> _CellKey:
    return cell.category, cell.modality


def _label(status: CoverageStatus, t: Translations) -> str:
    return t(f"coverage.{status.value.replace(' ', '_')}")


def _figure(cell: Cell, versions: Mapping[str, str], t: Translations) -> str:
    """The measured figure of a cell in numbers, if it was measured with the installed versions."""
    if not cell.detectors:
        return "–"
    run = load_shipped()
    one = run.cell(cell.category, cell.modality)
    if one is not None and all(run.detectors.get(name) == versions.get(name, "") for name in cell.detectors):
        return t(
            "scan.figure",
            found=one.found,
            segments=one.segments,
            alarms=one.false_alarms,
            clips=one.safe_clips,
        )
    stated = _PAGE.sub("", cell.measured or "").strip()
    if any(letter.isdigit() for letter in stated):
        return stated
    return t("scan.figure_elsewhere") if cell.measured else t("coverage.unmeasured")
