"""Screens the OCR text of a scan. The coverage is incomplete if OCR could not read all of the text."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import msgspec

from safelight.detectors.text.pipeline import TextPipeline
from safelight.policy.findings import Cell, Finding, Modality

from .scanning.report import ScanReport


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
    return OcrResult(
        findings=screened.findings,
        cells=mark_unread(screened.cells, report),
        present=bool(report.texts) or bool(report.ocr_incomplete),
    )


def mark_unread(cells: Iterable[Cell], report: ScanReport) -> tuple[Cell, ...]:
    """The cells of texts of a file, incomplete in the modality text if OCR may have missed text of the file.

    Without this, the screening of another text, such as a tag, would count as a check of the picture.
    """
    if not report.ocr_incomplete:
        return tuple(cells)
    return tuple(_mark_unread(cell, report) if cell.modality is Modality.TEXT else cell for cell in cells)


def _mark_unread(cell: Cell, report: ScanReport) -> Cell:
    if report.has_ocr:
        return msgspec.structs.replace(
            cell, complete=False, note=report.ocr_incomplete, over_budget=report.ocr_over_budget
        )
    # Without OCR no text can be read, so the cell has the same status as for a detector that is not
    # installed.
    return msgspec.structs.replace(
        cell, available=False, ran=False, complete=False, note=report.ocr_incomplete
    )
