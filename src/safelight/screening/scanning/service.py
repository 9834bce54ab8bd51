"""Scans files for the gateway: starts sandboxed children and turns their results into reports."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

import msgspec
from opentelemetry.trace import get_current_span

from safelight.core import errors
from safelight.core.metrics import DETECTOR_TIMEOUTS, SCAN_SECONDS
from safelight.core.progress import ProgressSink
from safelight.core.tracing import child_span, set_attributes
from safelight.detectors.protocol import Capability
from safelight.detectors.registry import DetectorMissing, load_plugin
from safelight.media import burned_badge, images, probe, thumbnails
from safelight.media.badge import BadgeStyle
from safelight.media.burned_badge import BadgeTask
from safelight.media.images import ImageLimits
from safelight.media.probe import MediaInfo, VideoLimits
from safelight.media.sandbox.confinement import Isolation, Limits
from safelight.media.sandbox.entrypoints import EntryPoint
from safelight.media.sandbox.process import CallHooks
from safelight.media.sandbox.sandbox import Sandbox
from safelight.media.sandbox.worker_pool import WorkerPool
from safelight.media.sandbox.zygote import PreloadSpec
from safelight.policy.findings import Finding, Modality
from safelight.screening.scanning import worker

from .audio_report import AudioReport
from .report import DetectorRun, ScanReport, WorkerResult, build_coverage
from .sampling import SamplingConfig
from .tasks import DetectorSet, ImagePass, ImageScanTask, OutputDirs, VideoScanTask

T = TypeVar("T")

#: Name and options of a detector, as in the catalogue.
DetectorSpec: TypeAlias = tuple[str, dict[str, Any]]


#: Modules, besides the detectors, that our own entry points import.
_PRELOADED_MODULES = (
    *("av", "cv2", "PIL.Image", "PIL.ImageDraw", "PIL.ImageFilter", "PIL.ImageFont", "PIL.ImageOps"),
    *("PIL.JpegImagePlugin", "PIL.PngImagePlugin", "PIL.WebPImagePlugin", "PIL.GifImagePlugin"),
    *(module.__name__ for module in (burned_badge, images, probe, thumbnails, worker)),
)


_PROBE_TIMEOUT_S = 30.0
_MAX_BUSY_THREADS = 4
_NO_OUTPUTS = OutputDirs()
#: The frame scan stops after this fraction of a clip's time limit, so that there is time to return a report.
_SCAN_BUDGET_FRACTION = 0.9
#: The part of this time in which frames beyond the sampling budget are inspected. The rest is for the regular
#: samples of a long clip, the sound, and a machine that gets slower.
_SPARE_FRACTION = 0.5


#: Time of a scan with the bundled detectors on one core: per clip, per frame and per megapixel of a frame
#: (docs/benchmarks/scanning.md).
_S_PER_CLIP, _S_PER_FRAME, _S_PER_MEGAPIXEL = 1.0, 0.05, 0.01
#: The pace of this process is 1 for this expected time. Each scan adds its expected time and its own time,
#: at most `_MAX_PACE` times as long, so that short clips which take long hardly change it.
_PACE_PRIOR_S, _MAX_PACE = 60.0, 5.0
#: Weight of the scans before the latest one, and the time after which they do not count any more: otherwise
#: nothing would be scanned in a check, and the pace would never change, after a busy hour.
_PACE_FADING, _PACE_VALID_S = 0.8, 600.0


class ScannerOptions(msgspec.Struct, frozen=True, kw_only=True):
    """Limits and resources of scans."""

    video: VideoLimits = VideoLimits()
    image: ImageLimits = ImageLimits()
    #: Wall-clock time limits for one clip and for one image.
    video_timeout_s: float = 600.0
    image_timeout_s: float = 20.0
    #: Time limit for one call of one detector.
    call_timeout_s: float = 20.0
    memory_bytes: int = 4 << 30
    #: 0: nothing is preloaded, and every call starts a cold child. Otherwise calls are forked from a fork
    #: server that has loaded the models. If forking is impossible, this number of warm children scan images
    #: instead.
    warm_children: int = 2
    #: More modules to preload: those of other entry points that run in the same sandbox.
    modules: tuple[str, ...] = ()
    #: Maximum number of images scanned in parallel.
    max_concurrent_images: int = 8
    #: Images that a warm child scans before it is replaced.
    max_calls_per_child: int = 200
    sampling: SamplingConfig = SamplingConfig()
    #: Number of threads that decode a clip while the detectors run.
    decode_threads: int = 1


class Scanner:
    """Scans clips and images in sandboxed children. Thread-safe."""

    def __init__(
        self,
        sandbox: Sandbox,
        detectors: Sequence[DetectorSpec],
        settings: ScannerOptions | None = None,
        *,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._monotonic = monotonic
        self.settings = settings or ScannerOptions()
        self._sandbox = sandbox
        self._detector_specs = tuple(detectors)
        self._detector_set = DetectorSet(
            specs=self._detector_specs, call_timeout_s=self.settings.call_timeout_s
        )
        #: True if warm children scan the images because forking is impossible.
        self._uses_pool = False
        #: How much longer than `_S_PER_FRAME` and the others say the scans of this process took.
        self._pace_lock = threading.Lock()
        self._took_s = self._expected_s = 0.0
        self._measured_at = -math.inf
        self._image_slots = threading.BoundedSemaphore(self.settings.max_concurrent_images)
        self._pool = WorkerPool(
            sandbox,
            size=max(self.settings.warm_children, 1),
            limits=self._limits(self.settings.image_timeout_s),
            preload=EntryPoint.of(worker.preload),
            preload_argument=msgspec.to_builtins(self._detector_set),
            uses=self.settings.max_calls_per_child,
        )

    def start(self) -> None:
        """Load the models in advance, so that calls start faster. Optional; takes one or two seconds.

        Until the fork server is ready, and if it cannot start, every call starts a cold child.
        """
        if not self.settings.warm_children:
            return
        calls = ((EntryPoint.of(worker.preload), msgspec.to_builtins(self._detector_set)),)
        starter = self._sandbox.start_fork_server(
            PreloadSpec(modules=(*_PRELOADED_MODULES, *self.settings.modules), calls=calls)
        )
        if starter is not None:
            starter.join()
        if self._sandbox.fork_server_problem:
            self._uses_pool = True
            self._pool.start()

    def close(self) -> None:
        """Stop the fork server and all warm children."""
        self._sandbox.stop_fork_server()
        self._uses_pool = False
        self._pool.close()

    def isolation(self) -> Isolation:
        """Which protections of a child are in force on this machine."""
        return self._sandbox.isolation()

    def probe(self, path: Path) -> MediaInfo:
        """Read the properties of a clip. Raises `InvalidMedia`, `TooLarge`, `SandboxFailed`."""
        result = self._sandbox.run(
            EntryPoint.of(probe.probe_in_child),
            {"path": str(path.absolute()), "limits": msgspec.to_builtins(self.settings.video)},
            reads=[path],
            limits=self._limits(_PROBE_TIMEOUT_S),
        )
        return _convert(result, MediaInfo)

    def estimate_scan_s(self, clip: MediaInfo) -> float:
        """The time that `scan_video` probably takes for a clip, in seconds, by the pace of earlier scans."""
        with self._pace_lock:
            counts = self._monotonic() - self._measured_at < _PACE_VALID_S
            took, expected = (self._took_s, self._expected_s) if counts else (0.0, 0.0)
        return _expected_scan_s(clip) * (_PACE_PRIOR_S + took) / (_PACE_PRIOR_S + expected)

    def _measure_pace(self, expected_s: float, took_s: float) -> None:
        with self._pace_lock:
            self._took_s = _PACE_FADING * self._took_s + min(took_s, _MAX_PACE * expected_s)
            self._expected_s = _PACE_FADING * self._expected_s + expected_s
            self._measured_at = self._monotonic()

    def scan_video(
        self,
        path: Path,
        *,
        outputs: OutputDirs = _NO_OUTPUTS,
        field: str = "",
        progress: ProgressSink | None = None,
        cancel: threading.Event | None = None,
    ) -> ScanReport:
        """Scan every frame and the audio of a clip. `field`: the request field with the clip.

        Raises `InvalidMedia` or `TooLarge` if the clip is not accepted. A crash or timeout of the child
        raises nothing: then the report has the reason in `failure`, and every coverage cell is incomplete.
        """
        specs = self._detector_specs
        seconds = self.settings.video_timeout_s
        task = VideoScanTask(
            path=str(path.absolute()),
            detectors=DetectorSet(specs=specs, call_timeout_s=min(self.settings.call_timeout_s, seconds)),
            limits=self.settings.video,
            sampling=self.settings.sampling,
            budget_s=seconds * _SCAN_BUDGET_FRACTION,
            spare_s=seconds * _SCAN_BUDGET_FRACTION * _SPARE_FRACTION,
            previews=_absolute(outputs.previews),
            keyframes=_absolute(outputs.keyframes),
            speech=_absolute(outputs.speech),
            decode_threads=self.settings.decode_threads,
        )

        def run() -> Any:
            return self._sandbox.run(
                EntryPoint.of(worker.scan_video),
                msgspec.to_builtins(task),
                reads=[path, *_option_paths(specs)],
                writes=outputs.folders,
                limits=self._limits(seconds),
                hooks=CallHooks(
                    progress=progress.report_message if progress is not None else None, cancel=cancel
                ),
            )

        with SCAN_SECONDS.time("video"), child_span("scan video"):
            report = _report(run, specs, frozenset({Modality.FRAMES, Modality.AUDIO}), field, cancel)
        if report.media is not None and not report.failure:
            self._measure_pace(_expected_scan_s(report.media), report.wall_s)
        # The child is not trusted: read only files in the output folders of this call.
        sheets = (report.contact_sheet, report.blurred_sheet)
        previews = (report.thumbnail, *sheets, *report.evidence.values())
        _require_files_in(outputs.previews, [path for path in previews if path])
        _require_files_in(outputs.speech, _speech_paths(report.audio))
        _require_files_in(outputs.keyframes, [keyframe.path for keyframe in report.keyframes])
        return report

    def scan_image(
        self,
        path: Path,
        *,
        field: str = "",
        quick: bool = False,
        keyframes: Path | None = None,
        after: ScanReport | None = None,
        cancel: threading.Event | None = None,
    ) -> ScanReport:
        """Scan one image. Raises the same errors as `scan_video`.

        `quick`: skip OCR and slow detectors, which take most of the time. The report has their runs as
        incomplete, but it can be enough to block the image. `after`: the report of a quick pass on the same
        image; this call runs only the skipped detectors, and its result combines both. `keyframes`: folder to
        which the pixels of the image are written, for detectors outside the child.
        """
        is_rest = after is not None and not after.failure
        scan_pass = ImagePass.QUICK if quick else ImagePass.REST if is_rest else ImagePass.WHOLE
        task = ImageScanTask(
            path=str(path.absolute()),
            detectors=self._detector_set,
            limits=self.settings.image,
            field=field,
            scan_pass=scan_pass,
            keyframes=_absolute(keyframes),
        )

        def run() -> Any:
            entry_point, argument = EntryPoint.of(worker.scan_image), msgspec.to_builtins(task)
            seconds = self.settings.image_timeout_s
            # A reused child process has no output folder. If keyframes are to be stored, start a new one.
            if self._uses_pool and keyframes is None:
                return self._pool.run(entry_point, argument, CallHooks(cancel=cancel))
            if not self._image_slots.acquire(timeout=seconds):
                raise errors.SandboxTimedOut(
                    f"The image was not scanned: no slot was free within {seconds:g} s."
                )
            try:
                return self._sandbox.run(
                    entry_point,
                    argument,
                    reads=[path, *_option_paths(self._detector_specs)],
                    writes=[keyframes] if keyframes is not None else [],
                    limits=self._limits(seconds),
                    hooks=CallHooks(cancel=cancel),
                )
            finally:
                self._image_slots.release()

        with SCAN_SECONDS.time("image"), child_span("scan image"):
            report = _report(run, self._detector_specs, frozenset({Modality.IMAGE}), field, cancel)
        _require_files_in(keyframes, [keyframe.path for keyframe in report.keyframes])
        return _combine(after, report, self._detector_specs) if after is not None and is_rest else report

    def burn_badge(self, source: Path, into: Path, style: BadgeStyle) -> None:
        """Copy a clip and put a visible badge on every frame. Raises `InvalidMedia`, `SandboxFailed`."""
        task = BadgeTask(
            source=str(source.absolute()), into=str(into.absolute()), style=style, limits=self.settings.video
        )
        self._sandbox.run(
            EntryPoint.of(burned_badge.burn_badge_in_child),
            msgspec.to_builtins(task),
            reads=[source, *map(Path, filter(None, (style.font, style.icon)))],
            writes=[into],
            limits=self._limits(self.settings.video_timeout_s),
        )

    def _limits(self, seconds: float) -> Limits:
        # The CPU limit is higher than the wall-clock limit, because decoding and detection may use several
        # threads.
        return Limits(
            wall_s=seconds,
            cpu_s=math.ceil(seconds * _MAX_BUSY_THREADS),
            memory_bytes=self.settings.memory_bytes,
        )


def _expected_scan_s(clip: MediaInfo) -> float:
    # A header can state fewer frames than there are.
    frames = max(clip.frames, clip.fps * clip.duration_s)
    return _S_PER_CLIP + frames * (_S_PER_FRAME + _S_PER_MEGAPIXEL * clip.width * clip.height / 1e6)


def _report(
    run: Callable[[], Any],
    specs: Sequence[DetectorSpec],
    modalities: frozenset[Modality],
    field: str,
    cancel: threading.Event | None,
) -> ScanReport:
    capabilities = [(name, _capabilities(name)) for name, _ in specs]
    try:
        result = _convert(run(), WorkerResult)
        if not all(0.0 <= finding.score <= 1.0 for finding in result.findings):
            raise errors.SandboxCrashed("The sandboxed child returned a score that is not a probability.")
    except errors.SandboxFailed as error:
        if cancel is not None and cancel.is_set():
            raise
        if isinstance(error, errors.SandboxTimedOut):
            DETECTOR_TIMEOUTS.add("scan")
        runs = tuple(DetectorRun(name=name, ran=True, note=error.message) for name, _ in specs)
        return ScanReport(
            runs=runs, coverage=build_coverage(capabilities, runs, modalities), failure=error.message
        )
    for each in result.runs:
        # The child is not trusted: count only the detectors that it was asked to run.
        if each.name in dict(specs):
            set_attributes(get_current_span(), **{f"cpu_s.{each.name}": each.cpu_s})
            if each.timed_out:
                DETECTOR_TIMEOUTS.add(each.name)
    is_transcribed = result.audio is not None and result.audio.transcribed_in_child
    return ScanReport(
        **msgspec.structs.asdict(result)
        | {
            "findings": tuple(_with_source(finding, field) for finding in result.findings),
            "transcript": result.transcript if is_transcribed else None,
            "coverage": build_coverage(capabilities, result.runs, modalities),
        }
    )


def _combine(first: ScanReport, rest: ScanReport, specs: Sequence[DetectorSpec]) -> ScanReport:
    """Combine a quick pass with the pass over the rest: the runs of the second replace those of the first."""
    if rest.failure:
        return msgspec.structs.replace(rest, findings=first.findings)
    by_name = {run.name: run for run in rest.runs}
    runs = tuple(by_name.get(run.name, run) for run in first.runs)
    capabilities = [(name, _capabilities(name)) for name, _ in specs]
    return msgspec.structs.replace(
        rest,
        findings=(*first.findings, *rest.findings),
        runs=runs,
        coverage=build_coverage(capabilities, runs, frozenset({Modality.IMAGE})),
        wall_s=first.wall_s + rest.wall_s,
    )


def _absolute(path: Path | None) -> str:
    return str(path.absolute()) if path is not None else ""


def _speech_paths(audio: AudioReport | None) -> list[str]:
    return [file.path for file in (audio.files if audio is not None else ())]


def _require_files_in(folder: Path | None, paths: Iterable[str]) -> None:
    """Raise `SandboxCrashed` unless every path is a regular file directly in the folder."""
    for path in map(Path, paths):
        inside = folder is not None and path.parent == folder.absolute()
        if not inside or not path.is_file() or path.is_symlink():
            raise errors.SandboxCrashed("The sandboxed child named files outside its output folders.")


def _option_paths(specs: Iterable[DetectorSpec]) -> list[Path]:
    """Files and folders that exist and are named in detector options, such as an operator's model."""
    paths = (Path(value) for _, options in specs for value in options.values() if isinstance(value, str))
    return [path for path in paths if path.is_absolute() and path.exists()]


def _with_source(finding: Finding, field: str) -> Finding:
    """A copy of the finding with the request field of the scanned file."""
    if not field:
        return finding
    return msgspec.structs.replace(finding, attributes={**finding.attributes, "source": field})


def _capabilities(name: str) -> tuple[Capability, ...]:
    try:
        plugin = load_plugin(name)
        # A transcriber fills no coverage cell here: text is unchecked until the gateway has screened the
        # transcript.
        return () if plugin.transcribes else plugin.capabilities
    except DetectorMissing:
        return ()


def _convert(result: Any, kind: type[T]) -> T:
    try:
        return msgspec.convert(result, kind)
    except msgspec.ValidationError as error:
        raise errors.SandboxCrashed(f"The sandboxed child returned an invalid result: {error}.") from error
