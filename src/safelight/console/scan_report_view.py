"""The values of one scanned file for the scan report."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from safelight.core.i18n import load_messages, translate_sentence
from safelight.policy.findings import (
    Cell,
    Evidence,
    Finding,
    FrameRange,
    ImageBox,
    Match,
    Modality,
    Taxonomy,
    TextSpan,
    TimeRange,
)
from safelight.policy.verdicts import Action, Verdict
from safelight.screening.file_scan import FileReport, TranscriptLine
from safelight.screening.unscanned import missing_checks_sentence

from .finding_lanes import TimelineLane, time_spans, timeline_lanes, timeline_ticks
from .scan_report_coverage import ScanCoverage, coverage_differences, describe_checks, describe_unscanned
from .scan_report_tables import (
    DetectorRunRow,
    detector_run_row,
    file_fact_rows,
    frame_count,
    media_facts,
    scan_cost_rows,
    strip_folders,
)
from .timeline import is_hidden
from .translations import (
    Translations,
    format_datetime,
    format_decimal,
    list_checks,
    translate_category,
    translate_detector,
)
from .verdict_text import WAIVED, is_waived

# The findings of one file in the scan report.


@dataclass(frozen=True, kw_only=True)
class ScanFindingRow:
    name: str
    location: str
    score: str
    peak: str
    reason: str
    #: Whether the reason has no translation.
    reason_in_english: bool
    detector: str


def scan_finding_row(finding: Finding, t: Translations) -> ScanFindingRow:
    frame = next((one for one in finding.evidence if isinstance(one, FrameRange)), None)
    peak = t("scan.peak", frame=frame.peak) if frame is not None and frame.first != frame.last else ""
    reason, in_english = t.translate_finding(finding.reason)
    # The name of a list is shown only if the finding has no place in the file.
    evidence = [one for one in finding.evidence if not isinstance(one, Match)] or finding.evidence
    places = dict.fromkeys(sentence for one in evidence if (sentence := _describe_evidence(one, finding, t)))
    return ScanFindingRow(
        name=translate_category(finding.category, t),
        location=t.join_list(list(places)) or t(f"modality.{finding.modality.value}"),
        score=f"{finding.score:.2f}",
        peak=peak,
        reason=reason,
        reason_in_english=in_english,
        detector=t("record.detector", name=translate_detector(finding.detector, t), version=finding.version),
    )


def _describe_evidence(place: Evidence, finding: Finding, t: Translations) -> str:
    match place:
        case FrameRange():
            values = {"start": format_decimal(place.start_s), "end": format_decimal(place.end_s)}
            if place.first == place.last:
                return t("scan.in_frame", frame=place.first, at=values["start"])
            return t("explain.in_frames", first=place.first, last=place.last, **values)
        case TimeRange():
            return t("explain.in_audio", start=format_decimal(place.start_s), end=format_decimal(place.end_s))
        case ImageBox():
            return t("scan.in_image") if finding.modality is Modality.IMAGE else ""
        case TextSpan():
            return t("scan.in_ocr")
        case Match():
            return t("explain.in_list", list=place.list)


_MAX_STRIP_FRAMES = 20


@dataclass(frozen=True, kw_only=True)
class FileView:
    anchor: str
    name: str
    #: Colour of the file: allow, label, hold, block or error. The page always shows the verdict and an icon
    #: too.
    tone: str
    verdict: str
    #: What happened, why, and the next step. `english_sentences` stay English in a report in another
    #: language.
    sentences: tuple[str, ...]
    english_sentences: tuple[str, ...] = ()
    #: The required checks whose absence decided, each with its reason.
    missing: tuple[str, ...] = ()
    rule: str = ""
    category: str = ""
    #: That a missing check decided; used only in the table of a report on several files.
    incomplete: str = ""
    lanes: tuple[TimelineLane, ...] = ()
    ticks: tuple[tuple[str, str], ...] = ()
    findings: tuple[ScanFindingRow, ...] = ()
    withheld: int = 0
    #: True if the checks that ran have no findings.
    nothing_found: bool = False
    previews: tuple[tuple[str, bytes], ...] = ()
    #: Why the report has no images of this file.
    no_previews_reason: str = ""
    sheet: bytes = b""
    #: `strip_cells`: column and row of each frame in the contact sheet. `sheet_grid`: number of columns and
    #: rows.
    strip_cells: tuple[tuple[int, int], ...] = ()
    sheet_grid: tuple[int, int] = (0, 0)
    frame_size: tuple[int, int] = (16, 9)
    transcript: tuple[tuple[str, str], ...] = ()
    ocr_lines: tuple[tuple[str, str], ...] = ()
    #: True if text is withheld because it could be used as instructions for harm.
    text_withheld: bool = False
    audio_note: str = ""
    #: How many checks were made, and in what this file differs from the coverage table of the report.
    checks: str = ""
    #: The parts of the file that were not judged, such as a second sound track, in one sentence.
    unscanned: str = ""
    differences: tuple[str, ...] = ()
    unsupported: str = ""
    waivers: tuple[str, ...] = ()
    cost: tuple[tuple[str, str], ...] = ()
    runs: tuple[DetectorRunRow, ...] = ()
    facts: tuple[tuple[str, str], ...] = ()
    provenance: tuple[str, ...] = ()
    sha256: str = ""
    policy: str = ""
    policy_sha256: str = ""
    detectors: str = ""
    scanned_at: str = ""
    version: str = ""
    #: Used only in the table of a report on several files.
    duration: str = ""
    scan: Mapping[str, Any] = field(default_factory=dict)


def file_view(
    report: FileReport,
    taxonomy: Taxonomy,
    t: Translations,
    number: int,
    coverage: ScanCoverage,
) -> FileView:
    """The view of one file. `coverage`: what the coverage table of the report shows.

    A vaulted file shows only that it was blocked. Findings with hidden details are only counted.
    """
    common: dict[str, Any] = {
        "anchor": f"file-{number}",
        "name": report.name,
        "sha256": report.sha256,
        "scanned_at": format_datetime(report.looked_at, t),
        "version": report.version,
    }
    verdict = report.verdict
    if verdict is None:
        return FileView(
            **common,
            tone="error",
            verdict=t("scan.failed"),
            sentences=(t("scan.failed_text"),),
            english_sentences=(strip_folders(report.problem),),
            facts=file_fact_rows(report, t),
        )
    tested: dict[str, Any] = {"policy": verdict.policy, "policy_sha256": verdict.policy_sha256}
    if verdict.vault:
        sentences = (t("scan.vaulted_text"),)
        return FileView(**common, **tested, tone="block", verdict=t("verdict.block"), sentences=sentences)
    found = verdict.counted(report.findings, report.coverage)
    visible = [finding for finding in found if not is_hidden(finding.category, taxonomy)]
    pictured = {finding.category for finding in visible}
    withheld = sum(is_hidden(finding.category, taxonomy) for finding in report.findings)
    details_hidden = is_hidden(verdict.category, taxonomy)
    images_hidden = withheld > 0 or (details_hidden and bool(verdict.findings))
    lead, english = _verdict_sentences(verdict, t, details_hidden=details_hidden, has_findings=bool(found))
    by_gap = verdict.is_decided_by_gaps
    seconds = _duration_s(report)
    transcript = () if withheld else report.transcript or ()
    return FileView(
        **common,
        **tested,
        tone=WAIVED if is_waived(verdict) else verdict.action.value,
        verdict=t(f"verdict.{WAIVED if is_waived(verdict) else verdict.action.value}"),
        sentences=lead,
        english_sentences=english,
        missing=tuple(_describe_missing(cell, t) for cell in verdict.gaps if by_gap),
        rule="" if details_hidden else verdict.rule,
        category=""
        if details_hidden or by_gap or not verdict.category
        else translate_category(verdict.category, t),
        incomplete=t("review.incomplete") if by_gap else "",
        lanes=tuple(timeline_lanes(visible, seconds, t)),
        ticks=timeline_ticks(
            seconds,
            frame_count(report),
            t,
            picture_s=float(media_facts(report).get("duration_s") or 0.0),
        ),
        findings=tuple(scan_finding_row(finding, t) for finding in visible),
        withheld=withheld,
        nothing_found=not found,
        previews=tuple(
            (translate_category(name, t), preview)
            for name, preview in report.stills.items()
            if name in pictured
        ),
        no_previews_reason=_no_previews_reason(report, t, hidden=images_hidden),
        **_strip_values(report, hidden=images_hidden),
        transcript=tuple(_timed_line(line, t) for line in transcript),
        ocr_lines=()
        if withheld
        else tuple(_timed_line(line, t) for line in report.texts if _is_legible(line)),
        text_withheld=bool(withheld and (report.transcript or report.texts)),
        audio_note=_sound_note(report, t),
        checks=describe_checks(report, coverage, t),
        unscanned=describe_unscanned(report, t),
        differences=coverage_differences(report, coverage, t),
        unsupported=_unsupported_note(report, t),
        waivers=verdict.waivers,
        cost=scan_cost_rows(report, t),
        runs=tuple(detector_run_row(run, t) for run in report.scan.get("runs") or ()),
        facts=file_fact_rows(report, t),
        provenance=_provenance_lines(report, t),
        detectors=t.join_list(
            [f"{translate_detector(name, t)} {version}" for name, version in sorted(report.detectors.items())]
        ),
        duration=t("time.s", n=format_decimal(seconds)) if seconds else "",
    )


def _verdict_sentences(
    verdict: Verdict, t: Translations, *, details_hidden: bool, has_findings: bool
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The sentences in the report's language, and the sentences that exist only in English."""
    sentences: list[str] = []
    english: list[str] = []
    by_gap = verdict.is_decided_by_gaps
    reason = "" if details_hidden else verdict.reason
    if by_gap:
        absent = sum(not cell.available for cell in verdict.gaps)
        sentences.append(
            missing_checks_sentence(
                t.tag,
                verdict.action,
                absent=absent,
                unfinished=len(verdict.gaps) - absent,
                has_findings=has_findings,
            )
        )
    elif reason:
        own = t.translate_reason(reason)
        if t.tag != "en" and own == reason:
            english.append(own)
        else:
            sentences.append(t("scan.reason", reason=own.rstrip(".。")))
    match verdict.action:
        case Action.ALLOW:
            sentences.append(t("verdict.allow_waived" if verdict.waivers else "verdict.allow_text"))
        case Action.LABEL:
            sentences.append(t("scan.label_text"))
        case Action.HOLD:
            sentences.append(t("scan.hold_gaps" if by_gap else "scan.hold_text"))
        case Action.BLOCK:
            sentences.append(t("scan.block_hidden" if details_hidden else "scan.block_text"))
    if verdict.test_card_only:
        sentences.append(t("scan.test_card"))
    return tuple(sentences), tuple(english)


def _describe_missing(cell: Cell, t: Translations) -> str:
    messages = load_messages("cli", t.tag)
    note = translate_sentence("doctor", cell.note, t.tag) or cell.note
    check = list_checks([(cell.category, cell.modality.value)], t)
    return messages("scan.missing", check=check, reason=note or messages("scan.no_reason"))


def _duration_s(report: FileReport) -> float:
    ends = [span[1] for finding in report.findings for span in time_spans(finding)]
    facts = media_facts(report)
    known = (facts.get("duration_s") or 0.0, facts.get("audio_duration_s") or 0.0)
    return float(max((*known, *ends), default=0.0))


def _no_previews_reason(report: FileReport, t: Translations, *, hidden: bool) -> str:
    if report.sheet and not hidden:
        return ""
    if report.picture:
        return t("scan.no_previews_image")
    if hidden or (report.verdict is not None and report.verdict.quarantine):
        return t("scan.no_previews_withheld")
    return t("scan.no_previews")


def _strip_values(report: FileReport, *, hidden: bool) -> dict[str, Any]:
    """Values for the strip of frames. Empty if there are findings whose images are not shown."""
    frames = frame_count(report)
    if not report.sheet or not frames or hidden:
        return {}
    count = min(_MAX_STRIP_FRAMES, frames)
    columns, rows = min(5, count), -(-count // 5)
    step = 1 if count <= 10 else 2
    facts = media_facts(report)
    return {
        "sheet": report.sheet,
        "strip_cells": tuple((place % 5, place // 5) for place in range(0, count, step)),
        "sheet_grid": (columns, rows),
        "frame_size": (int(facts.get("width") or 16), int(facts.get("height") or 9)),
    }


def _timed_line(line: TranscriptLine, t: Translations) -> tuple[str, str]:
    if line.end_s > line.start_s:
        return t("record.at", start=format_decimal(line.start_s), end=format_decimal(line.end_s)), line.text
    return t("time.s", n=format_decimal(line.start_s)), line.text


def _is_legible(line: TranscriptLine) -> bool:
    """Whether the line has a letter or digit. OCR also reads specks as punctuation."""
    return any(character.isalnum() for character in line.text)


def _sound_note(report: FileReport, t: Translations) -> str:
    """Why the file has no transcript; empty if it has one."""
    if report.picture or not report.scan:
        return ""
    if not media_facts(report).get("audio_codec"):
        return t("scan.no_audio")
    known = report.scan.get("sound") or {}
    if known.get("speech") is not None and not known["speech"]:
        return t("scan.no_speech")
    return "" if report.transcript is not None else t("scan.no_transcript")


#: Categories that readers expect but that no bundled model covers: message suffix and coverage category.
_UNSUPPORTED_CATEGORIES = (("blood", "violence/graphic"), ("weapons", "violence"), ("age", "minors-present"))


def _unsupported_note(report: FileReport, t: Translations) -> str:
    place = Modality.IMAGE if report.picture else Modality.FRAMES
    seen = {cell.category for cell in report.coverage if cell.modality is place and cell.available}
    things = [
        t(f"scan.unsupported_{name}") for name, category in _UNSUPPORTED_CATEGORIES if category not in seen
    ]
    return t("scan.unsupported", things=t.join_list(things)) if things else ""


def _provenance_lines(report: FileReport, t: Translations) -> tuple[str, ...]:
    """The summary and the claims of the C2PA manifest in the file."""
    if report.provenance is None:
        return ()
    from .verify_pages import describe_verification

    found = describe_verification(report.provenance, t)
    return (found.sentence, *(t("scan.named", name=name, value=value) for name, value in found.claims))
