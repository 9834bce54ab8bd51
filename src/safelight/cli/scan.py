"""`safelight scan`."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterable, Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import typer

from safelight.errors import ConfigurationError, SafelightError
from safelight.fileio import write_atomic

from .commands import load_container
from .exit_codes import Exit
from .output import emit, progress_console

if TYPE_CHECKING:
    from safelight.bootstrap import Container
    from safelight.moderation.file_scan import FileReport, FileScanner, TranscriptLine
    from safelight.moderation.scan_cache import ScanCache
    from safelight.policy.findings import Finding
    from safelight.policy.verdicts import Verdict
    from safelight.scanning.sources import Source, SourceFile

app = typer.Typer(add_completion=False)

#: From harmless to grave: with several files the gravest counts.
_GRAVITY = (Exit.OK, Exit.WAIVED, Exit.LABELLED, Exit.ERROR, Exit.NOT_COVERED, Exit.HELD, Exit.BLOCKED)


class FailOn(StrEnum):
    """From which outcome on the exit code tells of it; each includes those before it."""

    BLOCK = "block"
    HOLD = "hold"
    LABEL = "label"
    #: Not wholly checked, also where a waiver excuses that.
    INCOMPLETE = "incomplete"

    def includes(self, other: FailOn) -> bool:
        order = list(FailOn)
        return order.index(self) >= order.index(other)


class Language(StrEnum):
    EN = "en"
    ZH_HANT = "zh-Hant"
    ZH_HANS = "zh-Hans"


class ScanRow(msgspec.Struct, frozen=True, kw_only=True):
    """What is said of one file. `action` is empty where it could not be judged; `problem` says why."""

    file: str
    exit: int
    action: str = ""
    category: str = ""
    rule: str = ""
    reason: str = ""
    problem: str = ""
    findings: tuple[Any, ...] = ()
    #: What was read off the picture; nobody's words but the file's.
    texts: tuple[str, ...] = ()
    #: What is said, line by line with times; null where nobody transcribed.
    transcript: tuple[Any, ...] | None = None
    #: The four words of coverage, each with its cells as "category (modality)".
    coverage: dict[str, list[str]] = {}
    waivers: tuple[str, ...] = ()
    #: Facts, detectors' accounts and the schedule of a clip.
    scan: dict[str, Any] = {}
    sha256: str = ""
    bytes: int = 0
    policy: str = ""
    policy_sha256: str = ""
    detectors: dict[str, str] = {}
    #: What the file says of its origin: trusted, valid, invalid, absent, unreadable; empty: not asked.
    c2pa: str = ""
    #: Not looked at again: neither the file nor the rules have changed since `looked_at`.
    unchanged: bool = False
    looked_at: float = 0.0
    wall_s: float = 0.0


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """All files together."""

    files: int
    #: How many of each action; `not judged` for the rest.
    outcomes: dict[str, int]
    unchanged: int = 0
    #: Files that were passed by for their names.
    others: int = 0
    #: Files that were not reached, because the scan was stopped.
    left: int = 0
    wall_s: float = 0.0


@app.command()
def scan(
    ctx: typer.Context,
    path: Annotated[
        str, typer.Argument(help="A video or picture file, a folder of them, or s3://bucket/...")
    ],
    fail_on: Annotated[
        FailOn,
        typer.Option(
            "--fail-on",
            help="What makes the command fail: block, hold (and block), label, or incomplete: whatever was "
            "not wholly checked, a waiver or not.",
        ),
    ] = FailOn.HOLD,
    html: Annotated[
        Path | None, typer.Option("--html", help="Write a report to forward: one file, nothing loaded.")
    ] = None,
    lang: Annotated[Language, typer.Option("--lang", help="The report's language.")] = Language.EN,
    state: Annotated[
        Path | None,
        typer.Option(
            "--state",
            help="Where a folder's results are kept for the next time. [default: the data directory]",
        ),
    ] = None,
    again: Annotated[
        bool, typer.Option("--again", help="Look at everything, also at what has not changed.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Answer as JSON.")] = False,
) -> int:
    """Judge files as if they had just been generated: every frame, and the sound. Pictures as references.

    A folder or bucket is gone on with where the last scan ended, and what has not changed is not looked at
    again. Ctrl-C keeps what is done. Exit code 0: allowed. 3: blocked. 4: held. 5: not covered. 6: allowed
    under a waiver. 7: allowed with a label, where `--fail-on label` asks. 1: not readable.
    """
    from safelight.scanning.sources import source_of

    container = load_container(ctx)
    source = source_of(
        path, s3=container.core.settings.storage.s3, most_bytes=container.core.settings.scan.max_clip_mb << 20
    )
    if html is not None and not html.absolute().parent.is_dir():
        raise ConfigurationError(f"There is no folder {html.parent} to write the report to.")
    began = time.monotonic()
    run = _Run(
        source, _judge(container, stills=html is not None), _looked_at(container, source, state), again=again
    )
    if len(source.files) > 1:
        container.core.scanner.start()
    try:
        run.go()
    finally:
        container.core.scanner.close()
    rows = [row_of(place, report, fail_on, unchanged=old) for place, report, old in run.done]
    summary = summary_of(rows, source, wall_s=time.monotonic() - began)
    if html is not None:
        _write(html, run, source, lang, container)
    said = "\n\n".join([*map(text, rows), *([describe_file(summary)] if source.many else [])])
    emit({"files": rows, "summary": summary, "interrupted": run.stopped}, as_json, said)
    return Exit.INTERRUPTED if run.stopped else worst_verdict(row.exit for row in rows)


class _Run:
    """One pass over the files. `done`: their place, their report, and whether it is an earlier one."""

    def __init__(
        self, source: Source, judge: FileScanner, looked_at: ScanCache | None, *, again: bool
    ) -> None:
        self._source = source
        self._judge = judge
        self._looked_at = looked_at
        self._again = again
        self.done: list[tuple[str, FileReport, bool]] = []
        self.stopped = False

    def go(self) -> None:
        """Look at everything; Ctrl-C ends it early, and what is done stays done."""
        with _Progress(len(self._source.files)) as progress:
            try:
                for found in self._source.files:
                    report, old = self._one(found, progress.file(found.name))
                    self.done.append((found.location, report, old))
            except KeyboardInterrupt:
                self.stopped = True
                return
        if self._looked_at is not None:
            self._kept(self._looked_at.compact)

    def _one(self, found: SourceFile, progress: Callable[[int, int], None]) -> tuple[FileReport, bool]:
        from safelight.moderation.file_scan import failed_report

        identity = ""
        try:
            if self._looked_at is not None:
                identity = found.identity()
                known = None if self._again else self._looked_at.get(identity, found.name)
                if known is not None:
                    return known, True
            with found.download(self._judge.scratch) as path:
                report = self._judge.judge(path, found.name, progress)
        except (SafelightError, OSError) as error:
            return failed_report(found.name, error), False
        if self._looked_at is not None:
            looked_at = self._looked_at
            self._kept(lambda: looked_at.put(identity, report))
        return report, False

    def _kept(self, write: Callable[[], None]) -> None:
        """A full disk must not cost the scan: it goes on, and the next one has to look again."""
        try:
            write()
        except OSError as error:
            self._looked_at = None
            progress_console().print(
                f"Results cannot be kept for the next time: {error.strerror}. The scan goes on.", markup=False
            )


class _Progress:
    """Bars on stderr while it lasts, where somebody watches: files, and frames of the one at hand."""

    def __init__(self, files: int) -> None:
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

        console = progress_console()
        self._bar = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            TextColumn("{task.fields[done]}", markup=False),
            TimeElapsedColumn(),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._files = files
        self._overall = self._bar.add_task("files", total=files, done="", visible=files > 1)
        self._task: Any = None
        self._begun = 0

    def file(self, name: str) -> Callable[[int, int], None]:
        """Begin the next file; what comes back is told frames done, and of how many."""
        if self._task is not None:
            self._bar.remove_task(self._task)
        self._bar.update(self._overall, completed=self._begun, done=f"{self._begun} of {self._files}")
        self._begun += 1
        task = self._task = self._bar.add_task(name[-48:], total=None, done="")

        def tell(done: int, total: int) -> None:
            of = f" of {total}" if total else ""
            self._bar.update(task, completed=done, total=total or None, done=f"{done}{of} frames")

        return tell

    def __enter__(self) -> _Progress:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()


def _judge(container: Container, *, stills: bool) -> FileScanner:
    from safelight.moderation.file_scan import FileScanner

    return FileScanner(
        stages=container.pipeline.stages,
        tenant=container.persistence.tenant,
        detectors={plugin.name: plugin.version for plugin in container.core.detectors.plugins},
        verify=lambda path: container.persistence.verifier.verify(
            path, lookup=container.persistence.seal_registry.by_sha256
        ),
        stills=stills,
        scratch=container.persistence.data_directory.scratch,
    )


def _looked_at(container: Container, source: Source, path: Path | None) -> ScanCache | None:
    """What earlier scans of this folder found, as far as the same rules hold. A single file: nothing."""
    from safelight.moderation.scan_cache import ScanCache, ruleset_fingerprint

    if not source.many and path is None:
        return None
    if path is None:
        place = source.place if source.place.startswith("s3://") else str(Path(source.place).resolve())
        name = hashlib.sha256(place.encode("utf-8", "surrogateescape")).hexdigest()[:16]
        path = container.persistence.data_directory.path / "scans" / f"{name}.jsonl"
    specs = container.core.detectors.child_specs()
    parts = {
        "version": container.services.version,
        "policy": container.persistence.active_policy(container.persistence.tenant).sha256,
        "waivers": sorted(
            waiver.id for waiver in container.pipeline.policy_evaluator.waivers(container.persistence.tenant)
        ),
        "detectors": {plugin.name: plugin.version for plugin in container.core.detectors.plugins},
        "missing": sorted(missing.name for missing in container.core.detectors.missing),
        "options": [specs, container.core.settings.detectors],
        "scan": container.core.settings.scan.model_dump(mode="json"),
        "likeness": _people(container),
    }
    named = (Path(value) for _, options in specs for value in options.values() if isinstance(value, str))
    files = [one for one in named if one.is_absolute() and one.exists()]
    return ScanCache(path, ruleset_fingerprint(parts, [container.core.name_lists_folder, *files]))


def _people(container: Container) -> dict[str, Any]:
    """What comparing faces and voices depends on: settings, models, and who is on record now."""
    settings = container.core.settings.likeness
    if not settings.enabled:
        return {}
    now = container.persistence.database.clock()
    consents = [
        one.id for one in container.likeness.consents.list(container.persistence.tenant) if one.in_force(now)
    ]
    protected = [one.id for one in container.likeness.protected_people.list(container.persistence.tenant)]
    voice = container.likeness.voice_embedder.version if container.likeness.voice_embedder is not None else ""
    return {
        "settings": settings.model_dump(mode="json"),
        "people": sorted([*consents, *protected]),
        "voice": voice,
    }


def _write(html: Path, run: _Run, source: Source, lang: Language, container: Container) -> None:
    """The report, whole or not at all."""
    from safelight.console.scan_report import page
    from safelight.console.translations import languages

    reports = [report for _, report, _ in run.done]
    left = len(source.files) - len(reports)
    document = page(reports, words=languages()[lang.value], taxonomy=container.core.taxonomy, left=left)
    try:
        write_atomic(html, document.encode(), mode=0o666)
    except OSError as error:
        raise SafelightError(f"The report cannot be written to {html}: {error.strerror}.") from error


def row_of(place: str, report: FileReport, fail_on: FailOn, *, unchanged: bool = False) -> ScanRow:
    """The row of one file."""
    verdict = report.verdict
    if verdict is None:
        return ScanRow(
            file=place,
            exit=Exit.ERROR,
            problem=report.problem,
            sha256=report.sha256,
            bytes=report.size,
            looked_at=report.looked_at,
            wall_s=report.wall_s,
        )
    coverage: dict[str, list[str]] = {}
    for cell in report.coverage:
        coverage.setdefault(cell.status.value, []).append(f"{cell.category} ({cell.modality.value})")
    return ScanRow(
        file=place,
        exit=exit_of(verdict, fail_on, incomplete=is_incomplete(report)),
        action=verdict.action.value,
        category=verdict.category,
        rule=verdict.rule,
        reason=verdict.reason,
        findings=report.findings,
        texts=tuple(one.text for one in report.texts),
        transcript=lines_of(report.transcript),
        coverage=coverage,
        waivers=verdict.waivers,
        scan=report.scan,
        sha256=report.sha256,
        bytes=report.size,
        policy=verdict.policy,
        policy_sha256=verdict.policy_sha256,
        detectors=report.detectors,
        c2pa=report.provenance.state.value if report.provenance is not None else "",
        unchanged=unchanged,
        looked_at=report.looked_at,
        wall_s=report.wall_s,
    )


def lines_of(heard: Sequence[TranscriptLine] | None) -> tuple[Any, ...] | None:
    """A transcript as it is told: lines and words with their times."""
    if heard is None:
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
        for line in heard
    )


def is_incomplete(report: FileReport) -> bool:
    """Something that is required, or that was begun, was not wholly looked at."""
    return any(cell.is_gap or (cell.ran and not cell.complete) for cell in report.coverage)


def exit_of(verdict: Verdict, fail_on: FailOn, *, incomplete: bool = False) -> Exit:
    """The exit code of one verdict. Held or blocked for nothing but a hole is "not covered"."""
    from safelight.policy.verdicts import Action

    if verdict.action in (Action.HOLD, Action.BLOCK):
        if verdict.action is Action.HOLD and not fail_on.includes(FailOn.HOLD):
            return Exit.OK
        if verdict.holes and not verdict.findings:
            return Exit.NOT_COVERED
        return Exit.BLOCKED if verdict.action is Action.BLOCK else Exit.HELD
    if incomplete and fail_on.includes(FailOn.INCOMPLETE):
        return Exit.NOT_COVERED
    if verdict.action is Action.LABEL and fail_on.includes(FailOn.LABEL):
        return Exit.LABELLED
    return Exit.WAIVED if verdict.waivers else Exit.OK


def worst_verdict(exits: Iterable[int]) -> Exit:
    return max((Exit(code) for code in exits), key=_GRAVITY.index, default=Exit.OK)


def summary_of(rows: Sequence[ScanRow], source: Source, *, wall_s: float) -> Summary:
    outcomes: dict[str, int] = {}
    for row in rows:
        name = row.action or "not judged"
        outcomes[name] = outcomes.get(name, 0) + 1
    return Summary(
        files=len(rows),
        outcomes=outcomes,
        unchanged=sum(row.unchanged for row in rows),
        others=source.others,
        left=len(source.files) - len(rows),
        wall_s=round(wall_s, 3),
    )


def describe_file(summary: Summary) -> str:
    """The last line: how many of what."""
    words = {"allow": "allowed", "label": "labelled", "hold": "held", "block": "blocked"}
    counts = ", ".join(f"{count} {words.get(name, name)}" for name, count in sorted(summary.outcomes.items()))
    parts = [f"{summary.files} files: {counts or 'none judged'}; {summary.wall_s:.1f} s."]
    if summary.unchanged:
        parts.append(f"{summary.unchanged} unchanged since they were last looked at.")
    if summary.left:
        parts.append(f"Stopped: {summary.left} not looked at. The same command goes on from here.")
    if summary.others:
        parts.append(f"{summary.others} other files were passed by: their names are not those of media.")
    return " ".join(parts)


def text(row: ScanRow) -> str:
    """The row for people: the action, why, where, and what was not checked."""
    if row.problem:
        return f"{row.file}: not judged\n  {row.problem}"
    what = f" ({row.category})" if row.category else ""
    old = ", unchanged" if row.unchanged else ""
    lines = [f"{row.file}: {row.action}{what}{old}"]
    if row.reason:
        lines.append(f"  {row.reason}")
    lines += [f"  - {line}" for line in map(_finding, row.findings)]
    lines += [f"  said, {said['start_s']:.2f} s: {said['text']}" for said in row.transcript or ()]
    for word in ("not checked", "partly"):
        if cells := row.coverage.get(word):
            lines.append(f"  {word}: {', '.join(cells)}")
    if row.waivers:
        lines.append(f"  waived by name: {', '.join(row.waivers)}")
    return "\n".join(lines)


def _finding(finding: Finding) -> str:
    return f"{finding.category} {finding.score:.2f} {location_text(finding)}: {finding.reason} [{finding.detector}]"


def location_text(finding: Finding) -> str:
    """The place of a finding in words."""
    from safelight.policy.findings import FrameRange, ImageBox, TextSpan, TimeRange

    for place in finding.evidence:
        match place:
            case FrameRange():
                if place.first == place.last:
                    return f"in frame {place.first} at {place.start_s:.2f} s"
                span = f"{place.start_s:.2f} to {place.end_s:.2f} s"
                return f"in frames {place.first} to {place.last}, {span}"
            case TimeRange():
                return f"in the sound, {place.start_s:.2f} to {place.end_s:.2f} s"
            case ImageBox():
                return "in the picture"
            case TextSpan():
                return f"in {place.field}, characters {place.start} to {place.end}"
    return "somewhere"
