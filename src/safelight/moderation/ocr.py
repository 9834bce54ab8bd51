"""Screens the OCR text of a scan. The coverage is incomplete if OCR could not read all of the text."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from safelight.detectors.text.pipeline import TextPipeline
from safelight.policy.coverage import Cell
from safelight.policy.findings import Finding
from safelight.scanning.report import ScanReport


@dataclass(frozen=True, kw_only=True)
class OcrResult:
    """Findings of the text detectors in the OCR text of a scan, and their coverage."""

    findings: tuple[Finding, ...]
    #: Incomplete if OCR may have missed text, even if all of the recognized text was screened.
    cells: tuple[Cell, ...]
    #: Whether there is OCR text, or may be.
    present: bool


def screen_ocr_text(report: ScanReport, pipeline: TextPipeline) -> OcrResult:
    """Screen the OCR text of a scan with the text detectors."""
    screened = pipeline.screen_media_text(report.texts)
    unread = report.ocr_incomplete
    cells = screened.cells if not unread else tuple(_mark_unread(cell, report) for cell in screened.cells)
    return OcrResult(findings=screened.findings, cells=cells, present=bool(report.texts) or bool(unread))


def _mark_unread(cell: Cell, report: ScanReport) -> Cell:
    if report.has_ocr:
        return msgspec.structs.replace(cell, complete=False, note=report.ocr_incomplete)
    # Without OCR no text can be read, so the cell has the same status as for a detector that is not
    # installed.
    return msgspec.structs.replace(
        cell, available=False, ran=False, complete=False, note=report.ocr_incomplete
    )
