"""The scan itself, inside a sandboxed child: one walk, every detector, findings and stills out."""

from __future__ import annotations

import time
from enum import StrEnum
from functools import lru_cache, partial
from importlib import import_module
from pathlib import Path
from typing import Any

import msgspec

from safelight.detectors.protocol import Frame, FrameDetector, FrameReader, ReadText
from safelight.media.child import Link
from safelight.media.pictures import PictureLimits
from safelight.media.probe import VideoLimits
from safelight.media.walk import DecodedFrame, Walk
from safelight.policy.findings import Finding
from safelight.scanning.looks import LONGEST, Looks
from safelight.scanning.pictures import look_at, reduced
from safelight.scanning.reading import merged
from safelight.scanning.report import ScanAnswer
from safelight.scanning.schedule import TINY_SIDE, Rules, Scheduler, Why
from safelight.scanning.segments import Look, join
from safelight.scanning.sound import Listened, listen
from safelight.scanning.souvenirs import Souvenirs
from safelight.scanning.turns import Turn

_PROGRESS_S = 0.25
#: Calls without a finding that a segment survives: a quarter of a second of frames, or one scheduled look.
_BRIDGE_EVERY, _BRIDGE_SCHEDULED = 6, 1


class Detectors(msgspec.Struct, frozen=True, kw_only=True):
    """Which detectors to load, each with its options, and how long one call may take."""

    specs: tuple[tuple[str, dict[str, Any]], ...]
    call_s: float = 20.0


class VideoTask(msgspec.Struct, frozen=True, kw_only=True):
    path: str
    detectors: Detectors
    limits: VideoLimits
    rules: Rules = Rules()
    #: Seconds after which the walk stops and says so; a little less than the sandbox's own limit.
    budget_s: float = 540.0
    #: Where to put stills; empty: none are made.
    stills: str = ""
    #: Where to put the frames that detectors outside of the child look at; empty: there are none.
    looks: str = ""
    #: Where to put files of speech; empty: none are made.
    speech: str = ""
    threads: int = 1


class Part(StrEnum):
    """Which detectors look at a picture."""

    WHOLE = "whole"
    #: All but the costly ones: the look that may be enough to block.
    QUICK = "quick"
    #: The costly ones, which the quick look left out.
    REST = "rest"


class PictureTask(msgspec.Struct, frozen=True, kw_only=True):
    path: str
    detectors: Detectors
    limits: PictureLimits
    #: The request field the picture came in.
    field: str = ""
    part: Part = Part.WHOLE
    #: As for clips.
    looks: str = ""


def preload(argument: Any, _link: Link) -> None:
    """Load the detectors before the first call, and the libraries that pictures need."""
    import cv2
    from PIL import Image

    # Its worker threads would outlive the call, and a process with threads must not fork.
    cv2.setNumThreads(1)
    Image.preinit()
    import_module("PIL.WebPImagePlugin")
    look_at(None, _ready(msgspec.convert(argument, Detectors)), field="")


def scan_picture(argument: Any, _link: Link) -> ScanAnswer:
    """Look at one picture with every detector of pictures. Raises `InvalidMedia`, `TooLarge`."""
    from safelight.media.pictures import read_picture

    began = time.perf_counter()
    task = msgspec.convert(argument, PictureTask)
    turns = _ready(task.detectors)
    if task.part is Part.REST:
        turns = tuple(turn for turn in turns if turn.costly)
    facts, views = read_picture(Path(task.path), task.limits)
    if task.part is Part.QUICK:
        for turn in turns:
            if turn.costly:
                turn.fault(f"{turn.name} was left out of the first, quick look.")
    findings, texts = look_at(views, turns, field=task.field)
    if facts.looked_at < facts.frames:
        for turn in turns:
            turn.fault(f"Only {facts.looked_at} of {facts.frames} frames of the animation were looked at.")
    looks = Looks(Path(task.looks) if task.looks else None)
    for index, view in enumerate(views):
        looks.keep(index, reduced(view, LONGEST))
    return ScanAnswer(
        looks=looks.answer([]),
        chosen=looks.chosen,
        findings=tuple(findings),
        texts=tuple(texts),
        runs=tuple(turn.record() for turn in turns),
        picture=facts,
        wall_s=round(time.perf_counter() - began, 3),
    )


def scan_video(argument: Any, link: Link) -> ScanAnswer:
    """Walk over all frames and the sound of a clip. Raises `InvalidMedia`, `TooLarge`.

    Progress: `{"frame": n, "frames": of how many (0: not known)}`.
    """
    began = time.perf_counter()
    task = msgspec.convert(argument, VideoTask)
    walk = Walk(Path(task.path), task.limits, threads=task.threads)
    scan = _VideoScan(walk, task, link, began)
    scan.look()
    scan.listen()
    return scan.answer()


def _ready(detectors: Detectors) -> tuple[Turn, ...]:
    """The detectors with a fresh account each, loaded where this process has not loaded them yet."""
    turns = _loaded(msgspec.json.encode(detectors.specs), detectors.call_s)
    for turn in turns:
        turn.reset()
    return turns


@lru_cache(maxsize=4)
def _loaded(specs: bytes, call_s: float) -> tuple[Turn, ...]:
    """Keyed by their description."""
    wanted = msgspec.json.decode(specs, type=tuple[tuple[str, dict[str, Any]], ...])
    return tuple(Turn(name, options, call_s=call_s) for name, options in wanted)


class _VideoScan:
    def __init__(self, walk: Walk, task: VideoTask, link: Link, began: float) -> None:
        self._walk = walk
        self._task = task
        self._link = link
        self._began = began
        self._budget_s = task.budget_s
        self._turns = _ready(task.detectors)
        self._every = [turn for turn in self._turns if _sees_every_frame(turn)]
        self._scheduled = [turn for turn in self._turns if _is_scheduled(turn)]
        self._scheduler = Scheduler(task.rules)
        self._frames: list[tuple[int, float]] = []
        self._looked: list[int] = []
        self._found: dict[str, list[tuple[int, Finding]]] = {turn.name: [] for turn in self._turns}
        self._listened = Listened()
        self._read: list[list[ReadText]] = []
        self._souvenirs = Souvenirs(Path(task.stills) if task.stills else None, walk.facts)
        self._looks_kept = Looks(Path(task.looks) if task.looks else None)

    def look(self) -> None:
        total, told = self._walk.facts.frames, 0.0
        previous: DecodedFrame | None = None
        for frame in self._walk.frames():
            now = time.perf_counter()
            if now - self._began > self._budget_s:
                self._give_up(frame.index, total)
                break
            if now - told > _PROGRESS_S:
                self._link.progress({"frame": frame.index, "frames": total})
                told = now
            self._frames.append((frame.index, frame.time_s))
            for turn in self._every:
                self._show(turn, frame, look=frame.index)
            if self._scheduled or self._looks_kept.wanted:
                self._consider(frame, previous)
            self._souvenirs.pass_by(frame)
            previous = frame
        if previous is not None and self._looked and self._looked[-1] != previous.index:
            self._look_closely(previous, Why.LAST)
        self._link.progress({"frame": len(self._frames), "frames": max(total, len(self._frames))})

    def listen(self) -> None:
        if self._walk.facts.audio_codec is not None:
            into = Path(self._task.speech) if self._task.speech else None
            self._listened = listen(Path(self._task.path), self._task.limits, self._turns, into)

    def answer(self) -> ScanAnswer:
        schedule = self._scheduler.record()
        for turn in self._scheduled:
            if turn.usable and schedule.looked_at < schedule.frames:
                turn.remark(f"Looked at {schedule.looked_at} of {schedule.frames} frames, by the schedule.")
        findings = list(self._listened.findings)
        every = self._looks([index for index, _ in self._frames])
        scheduled = self._looks(self._looked)
        for turn in self._every:
            findings += join(self._found[turn.name], every, bridge=_BRIDGE_EVERY)
        for turn in self._scheduled:
            findings += join(self._found[turn.name], scheduled, bridge=_BRIDGE_SCHEDULED)
        stills = self._souvenirs.write()
        return ScanAnswer(
            looks=self._looks_kept.answer(every),
            chosen=self._looks_kept.chosen,
            findings=tuple(findings),
            texts=tuple(merged(self._read)),
            heard=self._listened.heard,
            sound=self._listened.sound,
            runs=tuple(turn.record() for turn in self._turns),
            facts=self._walk.facts,
            schedule=schedule if self._looked else None,
            thumbnail=stills.thumbnail,
            sheet=stills.sheet,
            evidence=stills.evidence,
            wall_s=round(time.perf_counter() - self._began, 3),
        )

    def _consider(self, frame: DecodedFrame, previous: DecodedFrame | None) -> None:
        why = self._scheduler.decide(frame.tiny(TINY_SIDE), frame.time_s)
        if why is None:
            return
        if why is Why.JUMP and previous is not None and self._looked[-1] != previous.index:
            self._look_closely(previous, Why.NEIGHBOUR)
        self._look_closely(frame, None, pressing=why is Why.JUMP)

    def _look_closely(self, frame: DecodedFrame, uncounted: Why | None, *, pressing: bool = False) -> None:
        if uncounted is not None:
            self._scheduler.count(uncounted)
        self._looked.append(frame.index)
        if self._looks_kept.wanted:
            self._looks_kept.keep(
                frame.index, frame.at(LONGEST), pressing=pressing or uncounted is Why.NEIGHBOUR
            )
        for turn in self._scheduled:
            self._show(turn, frame, look=len(self._looked) - 1)

    def _show(self, turn: Turn, frame: DecodedFrame, *, look: int) -> None:
        detector = turn.detector
        if isinstance(detector, FrameDetector):
            shown = _shown(frame, detector.longest_side)
            for finding in turn.findings(partial(detector.inspect_frame, shown)):
                self._found[turn.name].append((look, finding))
                self._souvenirs.consider(finding, frame)
        elif isinstance(detector, FrameReader):
            shown = _shown(frame, detector.longest_side)
            self._read.append(turn.texts(partial(detector.read_frame, shown)))

    def _looks(self, indices: list[int]) -> list[Look]:
        """When the frames with these numbers start and end."""
        starts = [start for _, start in self._frames]
        last = self._walk.facts.fps and 1 / self._walk.facts.fps
        return [
            Look(
                frame=index,
                start_s=starts[index],
                end_s=starts[index + 1] if index + 1 < len(starts) else starts[index] + last,
            )
            for index in indices
        ]

    def _give_up(self, index: int, total: int) -> None:
        for turn in (*self._every, *self._scheduled):
            turn.fault(
                f"The time of {self._budget_s:g} s ran out after frame {index}"
                + (f" of {total}." if total else ".")
            )


def _sees_every_frame(turn: Turn) -> bool:
    return isinstance(turn.detector, FrameDetector) and turn.detector.every_frame


def _is_scheduled(turn: Turn) -> bool:
    detector = turn.detector
    return isinstance(detector, FrameReader) or (
        isinstance(detector, FrameDetector) and not detector.every_frame
    )


def _shown(frame: DecodedFrame, longest_side: int) -> Frame:
    return Frame(
        index=frame.index,
        time_s=frame.time_s,
        pixels=frame.at(longest_side),
        width=frame.width,
        height=frame.height,
    )
