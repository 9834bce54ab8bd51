"""Scanning files from the gateway's side: children are started, and their answers made into reports."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

import msgspec

from safelight import errors
from safelight.detectors.protocol import Capability
from safelight.detectors.registry import DetectorMissing, load_plugin
from safelight.media import encode, images, probe, thumbnails
from safelight.media.encode import BadgeTask
from safelight.media.images import ImageLimits
from safelight.media.probe import MediaInfo, VideoLimits
from safelight.policy.findings import Finding, Modality
from safelight.progress import ProgressSink
from safelight.sandbox.entrypoints import EntryPoint
from safelight.sandbox.sandbox import CallHooks, Isolation, Limits, PreloadSpec, Sandbox
from safelight.sandbox.worker_pool import WorkerPool
from safelight.scanning import worker
from safelight.scanning.audio_report import AudioReport
from safelight.scanning.report import DetectorRun, ScanReport, WorkerResult, coverage_of
from safelight.scanning.sampling import SamplingConfig
from safelight.scanning.worker import DetectorSet, ImagePass, ImageScanTask, RecordingScanTask, VideoScanTask

T = TypeVar("T")

#: Name and options of a detector, as the catalogue gives them.
DetectorSpec: TypeAlias = tuple[str, dict[str, Any]]


#: What calls of ours import, beside the detectors.
_MODULES = (
    *("av", "cv2", "PIL.Image", "PIL.ImageDraw", "PIL.ImageFilter", "PIL.ImageFont", "PIL.ImageOps"),
    *("PIL.JpegImagePlugin", "PIL.PngImagePlugin", "PIL.WebPImagePlugin", "PIL.GifImagePlugin"),
    *(module.__name__ for module in (encode, images, probe, thumbnails, worker)),
)


class ScannerOptions(msgspec.Struct, frozen=True, kw_only=True):
    """Bounds of a scan."""

    video: VideoLimits = VideoLimits()
    image: ImageLimits = ImageLimits()
    #: Seconds on the clock for a whole clip, and for one picture.
    video_timeout_s: float = 600.0
    image_timeout_s: float = 20.0
    #: Seconds for one call of one detector.
    call_timeout_s: float = 20.0
    memory_bytes: int = 4 << 30
    #: 0: nothing is kept ready, and every call starts a cold child. Otherwise calls are forked from one
    #: process that has the models loaded; where that cannot be, so many children are kept warm for pictures.
    warm_children: int = 2
    #: Modules that other calls in the same sandbox import: loaded along with the models.
    modules: tuple[str, ...] = ()
    #: Pictures looked at at a time.
    max_concurrent_images: int = 8
    #: Pictures a warm child looks at before it is replaced.
    max_calls_per_child: int = 200
    sampling: SamplingConfig = SamplingConfig()
    #: Threads that decode a clip ahead of the detectors.
    decode_threads: int = 1


class Scanner:
    """Looks at clips and pictures in sandboxed children. Safe to use from many threads."""

    def __init__(
        self,
        sandbox: Sandbox,
        detectors: Sequence[DetectorSpec],
        settings: ScannerOptions | None = None,
    ) -> None:
        self.settings = settings or ScannerOptions()
        self._sandbox = sandbox
        self._specs = tuple(detectors)
        self._detectors = DetectorSet(specs=self._specs, call_s=self.settings.call_timeout_s)
        #: There are no forks, and children are kept warm for pictures instead.
        self._warm = False
        self._slots = threading.BoundedSemaphore(self.settings.max_concurrent_images)
        self._pool = WorkerPool(
            sandbox,
            size=max(self.settings.warm_children, 1),
            limits=self._limits(self.settings.image_timeout_s),
            preload=EntryPoint.of(worker.preload),
            preload_argument=msgspec.to_builtins(self._detectors),
            uses=self.settings.max_calls_per_child,
        )

    def start(self) -> None:
        """Load the models, so that calls need not; optional, takes a second or two.

        Until it is done, and where it cannot be done, every call starts a cold child.
        """
        if not self.settings.warm_children:
            return
        calls = ((EntryPoint.of(worker.preload), msgspec.to_builtins(self._detectors)),)
        working = self._sandbox.start_fork_server(
            PreloadSpec(modules=(*_MODULES, *self.settings.modules), calls=calls)
        )
        if working is not None:
            working.join()
        if self._sandbox.fork_server_problem:
            self._warm = True
            self._pool.start()

    def close(self) -> None:
        """End what was kept ready."""
        self._sandbox.stop_fork_server()
        self._warm = False
        self._pool.close()

    def isolation(self) -> Isolation:
        return self._sandbox.isolation()

    def probe(self, path: Path) -> MediaInfo:
        """What a clip is. Raises `InvalidMedia`, `TooLarge`, `ChildFailed`."""
        answer = self._sandbox.run(
            EntryPoint.of(probe.probe_in_child),
            {"path": str(path.absolute()), "limits": msgspec.to_builtins(self.settings.video)},
            reads=[path],
            limits=self._limits(30.0),
        )
        return _converted(answer, MediaInfo)

    def scan_video(
        self,
        path: Path,
        *,
        detectors: Sequence[DetectorSpec] | None = None,
        budget_s: float | None = None,
        stills: Path | None = None,
        looks: Path | None = None,
        speech: Path | None = None,
        field: str = "",
        progress: ProgressSink | None = None,
        cancel: threading.Event | None = None,
    ) -> ScanReport:
        """Look at every frame and the sound of a clip; stills and speech go into the folders named for them,
        and into `looks` the frames for detectors outside of the child.

        Raises `InvalidMedia` or `TooLarge` where it is no clip we take. A child that crashes or runs out of
        time is no error: the report has the reason in `failure`, and every cell is incomplete.
        """
        specs = self._specs if detectors is None else tuple(detectors)
        seconds = budget_s or self.settings.video_timeout_s
        task = VideoScanTask(
            path=str(path.absolute()),
            detectors=DetectorSet(specs=specs, call_s=min(self.settings.call_timeout_s, seconds)),
            limits=self.settings.video,
            rules=self.settings.sampling,
            budget_s=seconds * 0.9,
            stills=str(stills.absolute()) if stills is not None else "",
            looks=str(looks.absolute()) if looks is not None else "",
            speech=str(speech.absolute()) if speech is not None else "",
            threads=self.settings.decode_threads,
        )

        def run() -> Any:
            return self._sandbox.run(
                EntryPoint.of(worker.scan_video),
                msgspec.to_builtins(task),
                reads=[path, *_files_of(specs)],
                writes=[folder for folder in (stills, looks, speech) if folder is not None],
                limits=self._limits(seconds),
                hooks=CallHooks(
                    progress=progress.report_message if progress is not None else None, cancel=cancel
                ),
            )

        report = _report(run, specs, frozenset({Modality.FRAMES, Modality.AUDIO}), field, cancel)
        written = (report.thumbnail, report.contact_sheet, *report.evidence.values())
        # A child has no say on which files we read.
        if any(path and not _is_own(Path(path), stills) for path in written) or not _own_speech(
            report.audio, speech
        ):
            raise errors.SandboxCrashed("The sandboxed child named files that are not its own.")
        return _with_own_looks(report, looks)

    def scan_image(
        self,
        path: Path,
        *,
        field: str = "",
        quick: bool = False,
        looks: Path | None = None,
        after: ScanReport | None = None,
        cancel: threading.Event | None = None,
    ) -> ScanReport:
        """Look at one picture. Errors as for `scan_video`.

        `quick`: costly detectors and readers of text, which are most of the work, are left out; the report
        says so. Good enough for a block. `after`: such a report on this picture; what it left out is done
        now, and the answer has both.
        """
        rest = after is not None and not after.failure
        part = ImagePass.QUICK if quick else ImagePass.REST if rest else ImagePass.WHOLE
        task = ImageScanTask(
            path=str(path.absolute()),
            detectors=self._detectors,
            limits=self.settings.image,
            field=field,
            part=part,
            looks=str(looks.absolute()) if looks is not None else "",
        )

        def run() -> Any:
            entry_point, argument = EntryPoint.of(worker.scan_image), msgspec.to_builtins(task)
            seconds = self.settings.image_timeout_s
            # A child that was kept warm may write nowhere.
            if self._warm and looks is None:
                return self._pool.run(entry_point, argument, CallHooks(cancel=cancel))
            if not self._slots.acquire(timeout=seconds):
                raise errors.SandboxTimedOut(f"No picture's turn came within {seconds:g} s.")
            try:
                return self._sandbox.run(
                    entry_point,
                    argument,
                    reads=[path, *_files_of(self._specs)],
                    writes=[looks] if looks is not None else [],
                    limits=self._limits(seconds),
                    hooks=CallHooks(cancel=cancel),
                )
            finally:
                self._slots.release()

        report = _report(run, self._specs, frozenset({Modality.IMAGE}), field, cancel)
        report = _with_own_looks(report, looks)
        return _joined(after, report, self._specs) if after is not None and rest else report

    def scan_recording(self, path: Path, *, speech: Path) -> AudioReport:
        """What is heard in a recording, with files of the speech in the folder `speech`.

        Raises `InvalidMedia` or `TooLarge` where it is no recording we take, and `ChildFailed`.
        """
        task = RecordingScanTask(
            path=str(path.absolute()),
            detectors=self._detectors,
            limits=self.settings.video,
            speech=str(speech.absolute()),
        )
        answer = self._sandbox.run(
            EntryPoint.of(worker.scan_recording),
            msgspec.to_builtins(task),
            reads=[path, *_files_of(self._specs)],
            writes=[speech],
            limits=self._limits(self.settings.video_timeout_s),
        )
        heard = _converted(answer, AudioReport)
        if not _own_speech(heard, speech):
            raise errors.SandboxCrashed("The sandboxed child named files that are not its own.")
        return heard

    def burn_badge(self, source: Path, into: Path, text: str) -> None:
        """A copy of the clip with a visible badge. Raises `InvalidMedia`, `ChildFailed`."""
        task = BadgeTask(
            source=str(source.absolute()), into=str(into.absolute()), text=text, limits=self.settings.video
        )
        self._sandbox.run(
            EntryPoint.of(encode.burn_badge_in_child),
            msgspec.to_builtins(task),
            reads=[source],
            writes=[into],
            limits=self._limits(self.settings.video_timeout_s),
        )

    def _limits(self, seconds: float) -> Limits:
        # Decoding and detecting may keep several threads busy at a time.
        return Limits(wall_s=seconds, cpu_s=math.ceil(seconds * 4), memory_bytes=self.settings.memory_bytes)


def _report(
    run: Callable[[], Any],
    specs: Sequence[DetectorSpec],
    modalities: frozenset[Modality],
    field: str,
    cancel: threading.Event | None,
) -> ScanReport:
    asked = [(name, _capabilities(name)) for name, _ in specs]
    try:
        answer = _converted(run(), WorkerResult)
        if not all(0.0 <= finding.score <= 1.0 for finding in answer.findings):
            raise errors.SandboxCrashed("The sandboxed child answered with a score that is no probability.")
    except errors.SandboxFailed as error:
        if cancel is not None and cancel.is_set():
            raise
        runs = tuple(DetectorRun(name=name, ran=True, note=error.message) for name, _ in specs)
        return ScanReport(runs=runs, coverage=coverage_of(asked, runs, modalities), failure=error.message)
    return ScanReport(
        findings=tuple(_from(finding, field) for finding in answer.findings),
        texts=answer.texts,
        transcript=answer.transcript
        if answer.audio is not None and answer.audio.transcribed_in_child
        else None,
        audio=answer.audio,
        coverage=coverage_of(asked, answer.runs, modalities),
        runs=answer.runs,
        media=answer.media,
        image=answer.image,
        sampling=answer.sampling,
        thumbnail=answer.thumbnail,
        contact_sheet=answer.contact_sheet,
        evidence=answer.evidence,
        keyframes=answer.keyframes,
        selected_frames=answer.selected_frames,
        wall_s=answer.wall_s,
        cpu_s=answer.cpu_s,
    )


def _with_own_looks(report: ScanReport, folder: Path | None) -> ScanReport:
    if any(not _is_own(Path(look.path), folder) for look in report.keyframes):
        raise errors.SandboxCrashed("The sandboxed child named files that are not its own.")
    return report


def _joined(first: ScanReport, rest: ScanReport, specs: Sequence[DetectorSpec]) -> ScanReport:
    """Two looks at one picture as one: what the first left out is as the second has it."""
    if rest.failure:
        return msgspec.structs.replace(rest, findings=first.findings)
    again = {run.name: run for run in rest.runs}
    runs = tuple(again.get(run.name, run) for run in first.runs)
    asked = [(name, _capabilities(name)) for name, _ in specs]
    return msgspec.structs.replace(
        rest,
        findings=(*first.findings, *rest.findings),
        runs=runs,
        coverage=coverage_of(asked, runs, frozenset({Modality.IMAGE})),
        wall_s=first.wall_s + rest.wall_s,
    )


def _own_speech(sound: AudioReport | None, folder: Path | None) -> bool:
    return all(_is_own(Path(file.path), folder) for file in (sound.files if sound is not None else ()))


def _is_own(path: Path, folder: Path | None) -> bool:
    return (
        folder is not None and path.parent == folder.absolute() and path.is_file() and not path.is_symlink()
    )


def _files_of(specs: Iterable[DetectorSpec]) -> list[Path]:
    """The files and folders that options of detectors name, such as a model of one's own."""
    named = (Path(value) for _, options in specs for value in options.values() if isinstance(value, str))
    return [path for path in named if path.is_absolute() and path.exists()]


def _from(finding: Finding, field: str) -> Finding:
    """The finding with the request field its file came in."""
    if not field:
        return finding
    return msgspec.structs.replace(finding, attributes={**finding.attributes, "source": field})


def _capabilities(name: str) -> tuple[Capability, ...]:
    try:
        plugin = load_plugin(name)
        # Words are nothing checked before somebody has read them.
        return () if plugin.transcribes else plugin.capabilities
    except DetectorMissing:
        return ()


def _converted(answer: Any, kind: type[T]) -> T:
    try:
        return msgspec.convert(answer, kind)
    except msgspec.ValidationError as error:
        raise errors.SandboxCrashed(f"The sandboxed child answered with nonsense: {error}.") from error
