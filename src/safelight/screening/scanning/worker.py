"""Entry points of scans. They run inside a sandboxed child."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import lru_cache, partial
from importlib import import_module
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from safelight.core.arrays import Pixels
from safelight.detectors.protocol import Frame, FrameDetector, MediaText, OcrReader
from safelight.media.decode import VideoDecoder, fit_size
from safelight.media.probe import UnscannedKind, add_unscanned
from safelight.media.sandbox.child_main import ChildChannel
from safelight.media.subtitles import Subtitles, read_subtitles
from safelight.policy.findings import Finding, FrameRange, ImageBox, Modality

from .detector_runner import DetectorRunner
from .keyframes import KEYFRAME_SIDE_PX, KeyframeWriter
from .ocr_merge import merge_texts
from .report import WorkerResult
from .segments import kind_and_voice
from .tasks import DetectorSet, ImagePass, ImageScanTask, VideoScanTask
from .video_scan import VideoScan

#: A finding of another view is left out if a known finding of the same kind covers it, and its score is not
#: higher by this than that of the known finding.
_MIN_SCORE_GAIN = 0.05
#: Attributes that rules compare: a finding with less of one of them does not cover the other.
_EXTENTS = ("frames", "duration_s", "area")

# Scans all views of one image. Runs only inside a sandboxed child.


def scan_views(
    views: Sequence[Pixels] | None, runners: Iterable[DetectorRunner], *, field: str
) -> tuple[list[Finding], list[MediaText]]:
    """Findings and texts of all views of an image, without duplicates.

    `None`: scan a grey image to warm up the models.
    """
    findings: dict[tuple[str, str, tuple[object, ...]], Finding] = {}
    texts: list[list[MediaText]] = []
    for index, view in enumerate([np.full((720, 1280, 3), 128, np.uint8)] if views is None else views):
        view_texts: list[MediaText] = []
        for runner in runners:
            detector = runner.detector
            if isinstance(detector, FrameDetector):
                input_side = int(getattr(detector, "picture_side", detector.longest_side))
                frame = _frame_input(view, index, input_side)
                for finding in runner.findings(partial(detector.inspect_frame, frame)):
                    image_finding = _as_image_finding(finding, field)
                    key = (image_finding.detector, image_finding.category, _place_key(image_finding))
                    if key not in findings or findings[key].score < image_finding.score:
                        findings[key] = image_finding
            elif isinstance(detector, OcrReader):
                frame = _frame_input(view, index, detector.longest_side)
                view_texts += runner.texts(partial(detector.read_frame, frame))
        texts.append([replace(text, frame=None, start_s=0.0, end_s=0.0) for text in view_texts])
    return list(findings.values()), merge_texts(texts)


def downscale(view: Pixels, longest_side: int) -> Pixels:
    """The view, resized so that its longest side is at most `longest_side`; 0: unchanged."""
    import cv2

    height, width = view.shape[:2]
    size = fit_size(width, height, longest_side)
    if size == (width, height):
        return view
    return cv2.resize(view, size, interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)


def _frame_input(view: Pixels, index: int, longest_side: int) -> Frame:
    height, width = view.shape[:2]
    return Frame(
        index=index,
        time_s=0.0,
        pixels=downscale(view, longest_side),
        width=width,
        height=height,
        is_reference=True,
    )


def _as_image_finding(finding: Finding, field: str) -> Finding:
    """A copy of the finding with the modality and the request field of the image."""
    evidence = tuple(
        msgspec.structs.replace(part, field=field) if isinstance(part, ImageBox) else part
        for part in finding.evidence
    )
    return msgspec.structs.replace(finding, modality=Modality.IMAGE, evidence=evidence)


def _place_key(finding: Finding) -> tuple[object, ...]:
    """Duplicates have the same key: the kind, the voice, and the box rounded to a tenth of the image."""
    box = next((part for part in finding.evidence if isinstance(part, ImageBox)), None)
    place = None if box is None else tuple(round(side, 1) for side in box.sides)
    return (*kind_and_voice(finding), place)


def merge_views(stored: WorkerResult, others: Sequence[WorkerResult]) -> WorkerResult:
    """The result of the stored view, with what only the other views show."""
    findings, texts = list(stored.findings), list(stored.texts)
    selected_frames = stored.selected_frames
    for other in others:
        findings += _new_findings(findings, other.findings)
        texts += _new_texts(texts, other.texts)
        if selected_frames:
            # Detectors outside the child get no keyframes of other views, so their check is incomplete.
            selected_frames += max(other.sampling.looked_at if other.sampling is not None else 0, 1)
    return msgspec.structs.replace(
        stored, findings=tuple(findings), texts=tuple(texts), selected_frames=selected_frames
    )


def _new_findings(known: Sequence[Finding], found: Sequence[Finding]) -> list[Finding]:
    by_key: dict[object, list[Finding]] = {}
    for one in known:
        by_key.setdefault(_key(one), []).append(one)
    return [
        one
        for one in found
        if not any(
            _covers(other, one) and one.score < other.score + _MIN_SCORE_GAIN
            for other in by_key.get(_key(one), ())
        )
    ]


def _key(finding: Finding) -> object:
    return finding.detector, finding.category, finding.modality, *kind_and_voice(finding)


def _covers(known: Finding, new: Finding) -> bool:
    """Whether the known finding contains the frames of the new one, and is not smaller or shorter."""
    places = _frame_ranges(known)
    ranges = _frame_ranges(new)
    return (
        bool(ranges)
        and all(
            any(place.first <= one.first and one.last <= place.last for place in places) for one in ranges
        )
        and all(_extent(known, name) >= _extent(new, name) for name in _EXTENTS)
    )


def _frame_ranges(finding: Finding) -> list[FrameRange]:
    return [part for part in finding.evidence if isinstance(part, FrameRange)]


def _extent(finding: Finding, name: str) -> float:
    value = finding.attributes.get(name)
    return float(value) if isinstance(value, int | float) else 0.0


def _new_texts(known: Sequence[MediaText], found: Sequence[MediaText]) -> list[MediaText]:
    seen = {one.text.casefold() for one in known}
    return [one for one in found if one.text.casefold() not in seen]


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
