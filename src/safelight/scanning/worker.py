"""The scan itself, inside a sandboxed child: one walk, every detector, findings and stills out."""

from __future__ import annotations

import time
from enum import StrEnum
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from typing import Any

import msgspec

from safelight.media.decode import VideoDecoder
from safelight.media.images import ImageLimits
from safelight.media.probe import VideoLimits
from safelight.sandbox.child_main import ChildChannel
from safelight.scanning.audio import scan_audio
from safelight.scanning.audio_report import AudioReport
from safelight.scanning.detector_runner import DetectorRunner
from safelight.scanning.image_scan import downscale, scan_views
from safelight.scanning.keyframes import KEYFRAME_SIDE_PX, KeyframeWriter
from safelight.scanning.report import WorkerResult
from safelight.scanning.sampling import SamplingConfig
from safelight.scanning.video_scan import OutputDirs, VideoScan


class DetectorSet(msgspec.Struct, frozen=True, kw_only=True):
    """Which detectors to load, each with its options, and how long one call may take."""

    specs: tuple[tuple[str, dict[str, Any]], ...]
    call_s: float = 20.0


class VideoScanTask(msgspec.Struct, frozen=True, kw_only=True):
    path: str
    detectors: DetectorSet
    limits: VideoLimits
    rules: SamplingConfig = SamplingConfig()
    #: Seconds after which the walk stops and says so; a little less than the sandbox's own limit.
    budget_s: float = 540.0
    #: Where to put stills; empty: none are made.
    stills: str = ""
    #: Where to put the frames that detectors outside of the child look at; empty: there are none.
    looks: str = ""
    #: Where to put files of speech; empty: none are made.
    speech: str = ""
    threads: int = 1


class ImagePass(StrEnum):
    """Which detectors look at a picture."""

    WHOLE = "whole"
    #: All but the costly ones: the look that may be enough to block.
    QUICK = "quick"
    #: The costly ones, which the quick look left out.
    REST = "rest"


class ImageScanTask(msgspec.Struct, frozen=True, kw_only=True):
    path: str
    detectors: DetectorSet
    limits: ImageLimits
    #: The request field the picture came in.
    field: str = ""
    part: ImagePass = ImagePass.WHOLE
    #: As for clips.
    looks: str = ""


def preload(argument: Any, _link: ChildChannel) -> None:
    """Load the detectors before the first call, and the libraries that pictures need."""
    import cv2
    from PIL import Image

    # Its worker threads would outlive the call, and a process with threads must not fork.
    cv2.setNumThreads(1)
    Image.preinit()
    import_module("PIL.WebPImagePlugin")
    scan_views(None, _ready(msgspec.convert(argument, DetectorSet)), field="")


def scan_image(argument: Any, _link: ChildChannel) -> WorkerResult:
    """Look at one picture with every detector of pictures. Raises `InvalidMedia`, `TooLarge`."""
    from safelight.media.images import read_image

    began = time.perf_counter()
    task = msgspec.convert(argument, ImageScanTask)
    turns = _ready(task.detectors)
    if task.part is ImagePass.REST:
        turns = tuple(turn for turn in turns if turn.is_slow)
    facts, views = read_image(Path(task.path), task.limits)
    if task.part is ImagePass.QUICK:
        for turn in turns:
            if turn.is_slow:
                turn.mark_failed(f"{turn.name} was left out of the first, quick look.")
    findings, texts = scan_views(views, turns, field=task.field)
    if facts.looked_at < facts.frames:
        for turn in turns:
            turn.mark_failed(
                f"Only {facts.looked_at} of {facts.frames} frames of the animation were looked at."
            )
    looks = KeyframeWriter(Path(task.looks) if task.looks else None)
    for index, view in enumerate(views):
        looks.add(index, downscale(view, KEYFRAME_SIDE_PX))
    return WorkerResult(
        keyframes=looks.keyframes(None),
        selected_frames=looks.offered,
        findings=tuple(findings),
        texts=tuple(texts),
        runs=tuple(turn.record() for turn in turns),
        image=facts,
        wall_s=round(time.perf_counter() - began, 3),
    )


def scan_video(argument: Any, link: ChildChannel) -> WorkerResult:
    """Walk over all frames and the sound of a clip. Raises `InvalidMedia`, `TooLarge`.

    Progress: `{"frame": n, "frames": of how many (0: not known)}`.
    """
    began = time.perf_counter()
    task = msgspec.convert(argument, VideoScanTask)
    walk = VideoDecoder(Path(task.path), task.limits, threads=task.threads)
    scan = VideoScan(
        walk,
        _ready(task.detectors),
        rules=task.rules,
        budget_s=task.budget_s,
        folders=OutputDirs(
            stills=Path(task.stills) if task.stills else None,
            looks=Path(task.looks) if task.looks else None,
            speech=Path(task.speech) if task.speech else None,
        ),
        progress=link.progress,
        began=began,
    )
    scan.scan_frames()
    scan.scan_audio(Path(task.path), task.limits)
    return scan.result()


class RecordingScanTask(msgspec.Struct, frozen=True, kw_only=True):
    """Sound alone. `speech`: where to put files of what is spoken."""

    path: str
    detectors: DetectorSet
    limits: VideoLimits
    speech: str


def scan_recording(argument: Any, _link: ChildChannel) -> AudioReport:
    """Listen to a recording. Raises `InvalidMedia`, `TooLarge`."""
    task = msgspec.convert(argument, RecordingScanTask)
    turns = _ready(task.detectors)
    heard = scan_audio(Path(task.path), task.limits, turns, Path(task.speech), audio_only=True).report
    assert heard is not None
    return heard


def _ready(detectors: DetectorSet) -> tuple[DetectorRunner, ...]:
    """The detectors with a fresh account each, loaded where this process has not loaded them yet."""
    turns = _loaded(msgspec.json.encode(detectors.specs), detectors.call_s)
    for turn in turns:
        turn.reset()
    return turns


@lru_cache(maxsize=4)
def _loaded(specs: bytes, call_s: float) -> tuple[DetectorRunner, ...]:
    """Keyed by their description."""
    wanted = msgspec.json.decode(specs, type=tuple[tuple[str, dict[str, Any]], ...])
    return tuple(DetectorRunner(name, options, call_s=call_s) for name, options in wanted)
