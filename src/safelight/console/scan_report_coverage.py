"""The coverage of a scan report: the checks of the coverage page, and their status in the scanned files."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from safelight.policy.findings import Cell, CoverageStatus, Modality
from safelight.policy.measurements import find_measurement
from safelight.screening.coverage_count import NOT_MADE, Check, checks_of_video, count_complete, counted
from safelight.screening.file_scan import FileReport

from .coverage import COUNTED, differences_from_installation
from .measured_text import list_figures
from .scan_report_tables import strip_folders
from .translations import Translations, list_checks, translate_category, translate_detector

_CellKey = tuple[str, str]


@dataclass(frozen=True, kw_only=True)
class ScanCoverageRow:
    name: str
    modalities: str
    status: str
    label: str
    detectors: str
    #: What was measured; empty for a check that was not made.
    figures: tuple[str, ...]
    note: str


@dataclass(frozen=True, kw_only=True)
class CommonCell:
    """A check of the installation with the status that most files have, and a report that has it.

    `cell` and `report` are None if no file was checked for it.
    """

    status: str
    cell: Cell | None = None
    report: FileReport | None = None


@dataclass(frozen=True, kw_only=True)
class ScanCoverage:
    """The checks that the coverage page counts (`installed`), and their statuses in the visible reports."""

    installed: tuple[Check, ...]
    common: Mapping[_CellKey, CommonCell]


def scan_coverage(reports: Iterable[FileReport], installed: Iterable[Check]) -> ScanCoverage:
    """`installed` are the checks of `GET /v1/coverage`: a file has the same ones, made or not."""
    found: dict[_CellKey, list[CommonCell]] = {}
    for report in reports:
        for cell in _made_cells(report):
            one = CommonCell(status=cell.status.value, cell=cell, report=report)
            found.setdefault(_key(cell), []).append(one)
    common, unique = {}, counted(installed)
    for category, modality, _ in unique:
        cells = found.get((category, modality), [])
        statuses = Counter(one.status for one in cells).most_common(1)
        common[category, modality] = next(
            (one for one in cells if one.status == statuses[0][0]), CommonCell(status=NOT_MADE)
        )
    return ScanCoverage(installed=tuple(sorted(unique)), common=common)


def scan_coverage_rows(coverage: ScanCoverage, t: Translations, *, notes: bool) -> Iterable[ScanCoverageRow]:
    """The rows of the coverage table, missing checks first. Modalities with equal values share a row.

    Checks that were made for no file have no row. `notes`: also the notes of the detectors, which are about a
    single file.
    """
    rows: dict[tuple[str, str, str, str], list[tuple[str, tuple[str, ...]]]] = {}
    for (category, modality), one in sorted(coverage.common.items()):
        cell, report = one.cell, one.report
        if cell is None or report is None:
            continue
        detectors = t.join_list([translate_detector(name, t) for name in cell.detectors]) or "–"
        note = _note(cell, report, t, notes=notes)
        figures: tuple[str, ...] = ()
        if cell.detectors and cell.status is not CoverageStatus.NOT_CHECKED:
            known = find_measurement(category, cell.modality)
            current = known is None or known[0].used_versions(cell.detectors, report.detectors)
            figures = list_figures(cell.measured, category, cell.modality, t, current=current)
        rows.setdefault((category, one.status, detectors, note), []).append(
            (t(f"modality.{modality}"), figures)
        )
    for (category, status, detectors, note), cells in sorted(
        rows.items(), key=lambda entry: COUNTED.index(entry[0][1])
    ):
        yield ScanCoverageRow(
            name=translate_category(category, t),
            modalities=t.join_list([modality for modality, _ in cells]),
            status=status,
            label=_label(status, t),
            detectors=detectors,
            figures=tuple(dict.fromkeys(figure for _, figures in cells for figure in figures)),
            note=note,
        )


def list_not_made(coverage: ScanCoverage, t: Translations) -> str:
    """The checks of the installation that were made for no file."""
    checks = [key for key, one in coverage.common.items() if one.status == NOT_MADE]
    return list_checks(_by_modality(checks), t)


def list_off(reports: Iterable[FileReport], coverage: ScanCoverage, t: Translations) -> str:
    """The checks that are neither counted for the installation nor made in any of the files."""
    cells = [cell for report in reports for cell in report.coverage]
    made = {_key(cell) for cell in cells if cell.status is not CoverageStatus.OFF}
    return list_checks(_by_modality({_key(cell) for cell in cells} - made - set(coverage.common)), t)


def describe_checks(report: FileReport, coverage: ScanCoverage, t: Translations) -> str:
    """How many checks of a file have which status. Empty for a file without coverage."""
    if not report.coverage:
        return ""
    checks = checks_of_video(_checks(report), coverage.installed)
    complete, total = count_complete(checks)
    statuses = Counter(status for _, _, status in checks)
    parts = [t("coverage.count", checked=complete, all=total)] + [
        t("scan.named", name=_label(status, t), value=statuses[status])
        for status in COUNTED
        if status != CoverageStatus.CHECKED.value and statuses[status]
    ]
    return t("scan.checks", counts=t("list.groups").join(parts))


def describe_unscanned(report: FileReport, t: Translations) -> str:
    """The parts of a file that were not judged, with their numbers. Empty if there are none."""
    parts = [t(f"scan.unscanned.{part.kind.value}", count=f"{part.count:,}") for part in report.unscanned]
    return t("scan.not_judged", what=t.join_list(parts)) if parts else ""


def coverage_differences(report: FileReport, coverage: ScanCoverage, t: Translations) -> tuple[str, ...]:
    """The checks of a file whose status is not that of the table, one sentence for each status.

    A check that was not made is a difference only if the file has content of that kind.
    """
    modalities = {cell.modality.value for cell in report.coverage}
    by_status: dict[str, list[_CellKey]] = {}
    for category, modality, status in sorted(checks_of_video(_checks(report), coverage.installed)):
        usual = coverage.common[category, modality].status
        if status != usual and (status != NOT_MADE or modality in modalities):
            by_status.setdefault(status, []).append((category, modality))
    return tuple(
        t("scan.difference", name=_label(status, t), value=list_checks(by_status[status], t))
        for status in COUNTED
        if status in by_status
    )


def coverage_notes(
    reports: Iterable[FileReport], installed: Iterable[Check], t: Translations
) -> tuple[str, ...]:
    """In what files differ from the checks that the installation counts, as a video's record says it."""
    made = {check for report in reports for check in _checks(report)}
    return differences_from_installation(made, list(installed), t)


def visible_reports(reports: Sequence[FileReport]) -> list[FileReport]:
    """The reports whose coverage may be shown: those that were scanned and are not vaulted."""
    return [one for one in reports if one.verdict is not None and not one.verdict.vault]


def _made_cells(report: FileReport) -> list[Cell]:
    return [cell for cell in report.coverage if cell.status is not CoverageStatus.OFF]


def _checks(report: FileReport) -> list[Check]:
    return [(cell.category, cell.modality.value, cell.status.value) for cell in report.coverage]


def _by_modality(checks: Iterable[_CellKey]) -> list[_CellKey]:
    order = [modality.value for modality in Modality]
    return sorted(checks, key=lambda check: (order.index(check[1]), check[0]))


def _key(cell: Cell) -> _CellKey:
    return cell.category, cell.modality.value


def _note(cell: Cell, report: FileReport, t: Translations, *, notes: bool) -> str:
    note, verdict = strip_folders(cell.note) if notes and t.tag == "en" else "", report.verdict
    if verdict is None or all(_key(cell) != _key(waived) for waived in verdict.waived):
        return note
    names = t.join_list(list(verdict.waivers))
    waived_by = t("coverage.waived_by", name=names) if names else t("scan.waived")
    return t("list.sentences", first=waived_by, second=note).strip()


def _label(status: str, t: Translations) -> str:
    return t(f"coverage.{status.replace(' ', '_')}")
