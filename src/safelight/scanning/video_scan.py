"""One walk over a clip: every frame decoded once, compared with its neighbours, shown to the detectors."""

from __future__ import annotations

import time
from array import array
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

import msgspec

from safelight.detectors.box_tracker import overlap
from safelight.detectors.protocol import (
    Frame,
    FrameDetector,
    MediaText,
    OcrReader,
    StreamDetector,
)
from safelight.media.decode import DecodedFrame, DownscaledFrame, VideoDecoder
from safelight.media.probe import VideoLimits
from safelight.policy.findings import Finding, ImageBox
from safelight.scanning.audio import AudioResult, scan_audio
from safelight.scanning.detector_runner import DetectorRunner
from safelight.scanning.frame_difference import COMPARED_SIDE_PX, FrameComparator, Novelty
from safelight.scanning.keyframes import KEYFRAME_SIDE_PX, KeyframeWriter
from safelight.scanning.ocr_merge import MAX_TEXTS, OcrTextMerger
from safelight.scanning.overlay import OverlayCrop, extract_overlay
from safelight.scanning.previews import PreviewCollector
from safelight.scanning.report import WorkerResult
from safelight.scanning.sampling import FrameSampler, SampledFrame, SampleReason, SamplingConfig
from safelight.scanning.segments import FrameTiming, SegmentBuilder
from safelight.scanning.subliminal import find_brief_appearances

_PROGRESS_S = 0.25
#: Calls without a finding that a segment survives: a fifth of a second of frames; of scheduled looks none.
_BRIDGE_EVERY, _BRIDGE_SCHEDULED = 6, 0
#: Size of the frames that parts are cut from, and how much a small part is enlarged at most.
_CUT_FROM, _ENLARGED = 1280, 3.0
#: What came so many frames ago at the most may be what is gone now: it is no ground then. And how far back
#: the ground is taken from where things come and go all the time.
_SHORTLY, _BACK = 2, 6
#: A part that is nearly all of the picture is shown as all of it.
_NEARLY_ALL = 0.6
#: Two findings of a kind in one frame that overlap so much are one.
_SAME = 0.5


@dataclass(frozen=True, kw_only=True)
class OutputDirs:
    """Where what a scan writes goes; None: it writes none."""

    stills: Path | None = None
    #: Frames for detectors outside of the child, and speech for who transcribes there.
    looks: Path | None = None
    speech: Path | None = None


class VideoScan:
    """A walk in the making: `look`, `listen`, then `answer`."""

    def __init__(
        self,
        walk: VideoDecoder,
        turns: tuple[DetectorRunner, ...],
        *,
        rules: SamplingConfig,
        budget_s: float,
        folders: OutputDirs,
        progress: Any,
        began: float,
    ) -> None:
        self._walk = walk
        self._turns = turns
        self._budget_s = budget_s
        self._progress = progress
        self._began = began
        self._cpu_began = time.process_time()
        self._every = [turn for turn in turns if _sees_every_frame(turn)]
        self._scheduled = [turn for turn in turns if _is_scheduled(turn)]
        self._films = [turn for turn in turns if isinstance(turn.detector, StreamDetector)]
        self._watch = FrameComparator(rules.levels)
        self._scheduler = FrameSampler(rules)
        self._starts = array("d")
        self._looked = array("q")
        self._last_seen: DownscaledFrame | None = None
        #: The last frame in which something stood out or came, and the one before it.
        self._struck = -_BACK
        self._unstruck: DecodedFrame | None = None
        #: How long the last frame lasts.
        last_s = walk.info.fps and 1 / walk.info.fps
        self._frames = _Calls(self._starts, None, last_s)
        chosen = _Calls(self._starts, self._looked, last_s)
        self._joiners = {
            turn.name: SegmentBuilder(self._frames, bridge=_BRIDGE_EVERY)
            if turn in self._every
            else SegmentBuilder(chosen, bridge=_BRIDGE_SCHEDULED)
            for turn in turns
        }
        self._told: list[Finding] = []
        self._listened = AudioResult()
        self._speech = folders.speech
        self._looks = KeyframeWriter(folders.looks)
        self._texts = OcrTextMerger()
        self._souvenirs = PreviewCollector(folders.stills, walk.info)
        for turn in self._films:
            if isinstance(turn.detector, StreamDetector):
                turn.notify(turn.detector.begin)

    def scan_frames(self) -> None:
        """Walk over all frames, or as many as the time allows."""
        total, told = self._walk.info.frames, 0.0
        for before, frame, after in _with_neighbours(self._walk.frames()):
            now = time.perf_counter()
            if now - self._began > self._budget_s:
                self._give_up(frame.index, total)
                break
            if now - told > _PROGRESS_S:
                self._progress({"frame": frame.index, "frames": total})
                told = now
            self._see(before, frame, after)
        seen = len(self._starts)
        self._progress({"frame": seen, "frames": max(total, seen)})
        for turn in self._films:
            if isinstance(turn.detector, StreamDetector):
                self._told += turn.findings(turn.detector.findings)

    def scan_audio(self, path: Path, limits: VideoLimits) -> None:
        """Give the whole sound to those who listen."""
        if self._walk.info.audio_codec is not None:
            self._listened = scan_audio(path, limits, self._turns, self._speech)

    def result(self) -> WorkerResult:
        schedule = self._scheduler.report()
        for turn in self._scheduled:
            if self._scheduler.budget_gap:
                turn.mark_failed(self._scheduler.budget_gap)
            elif turn.usable and schedule.looked_at < schedule.frames:
                turn.add_note(f"Looked at {schedule.looked_at} of {schedule.frames} frames, by the schedule.")
        findings = [*self._told, *self._listened.findings]
        for turn in (*self._every, *self._scheduled):
            joiner = self._joiners[turn.name]
            findings += joiner.segments()
            if joiner.dropped:
                turn.add_note(
                    f"{joiner.dropped} findings are not listed: there were too many stronger ones."
                )
        texts = self._texts.texts()
        scheduled = {turn.name for turn in self._scheduled}
        findings += find_brief_appearances(
            self._scheduler.notable_frames, self._frames, findings, texts, scheduled=scheduled
        )
        stills = self._souvenirs.write()
        return WorkerResult(
            findings=tuple(findings),
            keyframes=self._looks.keyframes(self._frames.__getitem__),
            selected_frames=self._looks.offered,
            texts=tuple(texts),
            transcript=self._listened.transcript,
            audio=self._listened.report,
            runs=tuple(turn.record() for turn in self._turns),
            media=self._walk.info,
            sampling=schedule if self._scheduled or self._looks.enabled else None,
            thumbnail=stills.thumbnail,
            contact_sheet=stills.contact_sheet,
            evidence=stills.evidence,
            wall_s=round(time.perf_counter() - self._began, 3),
            cpu_s=round(time.process_time() - self._cpu_began, 3),
        )

    def _see(self, before: DecodedFrame | None, frame: DecodedFrame, after: DecodedFrame | None) -> None:
        self._starts.append(frame.time_s)
        small = frame.downscaled(COMPARED_SIDE_PX)
        new = self._watch.compare(
            before.downscaled(COMPARED_SIDE_PX) if before is not None else None,
            small,
            after.downscaled(COMPARED_SIDE_PX) if after is not None else None,
        )
        look = self._decide(frame, small, new, last=after is None)
        views = self._views(look, new, before, frame, after)
        self._remember(look, before, frame)
        for turn in self._films:
            detector: Any = turn.detector
            turn.notify(partial(detector.watch, _shown(frame, detector.longest_side)))
        for turn in self._every:
            self._show(turn, frame, views, call=frame.index)
        if look is not None and (self._scheduled or self._looks.enabled):
            self._last_seen = small
            self._looked.append(frame.index)
            if self._looks.enabled:
                pressing = look.why in (SampleReason.OUTLIER, SampleReason.APPEARED)
                self._looks.add(frame.index, frame.resized(KEYFRAME_SIDE_PX), pressing=pressing)
            for turn in self._scheduled:
                self._show(turn, frame, views, call=len(self._looked) - 1)
        self._souvenirs.add_frame(frame)

    def _decide(
        self, frame: DecodedFrame, small: DownscaledFrame, new: Novelty, *, last: bool
    ) -> SampledFrame | None:
        scheduler = self._scheduler
        look = scheduler.decide(frame.index, frame.time_s, new)
        if look is None and self._last_seen is not None and scheduler.wants_comparison(frame.index):
            look = scheduler.note_change(
                frame.index, frame.time_s, *self._watch.distance(small, self._last_seen)
            )
        if look is None and last:
            look = scheduler.sample_last(frame.index, frame.time_s)
        return look

    def _views(
        self,
        look: SampledFrame | None,
        new: Novelty,
        before: DecodedFrame | None,
        frame: DecodedFrame,
        after: DecodedFrame | None,
    ) -> list[OverlayCrop]:
        """The part of the frame that is new: as it is, and lifted off what its neighbours have there."""
        if (
            look is None
            or look.region is None
            or look.why not in (SampleReason.OUTLIER, SampleReason.APPEARED)
        ):
            return []
        x, y, w, h = look.region
        whole = w * h > _NEARLY_ALL
        if whole:
            x, y, w, h = 0.0, 0.0, 1.0, 1.0
        pixels = frame.resized(_CUT_FROM)
        height, width = pixels.shape[:2]
        left, top = int(x * width), int(y * height)
        right, bottom = max(left + 8, round((x + w) * width)), max(top + 8, round((y + h) * height))
        window = (slice(top, min(bottom, height)), slice(left, min(right, width)))
        part = pixels[window]
        place = (left / width, top / height, part.shape[1] / width, part.shape[0] / height)
        views = [] if whole else [_view(part, place)]
        # What came and stayed is in the next frame as well.
        sides = [(before, new.flow_before)]
        if look.why is SampleReason.APPEARED and self._unstruck is not None:
            # What was there for a moment would show in it turned round, as if it had come now.
            sides = [(self._unstruck, self._watch.flow(frame.downscaled(COMPARED_SIDE_PX), self._unstruck.downscaled(COMPARED_SIDE_PX)))]
        if look.why is SampleReason.OUTLIER and before is not None and after is not None:
            ways = self._watch.flows_to_neighbours(before.downscaled(COMPARED_SIDE_PX), after.downscaled(COMPARED_SIDE_PX))
            if ways is not None:
                sides = [(before, ways[0]), (after, ways[1])]
        grounds = [
            self._watch.background(other.resized(_CUT_FROM), flow, window, frame.downscaled(COMPARED_SIDE_PX), other.downscaled(COMPARED_SIDE_PX))
            for other, flow in sides
            if other is not None and flow is not None and other.resized(_CUT_FROM).shape == pixels.shape
        ]
        clearer = extract_overlay(part, grounds) if grounds else None
        if clearer is not None:
            whole_part = _view(part, place)
            placed = whole_part.to_frame_box(clearer.x, clearer.y, clearer.w, clearer.h)
            views.append(_view(clearer.pixels, placed))
        return views

    def _remember(self, look: SampledFrame | None, before: DecodedFrame | None, frame: DecodedFrame) -> None:
        """Keep the frame before something came, for as long as it may be gone again."""
        struck = look is not None and look.why in (SampleReason.OUTLIER, SampleReason.APPEARED)
        if struck:
            self._struck = frame.index
            self._unstruck = self._unstruck or before
        old = self._unstruck is not None and frame.index - self._unstruck.index >= _BACK
        if old or frame.index - self._struck >= _SHORTLY:
            self._unstruck = None

    def _show(
        self, turn: DetectorRunner, frame: DecodedFrame, views: list[OverlayCrop], *, call: int
    ) -> None:
        detector: Any = turn.detector
        parts = views if views and getattr(detector, "parts", False) else []
        if turn.sees_frames:
            shown = _shown(frame, detector.longest_side)
            found = turn.findings(partial(detector.inspect_frame, shown))
            for view in parts:
                part = _part(frame, view, detector.longest_side)
                found += [_placed(one, view) for one in turn.findings(partial(detector.inspect_frame, part))]
            found = _once(found) if parts else found
            self._joiners[turn.name].add(call, found)
            for finding in found:
                self._souvenirs.add_evidence(finding, frame)
        elif turn.reads_text:
            if not parts:
                shown = _shown(frame, detector.longest_side)
                self._texts.add(turn.texts(partial(detector.read_frame, shown)))
                self._fill(turn)
            for view in parts:
                # What was there before is read by the second; reading it again costs most of a look.
                part = _part(frame, view, detector.longest_side)
                read = turn.texts(partial(detector.read_frame, part))
                self._texts.add_from_crop(_moved(one, view) for one in read)
                self._fill(turn)

    def _fill(self, turn: DetectorRunner) -> None:
        if self._texts.full:
            turn.mark_failed(f"More than {MAX_TEXTS:,} texts were read; those after that are not judged.")

    def _give_up(self, index: int, total: int) -> None:
        for turn in (*self._every, *self._scheduled, *self._films):
            turn.mark_failed(
                f"The time of {self._budget_s:g} s ran out after frame {index}"
                + (f" of {total}." if total else ".")
            )


class _Calls:
    """When the frame of each call starts and ends; without a list of frames, every frame is a call."""

    def __init__(self, starts: array[float], frames: array[int] | None, last_s: float) -> None:
        self._starts = starts
        self._frames = frames
        self._last_s = last_s

    def __getitem__(self, call: int) -> FrameTiming:
        frame = call if self._frames is None else self._frames[call]
        start = self._starts[frame]
        end = self._starts[frame + 1] if frame + 1 < len(self._starts) else start + self._last_s
        return FrameTiming(frame=frame, start_s=start, end_s=end)


def _with_neighbours(
    frames: Iterator[DecodedFrame],
) -> Iterator[tuple[DecodedFrame | None, DecodedFrame, DecodedFrame | None]]:
    before: DecodedFrame | None = None
    frame: DecodedFrame | None = None
    for after in chain(frames, (None,)):
        if frame is not None:
            yield before, frame, after
        before, frame = frame, after


def _sees_every_frame(turn: DetectorRunner) -> bool:
    return isinstance(turn.detector, FrameDetector) and turn.detector.every_frame


def _is_scheduled(turn: DetectorRunner) -> bool:
    detector = turn.detector
    return isinstance(detector, OcrReader) or (
        isinstance(detector, FrameDetector) and not detector.every_frame
    )


def _shown(frame: DecodedFrame, longest_side: int) -> Frame:
    return Frame(
        index=frame.index,
        time_s=frame.time_s,
        pixels=frame.resized(longest_side),
        width=frame.width,
        height=frame.height,
    )


def _view(pixels: Any, place: tuple[float, float, float, float]) -> OverlayCrop:
    x, y, w, h = place
    return OverlayCrop(pixels=pixels, x=x, y=y, w=w, h=h)


def _part(frame: DecodedFrame, view: OverlayCrop, longest_side: int) -> Frame:
    """A part of the frame at the size the detector wants, a small one enlarged."""
    import cv2

    height, width = view.pixels.shape[:2]
    longest = max(width, height)
    scale = min((longest_side or longest) / longest, _ENLARGED)
    pixels = view.pixels
    if scale != 1:
        size = (max(round(width * scale), 1), max(round(height * scale), 1))
        way = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
        pixels = cv2.resize(pixels, size, interpolation=way).astype("uint8", copy=False)
    return Frame(
        index=frame.index,
        time_s=frame.time_s,
        pixels=pixels,
        width=max(round(frame.width * view.w), 1),
        height=max(round(frame.height * view.h), 1),
        part=(view.x, view.y, view.w, view.h),
    )


def _placed(finding: Finding, view: OverlayCrop) -> Finding:
    """A finding in a part of the frame as one in the frame."""
    evidence = tuple(
        msgspec.structs.replace(one, **dict(zip("xywh", view.to_frame_box(*one.sides), strict=True)))
        if isinstance(one, ImageBox)
        else one
        for one in finding.evidence
    )
    attributes = dict(finding.attributes)
    area = attributes.get("area")
    if isinstance(area, float):
        attributes["area"] = round(area * view.w * view.h, 5)
    return msgspec.structs.replace(finding, evidence=evidence, attributes=attributes)


def _moved(text: MediaText, view: OverlayCrop) -> MediaText:
    return text if text.box is None else replace(text, box=view.to_frame_box(*text.box))


def _once(found: list[Finding]) -> list[Finding]:
    """What several views of a frame show, once: of findings of a kind at one place the surest."""
    kept: list[tuple[Finding, tuple[float, float, float, float] | None]] = []
    for finding in sorted(found, key=lambda one: -one.score):
        box = next((one.sides for one in finding.evidence if isinstance(one, ImageBox)), None)
        if not any(_alike(finding, box, other, place) for other, place in kept):
            kept.append((finding, box))
    return [finding for finding, _box in kept]


def _alike(
    one: Finding,
    box: tuple[float, float, float, float] | None,
    other: Finding,
    place: tuple[float, float, float, float] | None,
) -> bool:
    kind, same = one.attributes.get("kind"), other.attributes.get("kind")
    if (one.category, kind, one.test_card) != (other.category, same, other.test_card):
        return False
    return box is None or place is None or overlap(box, place) >= _SAME
