"""Entry points of scans. They run inside a sandboxed child."""

from __future__ import annotations

import time
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from typing import Any

import msgspec

from safelight.media.decode import VideoDecoder
from safelight.media.subtitles import Subtitles, read_subtitles
from safelight.media.tracks import UnscannedKind, add_unscanned
from safelight.sandbox.child_main import ChildChannel
from safelight.scanning.audio import scan_audio
from safelight.scanning.audio_report import AudioReport
from safelight.scanning.detector_runner import DetectorRunner
from safelight.scanning.image_scan import downscale, scan_views
from safelight.scanning.keyframes import KEYFRAME_SIDE_PX, KeyframeWriter
from safelight.scanning.report import WorkerResult
from safelight.scanning.tasks import DetectorSet, ImagePass, ImageScanTask, RecordingScanTask, VideoScanTask
from safelight.scanning.video_scan import VideoScan
from safelight.scanning.view_merge import merge_views


def preload(argument: Any, _channel: ChildChannel) -> None:
    """Load the detectors, and the libraries that image scans need, before the first call."""
    import cv2
    from PIL import Image

    # OpenCV's worker threads stay alive after a call, and a process with threads must not fork.
    cv2.setNumThreads(1)
    Image.preinit()
    import_module("PIL.WebPImagePlugin")
    scan_views(None, _reset_runners(msgspec.convert(argument, DetectorSet)), field="")


def scan_image(argument: Any, _channel: ChildChannel) -> WorkerResult:
    """Scan one image with every image detector. Raises `InvalidMedia`, `TooLarge`."""
    from safelight.media.images import read_image

    started_s = time.perf_counter()
    task = msgspec.convert(argument, ImageScanTask)
    runners = _reset_runners(task.detectors)
    if task.scan_pass is ImagePass.REST:
        runners = tuple(runner for runner in runners if runner.is_slow)
    info, views = read_image(Path(task.path), task.limits)
    if task.scan_pass is ImagePass.QUICK:
        for runner in runners:
            if runner.is_slow:
                runner.mark_failed(f"{runner.name} was skipped in the quick pass.")
    findings, texts = scan_views(views, runners, field=task.field)
    if info.looked_at < info.frames:
        for runner in runners:
            runner.mark_failed(
                f"Only {info.looked_at} of {info.frames} frames of the animation were scanned."
            )
    keyframes = KeyframeWriter(Path(task.keyframes) if task.keyframes else None)
    for index, view in enumerate(views):
        keyframes.add(index, downscale(view, KEYFRAME_SIDE_PX))
    return WorkerResult(
        keyframes=keyframes.keyframes(None),
        selected_frames=keyframes.offered,
        findings=tuple(findings),
        texts=tuple(texts),
        runs=tuple(runner.record() for runner in runners),
        image=info,
        wall_s=round(time.perf_counter() - started_s, 3),
    )


def scan_video(argument: Any, channel: ChildChannel) -> WorkerResult:
    """Scan all frames and the audio of a clip. Raises `InvalidMedia`, `TooLarge`.

    Progress messages: `{"frame": done, "frames": total}`; total 0: not known.
    """
    started_s = time.perf_counter()
    task = msgspec.convert(argument, VideoScanTask)
    decoder = VideoDecoder(Path(task.path), task.limits, threads=task.decode_threads)
    runners = _reset_runners(task.detectors)
    scan = VideoScan(decoder, runners, task, progress=channel.progress, started_s=started_s)
    scan.scan_frames()
    scan.scan_audio()
    others = []
    hidden = msgspec.structs.replace(task, previews="", keyframes="")
    for view in sorted(decoder.more_views):
        other = VideoScan(decoder, runners, hidden, progress=channel.progress, started_s=started_s, view=view)
        other.scan_frames()
        others.append(other.result())
    result = merge_views(scan.result(), others)
    if not decoder.info.subtitles:
        return result
    subtitles = read_subtitles(
        Path(task.path), task.limits, expired=lambda: time.perf_counter() - started_s > task.budget_s
    )
    return _with_subtitles(result, scan, subtitles)


def _with_subtitles(result: WorkerResult, scan: VideoScan, subtitles: Subtitles) -> WorkerResult:
    """The result of a scan, with the text subtitles of the clip as texts in the picture."""
    media = result.media
    if media is not None and subtitles.unread_tracks:
        media = msgspec.structs.replace(
            media,
            unscanned=add_unscanned(media.unscanned, {UnscannedKind.SUBTITLES: subtitles.unread_tracks}),
        )
    return msgspec.structs.replace(result, media=media, texts=(*result.texts, *scan.texts_of(subtitles)))


def scan_recording(argument: Any, _channel: ChildChannel) -> AudioReport:
    """Scan an audio file. Raises `InvalidMedia`, `TooLarge`."""
    task = msgspec.convert(argument, RecordingScanTask)
    runners = _reset_runners(task.detectors)
    report = scan_audio(Path(task.path), task.limits, runners, Path(task.speech), audio_only=True).report
    assert report is not None
    return report


def _reset_runners(detectors: DetectorSet) -> tuple[DetectorRunner, ...]:
    """The runners of the detectors, each with an empty record.

    Detectors that are not loaded yet are loaded.
    """
    runners = _load_runners(msgspec.json.encode(detectors.specs), detectors.call_timeout_s)
    for runner in runners:
        runner.reset()
    return runners


@lru_cache(maxsize=4)
def _load_runners(specs: bytes, call_timeout_s: float) -> tuple[DetectorRunner, ...]:
    """The runners of the loaded detectors; cached by the encoded detector options."""
    decoded = msgspec.json.decode(specs, type=tuple[tuple[str, dict[str, Any]], ...])
    return tuple(DetectorRunner(name, options, call_timeout_s=call_timeout_s) for name, options in decoded)
