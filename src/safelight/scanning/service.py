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
from safelight.media.images import PictureLimits
from safelight.media.probe import MediaInfo, VideoLimits
from safelight.policy.findings import Finding, Modality
from safelight.sandbox.entrypoints import EntryPoint
from safelight.sandbox.sandbox import Isolation, Limits, PreloadSpec, Sandbox
from safelight.sandbox.worker_pool import WarmPool
from safelight.scanning import worker
from safelight.scanning.audio_report import AudioReport
from safelight.scanning.report import DetectorRun, ScanReport, WorkerResult, coverage_of
from safelight.scanning.sampling import SamplingConfig
from safelight.scanning.worker import Detectors, PicturePass, PictureTask, RecordingTask, VideoScanTask

T = TypeVar("T")

#: Name and options of a detector, as the catalogue gives them.
Spec: TypeAlias = tuple[str, dict[str, Any]]
#: Takes frames done and frames in all; 0: not known.
FrameProgress: TypeAlias = Callable[[int, int], None]


#: What calls of ours import, beside the detectors.
_MODULES = (
    *("av", "cv2", "PIL.Image", "PIL.ImageDraw", "PIL.ImageFilter", "PIL.ImageFont", "PIL.ImageOps"),
    *("PIL.JpegImagePlugin", "PIL.PngImagePlugin", "PIL.WebPImagePlugin", "PIL.GifImagePlugin"),
    *(module.__name__ for module in (encode, images, probe, thumbnails, worker)),
)


class ScannerOptions(msgspec.Struct, frozen=True, kw_only=True):
    """Bounds of a scan."""

    video: VideoLimits = VideoLimits()
    picture: PictureLimits = PictureLimits()
    #: Seconds on the clock for a whole clip, and for one picture.
    video_s: float = 600.0
    picture_s: float = 20.0
    #: Seconds for one call of one detector.
    call_s: float = 20.0
    memory_bytes: int = 4 << 30
    #: 0: nothing is kept ready, and every call starts a cold child. Otherwise calls are forked from one
    #: process that has the models loaded; where that cannot be, so many children are kept warm for pictures.
    warm: int = 2
    #: Modules that other calls in the same sandbox import: loaded along with the models.
    modules: tuple[str, ...] = ()
    #: Pictures looked at at a time.
    pictures_at_once: int = 8
    #: Pictures a warm child looks at before it is replaced.
    uses: int = 200
    rules: SamplingConfig = SamplingConfig()
    #: Threads that decode a clip ahead of the detectors.
    decode_threads: int = 1


class Scanner:
    """Looks at clips and pictures in sandboxed children. Safe to use from many threads."""

    def __init__(
        self,
        sandbox: Sandbox,
        detectors: Sequence[Spec],
        settings: ScannerOptions | None = None,
    ) -> None:
        self.settings = settings or ScannerOptions()
        self._sandbox = sandbox
        self._specs = tuple(detectors)
        self._detectors = Detectors(specs=self._specs, call_s=self.settings.call_s)
        #: There are no forks, and children are kept warm for pictures instead.
        self._warm = False
        self._slots = threading.BoundedSemaphore(self.settings.pictures_at_once)
        self._pool = WarmPool(
            sandbox,
            size=max(self.settings.warm, 1),
            limits=self._limits(self.settings.picture_s),
            preload=EntryPoint.of(worker.preload),
            preload_argument=msgspec.to_builtins(self._detectors),
            uses=self.settings.uses,
        )

    def start(self) -> None:
        """Load the models, so that calls need not; optional, takes a second or two.

        Until it is done, and where it cannot be done, every call starts a cold child.
        """
        if not self.settings.warm:
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
        detectors: Sequence[Spec] | None = None,
        budget_s: float | None = None,
        stills: Path | None = None,
        looks: Path | None = None,
        speech: Path | None = None,
        field: str = "",
        progress: FrameProgress | None = None,
        cancel: threading.Event | None = None,
    ) -> ScanReport:
        """Look at every frame and the sound of a clip; stills and speech go into the folders named for them,
        and into `looks` the frames for detectors outside of the child.

        Raises `InvalidMedia` or `TooLarge` where it is no clip we take. A child that crashes or runs out of
        time is no error: the report has the reason in `failure`, and every cell is incomplete.
        """
        specs = self._specs if detectors is None else tuple(detectors)
        seconds = budget_s or self.settings.video_s
        task = VideoScanTask(
            path=str(path.absolute()),
            detectors=Detectors(specs=specs, call_s=min(self.settings.call_s, seconds)),
            limits=self.settings.video,
            rules=self.settings.rules,
            budget_s=seconds * 0.9,
            stills=str(stills.absolute()) if stills is not None else "",
            looks=str(looks.absolute()) if looks is not None else "",
            speech=str(speech.absolute()) if speech is not None else "",
            threads=self.settings.decode_threads,
        )

        def tell(value: Any) -> None:
            if progress is not None and isinstance(value, dict):
                progress(int(value.get("frame", 0)), int(value.get("frames", 0)))

        def run() -> Any:
            return self._sandbox.run(
                EntryPoint.of(worker.scan_video),
                msgspec.to_builtins(task),
                reads=[path, *_files_of(specs)],
                writes=[folder for folder in (stills, looks, speech) if folder is not None],
                limits=self._limits(seconds),
                progress=tell,
                cancel=cancel,
            )

        report = _report(run, specs, frozenset({Modality.FRAMES, Modality.AUDIO}), field, cancel)
        written = (report.thumbnail, report.sheet, *report.evidence.values())
        # A child has no say on which files we read.
        if any(path and not _is_own(Path(path), stills) for path in written) or not _own_speech(
            report.sound, speech
        ):
            raise errors.SandboxCrashed("The sandboxed child named files that are not its own.")
        return _with_own_looks(report, looks)

    def scan_picture(
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
        part = PicturePass.QUICK if quick else PicturePass.REST if rest else PicturePass.WHOLE
        task = PictureTask(
            path=str(path.absolute()),
            detectors=self._detectors,
            limits=self.settings.picture,
            field=field,
            part=part,
            looks=str(looks.absolute()) if looks is not None else "",
        )

        def run() -> Any:
            entry_point, argument = EntryPoint.of(worker.scan_picture), msgspec.to_builtins(task)
            seconds = self.settings.picture_s
            # A child that was kept warm may write nowhere.
            if self._warm and looks is None:
                return self._pool.run(entry_point, argument, cancel=cancel)
            if not self._slots.acquire(timeout=seconds):
                raise errors.SandboxTimedOut(f"No picture's turn came within {seconds:g} s.")
            try:
                return self._sandbox.run(
                    entry_point,
                    argument,
                    reads=[path, *_files_of(self._specs)],
                    writes=[looks] if looks is not None else [],
                    limits=self._limits(seconds),
                    cancel=cancel,
                )
            finally:
                self._slots.release()

        report = _report(run, self._specs, frozenset({Modality.IMAGE}), field, cancel)
        report = _with_own_looks(report, looks)
        return _joined(after, report, self._specs) if after is not None and rest else report

    def hear_recording(self, path: Path, *, speech: Path) -> AudioReport:
        """What is heard in a recording, with files of the speech in the folder `speech`.

        Raises `InvalidMedia` or `TooLarge` where it is no recording we take, and `ChildFailed`.
        """
        task = RecordingTask(
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
            limits=self._limits(self.settings.video_s),
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
            limits=self._limits(self.settings.video_s),
        )

    def _limits(self, seconds: float) -> Limits:
        # Decoding and detecting may keep several threads busy at a time.
        return Limits(wall_s=seconds, cpu_s=math.ceil(seconds * 4), memory_bytes=self.settings.memory_bytes)


def _report(
    run: Callable[[], Any],
    specs: Sequence[Spec],
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
        heard=answer.heard if answer.sound is not None and answer.sound.transcribed_in_child else None,
        sound=answer.sound,
        coverage=coverage_of(asked, answer.runs, modalities),
        runs=answer.runs,
        facts=answer.facts,
        picture=answer.picture,
        schedule=answer.schedule,
        thumbnail=answer.thumbnail,
        sheet=answer.sheet,
        evidence=answer.evidence,
        looks=answer.looks,
        chosen=answer.chosen,
        wall_s=answer.wall_s,
        cpu_s=answer.cpu_s,
    )


def _with_own_looks(report: ScanReport, folder: Path | None) -> ScanReport:
    if any(not _is_own(Path(look.path), folder) for look in report.looks):
        raise errors.SandboxCrashed("The sandboxed child named files that are not its own.")
    return report


def _joined(first: ScanReport, rest: ScanReport, specs: Sequence[Spec]) -> ScanReport:
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


def _files_of(specs: Iterable[Spec]) -> list[Path]:
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
