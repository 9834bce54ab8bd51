"""Results of `safelight scan`: rows, summary and exit codes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import msgspec

from .output import Exit

if TYPE_CHECKING:
    from safelight.policy.verdicts import Verdict
    from safelight.screening.file_scan import FileReport, TranscriptLine
    from safelight.screening.scanning.sources import Source

#: Exit codes from best to worst. The command exits with the worst code of all files.
_SEVERITY_ORDER = (Exit.OK, Exit.WAIVED, Exit.LABELLED, Exit.ERROR, Exit.NOT_COVERED, Exit.HELD, Exit.BLOCKED)


class FailOn(StrEnum):
    """The least severe outcome that makes the exit code nonzero; each member includes the members before
    it.
    """

    BLOCK = "block"
    HOLD = "hold"
    LABEL = "label"
    #: The file was not fully checked, even if a waiver covers the gap.
    INCOMPLETE = "incomplete"

    def includes(self, other: FailOn) -> bool:
        order = list(FailOn)
        return order.index(self) >= order.index(other)


class ScanRow(msgspec.Struct, frozen=True, kw_only=True):
    """Result of one file. If it could not be scanned, `action` is empty and `problem` is the reason."""

    file: str
    exit: int
    action: str = ""
    category: str = ""
    rule: str = ""
    reason: str = ""
    #: Whether missing checks alone decided the verdict, and why they did not run, one sentence each. The
    #: reason of a missing check may be unknown.
    by_gap: bool = False
    gaps: tuple[str, ...] = ()
    #: The required checks whose absence decided: `category`, `modality`, `installed`, and `reason` if it is
    #: known.
    missing: tuple[dict[str, Any], ...] = ()
    problem: str = ""
    findings: tuple[Any, ...] = ()
    #: Text that OCR read in the image.
    texts: tuple[str, ...] = ()
    #: Lines of the transcript with times; null if no speech was transcribed.
    transcript: tuple[Any, ...] | None = None
    #: Coverage status, and its cells as "category (modality)".
    coverage: dict[str, list[str]] = {}
    #: One sentence for each part of the file that was not judged.
    unscanned: tuple[str, ...] = ()
    waivers: tuple[str, ...] = ()
    #: Media facts, detector reports and frame schedule of a clip.
    scan: dict[str, Any] = {}
    sha256: str = ""
    bytes: int = 0
    policy: str = ""
    policy_sha256: str = ""
    detectors: dict[str, str] = {}
    #: State of the C2PA manifest: trusted, valid, invalid, absent, unreadable; empty: not checked.
    c2pa: str = ""
    #: True if the file was not scanned again, because neither the file nor the rules changed since
    #: `scanned_at`.
    unchanged: bool = False
    scanned_at: float = 0.0
    wall_s: float = 0.0


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """Totals of all files."""

    files: int
    #: Number of files for each action. Unreadable files count as `not scanned`.
    outcomes: dict[str, int]
    #: Number of these files for each action that missing checks alone decided.
    missing_checks: dict[str, int] = {}
    unchanged: int = 0
    #: Number and names of files that were skipped: neither name nor content is that of a media file.
    skipped: int = 0
    skipped_files: tuple[str, ...] = ()
    #: Files that were not scanned because the command was interrupted.
    remaining: int = 0
    wall_s: float = 0.0


def row_of(location: str, report: FileReport, fail_on: FailOn, *, unchanged: bool = False) -> ScanRow:
    """Convert the report of one file to its printed form."""
    from safelight.screening.unscanned import describe_unscanned

    verdict = report.verdict
    if verdict is None:
        return ScanRow(
            file=location,
            exit=Exit.ERROR,
            problem=report.problem,
            sha256=report.sha256,
            bytes=report.size,
            scanned_at=report.looked_at,
            unchanged=unchanged,
            wall_s=report.wall_s,
        )
    by_gap = verdict.is_decided_by_gaps
    coverage: dict[str, list[str]] = {}
    for cell in report.coverage:
        coverage.setdefault(cell.status.value, []).append(f"{cell.category} ({cell.modality.value})")
    return ScanRow(
        file=location,
        exit=exit_of(verdict, fail_on, incomplete=is_incomplete(report)),
        action=verdict.action.value,
        category=verdict.category,
        rule=verdict.rule,
        reason=verdict.reason,
        by_gap=by_gap,
        gaps=tuple(dict.fromkeys(cell.note for cell in verdict.gaps if by_gap and cell.note)),
        missing=tuple(
            {
                "category": cell.category,
                "modality": cell.modality.value,
                "installed": cell.available,
                "reason": cell.note,
            }
            for cell in verdict.gaps
            if by_gap
        ),
        findings=verdict.counted(report.findings, report.coverage),
        texts=tuple(one.text for one in report.texts),
        transcript=transcript_lines(report.transcript),
        coverage=coverage,
        unscanned=tuple(map(describe_unscanned, report.unscanned)),
        waivers=verdict.waivers,
        scan=report.scan,
        sha256=report.sha256,
        bytes=report.size,
        policy=verdict.policy,
        policy_sha256=verdict.policy_sha256,
        detectors=report.detectors,
        c2pa=report.provenance.state.value if report.provenance is not None else "",
        unchanged=unchanged,
        scanned_at=report.looked_at,
        wall_s=report.wall_s,
    )


def transcript_lines(transcript: Sequence[TranscriptLine] | None) -> tuple[Any, ...] | None:
    """The transcript as JSON: lines and words with their times."""
    if transcript is None:
        return None
    return tuple(
        {
            "text": line.text.strip(),
            "start_s": line.start_s,
            "end_s": line.end_s,
            "words": [
                {"word": word.text.strip(), "start_s": word.start_s, "end_s": word.end_s}
                for word in line.words
            ],
        }
        for line in transcript
    )


def is_incomplete(report: FileReport) -> bool:
    """Whether a check that is required or was started is incomplete, or a part of the file not judged."""
    return bool(report.unscanned) or any(
        cell.is_gap or (cell.ran and not cell.complete) for cell in report.coverage
    )


def exit_of(verdict: Verdict, fail_on: FailOn, *, incomplete: bool = False) -> Exit:
    """The exit code of one verdict. It is "not covered" if only a coverage gap holds or blocks the file."""
    from safelight.policy.verdicts import Action

    if verdict.action in (Action.HOLD, Action.BLOCK):
        if verdict.action is Action.HOLD and not fail_on.includes(FailOn.HOLD):
            return Exit.OK
        if verdict.is_decided_by_gaps:
            return Exit.NOT_COVERED
        return Exit.BLOCKED if verdict.action is Action.BLOCK else Exit.HELD
    if incomplete and fail_on.includes(FailOn.INCOMPLETE):
        return Exit.NOT_COVERED
    if verdict.action is Action.LABEL and fail_on.includes(FailOn.LABEL):
        return Exit.LABELLED
    return Exit.WAIVED if verdict.waivers else Exit.OK


def worst_exit(exits: Iterable[int]) -> Exit:
    return max((Exit(code) for code in exits), key=_SEVERITY_ORDER.index, default=Exit.OK)


def summary_of(rows: Sequence[ScanRow], source: Source, *, wall_s: float) -> Summary:
    outcomes = Counter(row.action or "not scanned" for row in rows)
    return Summary(
        files=len(rows),
        outcomes=dict(outcomes),
        missing_checks=dict(Counter(row.action for row in rows if row.by_gap)),
        unchanged=sum(row.unchanged for row in rows),
        skipped=len(source.skipped),
        skipped_files=source.skipped,
        remaining=len(source.files) - len(rows),
        wall_s=round(wall_s, 3),
    )
