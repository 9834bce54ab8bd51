"""The text that `safelight scan` prints, in the language in use."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from safelight.core.i18n import translate_finding, translate_reason

from .language import (
    category_name,
    detector_name,
    join_sentences,
    language,
    modality_name,
    texts,
    translate,
    translate_lines,
)
from .output import printable

if TYPE_CHECKING:
    from safelight.policy.findings import Finding

    from .scan_output import ScanRow, Summary

_NOT_SCANNED = "not_scanned"
_STOPS = (".", "!", "?", "。", "！", "？", "…")


def describe_summary(summary: Summary) -> str:
    """The last line of the output: numbers of files by outcome."""
    t = texts()
    counts = t("separator").join(_outcome_counts(summary))
    seconds = f"{summary.wall_s:.1f}"
    parts = [t("scan.files", n=summary.files, counts=counts or t("scan.none"), seconds=seconds)]
    if summary.unchanged:
        parts.append(t("scan.unchanged", n=summary.unchanged))
    if summary.remaining:
        parts.append(t("scan.remaining", n=summary.remaining))
    if summary.skipped:
        parts.append(t("scan.skipped", n=summary.skipped))
    return join_sentences(parts)


def text_of(row: ScanRow) -> str:
    """The row of one file as text: outcome, reason, findings with location, and coverage gaps.

    Names and texts come from the files, so characters that control a terminal or start a line are replaced.
    """
    t = texts()
    if row.problem:
        first = t("scan.file", file=row.file, outcome=_outcome(_NOT_SCANNED))
        return f"{printable(first)}\n  {printable(translate_lines(row.problem))}"
    lines = [t("scan.file", file=row.file, outcome=_describe_outcome(row))]
    if row.reason and not row.by_gap:
        lines.append(translate_reason(row.reason, language()))
    lines += dict.fromkeys(f"- {_describe_finding(finding)}" for finding in row.findings)
    lines += _describe_missing(row)
    lines += [
        t("scan.speech", at=f"{line['start_s']:.2f}", text=line["text"]) for line in row.transcript or ()
    ]
    lines += map(translate_lines, row.unscanned)
    listed = {f"{check['category']} ({check['modality']})" for check in row.missing}
    for status in ("not checked", "partly"):
        if cells := [cell for cell in row.coverage.get(status, ()) if cell not in listed]:
            lines.append(t(f"scan.{status.replace(' ', '_')}", cells=format_cells(cells)))
    if row.waivers:
        lines.append(t("scan.waivers", names=t("separator").join(row.waivers)))
    return "\n  ".join(map(printable, lines))


def _outcome(action: str) -> str:
    return texts()(f"scan.outcome.{action.replace(' ', '_')}")


def _describe_outcome(row: ScanRow) -> str:
    from safelight.policy.verdicts import Action
    from safelight.screening.unscanned import missing_checks_sentence

    t, outcome = texts(), _outcome(row.action)
    if row.by_gap:
        absent = sum(not check["installed"] for check in row.missing)
        outcome = missing_checks_sentence(
            language(),
            Action(row.action),
            absent=absent,
            unfinished=len(row.missing) - absent,
            has_findings=bool(row.findings),
        )
    elif row.category and row.action != "allow":
        outcome = t("scan.because", outcome=outcome, category=category_name(row.category))
    elif row.action == "allow":
        found = t("scan.found_some" if row.findings else "scan.found_nothing")
        outcome = t("scan.and_found", outcome=outcome, found=found)
    return t("scan.earlier", outcome=outcome) if row.unchanged else outcome


def _outcome_counts(summary: Summary) -> Iterable[str]:
    """The number of files by outcome. Those that only missing checks hold or block are counted apart."""
    t = texts()
    for name, count in sorted(summary.outcomes.items()):
        missing = summary.missing_checks.get(name, 0)
        if count > missing:
            yield t("scan.count", n=count - missing, outcome=_outcome(name))
        if missing:
            yield t("scan.count_missing", n=missing, outcome=_outcome(name))


def _describe_missing(row: ScanRow) -> Iterable[str]:
    """The checks whose absence decided, a line each, and what to do about them."""
    t = texts()
    for check in row.missing:
        cell = t(
            "check.cell",
            category=category_name(check["category"]),
            modality=modality_name(check["modality"]),
        )
        reason = translate(check["reason"]) if check["reason"] else t("scan.no_reason")
        yield f"- {t('scan.missing', check=cell, reason=reason)}"
    if row.missing:
        kinds = dict.fromkeys("unfinished" if check["installed"] else "absent" for check in row.missing)
        yield join_sentences(t(f"scan.next_{kind}") for kind in kinds)


def format_cells(cells: Iterable[str]) -> str:
    """The cells, which are written as "category (modality)", in words."""
    t = texts()
    pairs = (cell.removesuffix(")").rpartition(" (") for cell in cells)
    return t("separator").join(
        t("check.cell", category=category_name(category), modality=modality_name(modality))
        for category, _, modality in pairs
    )


def _describe_finding(finding: Finding) -> str:
    reason = translate_finding(finding.reason, language())
    if reason and not reason.endswith(_STOPS):
        reason += texts()("stop")
    return texts()(
        "scan.finding",
        category=category_name(finding.category),
        score=f"{finding.score:.2f}",
        where=location_text(finding),
        reason=reason,
        detector=detector_name(finding.detector),
    )


def location_text(finding: Finding) -> str:
    """The location of a finding as text."""
    from safelight.policy.findings import FrameRange, ImageBox, TextSpan, TimeRange

    t = texts()
    for evidence in finding.evidence:
        match evidence:
            case FrameRange() if evidence.first == evidence.last:
                return t("scan.where.frame", frame=evidence.first, at=f"{evidence.start_s:.2f}")
            case FrameRange():
                start, end = f"{evidence.start_s:.2f}", f"{evidence.end_s:.2f}"
                return t("scan.where.frames", first=evidence.first, last=evidence.last, start=start, end=end)
            # Text in an image has the time 0.
            case TimeRange() if evidence.end_s > 0:
                start, end = f"{evidence.start_s:.2f}", f"{evidence.end_s:.2f}"
                return t("scan.where.audio", start=start, end=end)
            case ImageBox():
                return t("scan.where.image")
            case TextSpan() | TimeRange():
                return t("scan.where.text")
    return t("scan.where.file")
