"""`safelight scan`: scan and evaluate video and image files."""

from __future__ import annotations

import hashlib
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import redirect_stdout
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import typer

import safelight
from safelight.core.errors import ConfigurationError, NotFound, SafelightError
from safelight.core.fileio import write_atomic
from safelight.core.progress import ProgressSink

from .commands import config_path, load_container
from .file_scanner import make_scanner
from .language import language
from .operations import Result, command
from .output import Exit, print_prose, printable, progress_console
from .prompt_checker import find_policy, has_data
from .scan_output import FailOn, row_of, summary_of, worst_exit
from .scan_text import describe_summary, text_of
from .text_input import read_text

if TYPE_CHECKING:
    from safelight.app.container import Container
    from safelight.app.settings import Settings
    from safelight.policy.tenant_policy import TenantPolicy
    from safelight.screening.file_scan import FileReport, FileScanner
    from safelight.screening.scan_cache import ScanCache
    from safelight.screening.scanning.sources import Shard, Source, SourceFile


# One pass of `safelight scan` over its files, with progress bars.


@dataclass(frozen=True, kw_only=True)
class ScannedFile:
    """A file that the run has finished. `cached`: the report is from an earlier scan."""

    location: str
    report: FileReport
    cached: bool


class ScanRun:
    """Scans all files of a source once."""

    def __init__(self, source: Source, cache: ScanCache | None, *, use_cache: bool) -> None:
        self._source = source
        self._cache = cache
        #: If False, results are written to the cache but not read from it.
        self._use_cache = use_cache
        self._identities: dict[str, str] = {}
        self.done: list[ScannedFile] = []
        self.interrupted = False

    @property
    def has_several(self) -> bool:
        return len(self._source.files) > 1

    def scan_all(self, scan_each: ScanEach) -> None:
        """Scan all files. Ctrl-C ends the scan early and keeps the results of finished files."""
        with _Progress(len(self._source.files)) as progress:
            try:
                for found, report in scan_each(self._left(progress), progress):
                    self._add(found, report, cached=False)
                    if (cache := self._cache) is not None:
                        identity = self._identities.get(found.location, "")
                        self._write_cache(partial(cache.put, identity, report))
                    progress.end_file()
            except KeyboardInterrupt:
                self.interrupted = True
                return
        if self._cache is not None:
            self._write_cache(self._cache.compact)
        order = {one.location: number for number, one in enumerate(self._source.files)}
        self.done.sort(key=lambda one: order[one.location])

    def _left(self, progress: _Progress) -> Iterator[SourceFile]:
        """The files without a result that still counts."""
        for found in self._source.files:
            known = self._find_known(found)
            if known is None:
                yield found
            else:
                self._add(found, known, cached=True)
                progress.end_file()

    def _find_known(self, found: SourceFile) -> FileReport | None:
        if self._cache is None:
            return None
        try:
            identity = self._identities[found.location] = found.identity()
        except Exception:
            # Its scan gives the reason.
            return None
        return self._cache.get(identity, found.name) if self._use_cache else None

    def _add(self, found: SourceFile, report: FileReport, *, cached: bool) -> None:
        self.done.append(ScannedFile(location=found.location, report=report, cached=cached))

    def _write_cache(self, write: Callable[[], None]) -> None:
        """Write to the cache. If writing fails, for example because the disk is full, the scan continues
        without cache.
        """
        try:
            write()
        except OSError as error:
            self._cache = None
            print_prose(
                progress_console(),
                f"Results cannot be stored for the next scan: {error.strerror}. This scan continues.",
            )


#: Scans files in any order, and gives each with its report.
ScanEach: TypeAlias = "Callable[[Iterator[SourceFile], _Progress], Iterable[tuple[SourceFile, FileReport]]]"


class _Progress:
    """Progress bars on a terminal: one for the files, one for the frames of the current file."""

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
        self._done = 0

    def start_file(self, name: str) -> ProgressSink:
        """Add the bar of the next file. Returns the sink for its progress in frames."""
        if self._task is not None:
            self._bar.remove_task(self._task)
        task = self._task = self._bar.add_task(printable(name)[-48:], total=None, done="")

        def show(done: int, total: int) -> None:
            of = f" of {total}" if total else ""
            self._bar.update(task, completed=done, total=total or None, done=f"{done}{of} frames")

        return ProgressSink(show)

    def end_file(self) -> None:
        self._done += 1
        self._bar.update(self._overall, completed=self._done, done=f"{self._done} of {self._files}")

    def __enter__(self) -> _Progress:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()


app = typer.Typer(add_completion=False)


class ReportLanguage(StrEnum):
    EN = "en"
    ZH_HANT = "zh-Hant"
    ZH_HANS = "zh-Hans"


@command(app)
def scan(
    ctx: typer.Context,
    paths: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="PATH...",
            help="Video or image files, folders of them, or s3://bucket/...; several at once.",
        ),
    ] = None,
    manifest: Annotated[
        Path | None, typer.Option("--manifest", help="File with one path or s3://bucket/key on each line.")
    ] = None,
    shard: Annotated[
        str | None,
        typer.Option(
            "--shard",
            metavar="I/N",
            help="Scan only the I-th of N parts of the files: for N machines that share an archive.",
        ),
    ] = None,
    fail_on: Annotated[
        FailOn,
        typer.Option(
            "--fail-on",
            help="Outcome from which the exit code is not 0: block, hold, label, or incomplete (not fully "
            "checked, even if waived). Each includes those before it.",
        ),
    ] = FailOn.HOLD,
    html: Annotated[
        Path | None, typer.Option("--html", help="Write an HTML report: one file without external resources.")
    ] = None,
    report_language: Annotated[
        ReportLanguage | None,
        typer.Option("--language", help="The report's language. [default: that of the output]"),
    ] = None,
    cache_file: Annotated[
        Path | None,
        typer.Option(
            "--cache-file",
            help="File with earlier results of the folder. [default: in the data directory]",
        ),
    ] = None,
    ray: Annotated[
        str | None,
        typer.Option(
            "--ray",
            metavar="ADDRESS",
            help="Scan on the machines of a Ray cluster; auto: the cluster of this machine.",
        ),
    ] = None,
    parquet: Annotated[
        Path | None,
        typer.Option("--parquet", help="Also write the results as a Parquet file, a row per file."),
    ] = None,
    no_cache: Annotated[
        bool, typer.Option("--no-cache", help="Scan all files, even if they have not changed.")
    ] = False,
) -> Result:
    """Scan and evaluate videos like generated videos (every frame and the audio) and images like references.

    The scan of a folder or bucket resumes where the last one ended, and skips unchanged files. Ctrl-C keeps
    finished results. Exit code 0: allowed. 3: blocked. 4: held. 5: not covered. 6: allowed under a waiver.
    7: allowed with a label, only with `--fail-on label`. 1: not readable.
    """
    from safelight.screening.scanning.sources import Shard

    container = load_container(ctx)
    settings = container.core.settings
    source = _find_files(settings, paths or [], manifest, Shard.parse(shard) if shard is not None else None)
    for file in (html, parquet):
        if file is not None and not file.absolute().parent.is_dir():
            raise ConfigurationError(f"The folder {file.parent} for the report does not exist.")
    began = time.monotonic()
    # People to compare faces with are in the database.
    if settings.likeness.enabled or has_data(container):
        policy = container.pipeline.policy_loader.load(container.persistence.tenant)
        scratch = container.persistence.scratch
    else:
        policy = replace(find_policy(container, None), facts=settings.policy.context)
        scratch = Path(ctx.with_resource(TemporaryDirectory(prefix="safelight-scan-")))
    run = ScanRun(source, _open_cache(container, policy, source, cache_file), use_cache=not no_cache)
    if ray is None:
        _scan_here(container, run, make_scanner(container, policy, scratch, previews=html is not None))
    else:
        from safelight.app.settings.loader import FILE_NAME

        from .ray_scan import scan_on_cluster

        if settings.likeness.enabled:
            raise ConfigurationError("Faces are compared only on the machine with the data: leave out --ray.")
        config = config_path(ctx) or Path(FILE_NAME)
        # Ray prints what happens to its machines.
        with redirect_stdout(sys.stderr):
            run.scan_all(
                lambda files, _progress: scan_on_cluster(
                    ray,
                    files,
                    config=config.absolute() if config.is_file() else None,
                    policy=policy,
                    container=container,
                    previews=html is not None,
                )
            )
    rows = [row_of(one.location, one.report, fail_on, unchanged=one.cached) for one in run.done]
    summary = summary_of(rows, source, wall_s=time.monotonic() - began)
    if html is not None:
        _write_report(html, run, source, report_language or ReportLanguage(language()), container)
    if parquet is not None:
        from .scan_table import write_table

        write_table(parquet, rows)
    text = "\n\n".join([*map(text_of, rows), *([describe_summary(summary)] if source.is_collection else [])])
    return Result(
        {"files": rows, "summary": summary, "interrupted": run.interrupted},
        text,
        Exit.INTERRUPTED if run.interrupted else worst_exit(row.exit for row in rows),
    )


def _find_files(settings: Settings, paths: list[str], manifest: Path | None, shard: Shard | None) -> Source:
    """The files to scan. Raises `ConfigurationError`, `NotFound`."""
    from safelight.screening.scanning.sources import find_each, find_source

    limits: dict[str, Any] = {
        "s3": settings.storage.s3,
        "max_bytes": settings.scan.max_clip_mb << 20,
        "own_data": settings.data,
    }
    if bool(paths) == (manifest is not None):
        raise ConfigurationError("Name files and folders, or a list of them with --manifest: one of both.")
    if manifest is None:
        source = find_source(paths, **limits)
        return shard.select(source) if shard is not None else source
    lines = [line.strip() for line in read_text(manifest, param="manifest").splitlines()]
    if not any(lines):
        raise NotFound(f"{manifest} names no file.")
    # Lines are chosen before they are opened: a machine asks the bucket about its own part only.
    chosen = [line for line in lines if line and (shard is None or shard.includes(line))]
    part = f"#{shard.number}/{shard.total}" if shard is not None else ""
    return replace(find_each(chosen, **limits), location=f"{manifest}{part}")


def _scan_here(container: Container, run: ScanRun, scanner: FileScanner) -> None:
    def scan_each(
        files: Iterator[SourceFile], progress: _Progress
    ) -> Iterator[tuple[SourceFile, FileReport]]:
        for found in files:
            yield found, scanner.scan_source(found, found.name, progress.start_file(found.name))

    if run.has_several:
        # Starting the sandbox workers first saves time for several files.
        container.core.scanner.start()
    try:
        run.scan_all(scan_each)
    finally:
        container.core.scanner.close()


def _open_cache(
    container: Container, policy: TenantPolicy, source: Source, path: Path | None
) -> ScanCache | None:
    """Cached results of earlier scans of this folder under the same rules; None for a single file."""
    from safelight.screening.scan_cache import ScanCache, ruleset_fingerprint

    if not source.is_collection and path is None:
        return None
    if path is None:
        is_bucket = source.location.startswith("s3://")
        location = source.location if is_bucket else str(Path(source.location).resolve())
        name = hashlib.sha256(location.encode("utf-8", "surrogateescape")).hexdigest()[:16]
        path = container.persistence.data_directory.path / "scans" / f"{name}.jsonl"
    specs = container.core.detectors.child_specs()
    parts = {
        "version": safelight.__version__,
        "policy": policy.policy.sha256,
        "waivers": sorted(waiver.id for waiver in policy.waivers),
        "detectors": {plugin.name: plugin.version for plugin in container.core.detectors.plugins},
        "missing": sorted(missing.name for missing in container.core.detectors.missing),
        "options": [specs, container.core.settings.detectors],
        "scan": container.core.settings.scan.model_dump(mode="json"),
        "likeness": _likeness_state(container),
    }
    paths = (Path(value) for _, options in specs for value in options.values() if isinstance(value, str))
    files = [one for one in paths if one.is_absolute() and one.exists()]
    return ScanCache(path, ruleset_fingerprint(parts, [container.core.name_lists_folder, *files]))


def _likeness_state(container: Container) -> dict[str, Any]:
    """All inputs that affect face matching: settings and enrolled people."""
    settings = container.core.settings.likeness
    if not settings.enabled:
        return {}
    now = container.persistence.database.clock()
    consents = [
        one.id for one in container.likeness.consents.list(container.persistence.tenant) if one.in_force(now)
    ]
    protected = [one.id for one in container.likeness.protected_people.list(container.persistence.tenant)]
    return {"settings": settings.model_dump(mode="json"), "people": sorted([*consents, *protected])}


def _write_report(
    html: Path, run: ScanRun, source: Source, tag: ReportLanguage, container: Container
) -> None:
    """Write the HTML report atomically."""
    from safelight.screening.coverage_count import installed_checks
    from safelight.web.console.scan_report import render_scan_report
    from safelight.web.translations import load_languages

    reports = [one.report for one in run.done]
    left = len(source.files) - len(reports)
    document = render_scan_report(
        reports,
        translations=load_languages()[tag.value],
        taxonomy=container.core.taxonomy,
        installed=installed_checks(container.coverage.describe()),
        not_scanned=left,
    )
    try:
        write_atomic(html, document.encode(), mode=0o666)
    except OSError as error:
        raise SafelightError(f"The report cannot be written to {html}: {error.strerror}.") from error
