"""Words in the picture: judged as texts, and where nobody could read them all, that is said."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from safelight.detectors.text.pipeline import TextPipeline
from safelight.policy.coverage import Cell
from safelight.policy.findings import Finding
from safelight.scanning.report import ScanReport


@dataclass(frozen=True, kw_only=True)
class OcrResult:
    """What the text detectors make of the words that a scan read."""

    findings: tuple[Finding, ...]
    #: Incomplete wherever words may have gone unread, however well those that were read went.
    cells: tuple[Cell, ...]
    #: There is text to judge, or may be.
    present: bool


def screen_ocr_text(report: ScanReport, pipeline: TextPipeline) -> OcrResult:
    """Screen the words of a scan."""
    read = pipeline.screen_media_text(report.texts)
    unread = report.ocr_incomplete
    cells = read.cells if not unread else tuple(_unread(cell, report) for cell in read.cells)
    return OcrResult(findings=read.findings, cells=cells, present=bool(report.texts) or bool(unread))


def _unread(cell: Cell, report: ScanReport) -> Cell:
    if report.has_reader:
        return msgspec.structs.replace(cell, complete=False, note=report.ocr_incomplete)
    # The words cannot be had at all here: something missing, as a detector that is not installed.
    return msgspec.structs.replace(
        cell, available=False, ran=False, complete=False, note=report.ocr_incomplete
    )
