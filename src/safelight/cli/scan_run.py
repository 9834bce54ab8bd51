"""One pass of `safelight scan` over its files, with progress bars."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from safelight.errors import SafelightError
from safelight.progress import ProgressSink

from .output import print_prose, printable, progress_console

if TYPE_CHECKING:
    from safelight.moderation.file_scan import FileReport, FileScanner
    from safelight.moderation.scan_cache import ScanCache
    from safelight.scanning.sources import Source, SourceFile


@dataclass(frozen=True, kw_only=True)
class ScannedFile:
    """A file that the run has finished. `cached`: the report is from an earlier scan."""

    location: str
    report: FileReport
    cached: bool


class ScanRun:
    """Scans all files of a source once."""

    def __init__(
        self, source: Source, scanner: FileScanner, cache: ScanCache | None, *, use_cache: bool
    ) -> None:
        self._source = source
        self._scanner = scanner
        self._cache = cache
        #: If False, results are written to the cache but not read from it.
        self._use_cache = use_cache
        self.done: list[ScannedFile] = []
        self.interrupted = False

    def scan_all(self) -> None:
        """Scan all files. Ctrl-C ends the scan early and keeps the results of finished files."""
        with _Progress(len(self._source.files)) as progress:
            try:
                for found in self._source.files:
                    report, cached = self._scan(found, progress.start_file(found.name))
                    self.done.append(ScannedFile(location=found.location, report=report, cached=cached))
            except KeyboardInterrupt:
                self.interrupted = True
                return
        if self._cache is not None:
            self._write_cache(self._cache.compact)

    def _scan(self, found: SourceFile, progress: ProgressSink) -> tuple[FileReport, bool]:
        from safelight.moderation.file_scan import failed_report

        identity = ""
        try:
            if self._cache is not None:
                identity = found.identity()
                known = self._cache.get(identity, found.name) if self._use_cache else None
                if known is not None:
                    return known, True
            with found.download(self._scanner.scratch) as path:
                report = self._scanner.scan(path, found.name, progress)
        except (SafelightError, OSError) as error:
            return failed_report(found.name, error), False
        if self._cache is not None:
            cache = self._cache
            self._write_cache(lambda: cache.put(identity, report))
        return report, False

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
        self._started = 0

    def start_file(self, name: str) -> ProgressSink:
        """Add the bar of the next file. Returns the sink for its progress in frames."""
        if self._task is not None:
            self._bar.remove_task(self._task)
        self._bar.update(self._overall, completed=self._started, done=f"{self._started} of {self._files}")
        self._started += 1
        task = self._task = self._bar.add_task(printable(name)[-48:], total=None, done="")

        def show(done: int, total: int) -> None:
            of = f" of {total}" if total else ""
            self._bar.update(task, completed=done, total=total or None, done=f"{done}{of} frames")

        return ProgressSink(show)

    def __enter__(self) -> _Progress:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()
