"""Scan of one clip: decodes every frame once, compares it with its neighbours and runs the detectors."""

from __future__ import annotations

import time
from array import array
from bisect import bisect_right
from collections.abc import Callable, Iterator
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from safelight.core.arrays import Pixels
from safelight.detectors.protocol import FrameDetector, MediaText, OcrReader, StreamDetector
from safelight.media import thumbnails
from safelight.media.decode import DecodedFrame, DownscaledFrame, VideoDecoder
from safelight.media.frame_views import FrameView
from safelight.media.probe import MediaInfo
from safelight.media.subtitles import Subtitles
from safelight.policy.findings import Finding

from .audio import AudioResult, scan_audio
from .detector_runner import DetectorRunner
from .frame_crops import (
    NoveltyCropper,
    crop_input,
    deduplicate,
    finding_in_frame,
    frame_input,
    is_notable,
    text_in_frame,
)
from .frame_difference import COMPARED_SIDE_PX, FrameComparator, Novelty
from .keyframes import KEYFRAME_SIDE_PX, KeyframeWriter
from .ocr_merge import MAX_TEXTS, OcrTextMerger
from .overlay import OverlayCrop
from .report import WorkerResult
from .sampling import FrameSampler, SampledFrame
from .segments import FrameTiming, SegmentBuilder
from .subliminal import find_brief_appearances
from .tasks import VideoScanTask

_THUMBNAIL_SIDE_PX, _SHEET_SIDE_PX, _EVIDENCE_SIDE_PX = 480, 240, 640
_SHEET_FRAMES = 20
#: Twice the frames of the contact sheet. If more are buffered, every second one is dropped and the stride
#: doubles, so that the frames stay evenly spaced.
_MAX_BUFFERED_FRAMES = 2 * _SHEET_FRAMES
_PROGRESS_S = 0.25
#: A segment continues over this many calls without a finding: 0.2 s for detectors that inspect every frame.
_BRIDGE_EVERY_FRAME, _BRIDGE_SAMPLED = 6, 0

# Preview images of a clip for reviewers: thumbnail, contact sheet, blurred evidence images.


class Previews(msgspec.Struct, frozen=True, kw_only=True):
    """Paths of the preview images that were written; empty if no previews were requested."""

    thumbnail: str = ""
    contact_sheet: str = ""
    blurred_sheet: str = ""
    evidence: dict[str, str] = {}


class PreviewCollector:
    """Collects preview frames while the clip is decoded; `write` stores them afterwards."""

    def __init__(self, folder: Path | None, info: MediaInfo) -> None:
        self._folder = folder
        self._stride = 1
        self._buffered: list[tuple[int, Pixels]] = []
        self._middle_s = info.duration_s / 2
        self._thumbnail: Pixels | None = None
        self._strongest: dict[str, tuple[float, Pixels]] = {}

    def add_frame(self, frame: DecodedFrame) -> None:
        """Add the next decoded frame as a candidate for the thumbnail and for the contact sheet."""
        if self._folder is None:
            return
        if self._thumbnail is None or (frame.time_s <= self._middle_s and frame.index % 12 == 0):
            self._thumbnail = frame.resized(_THUMBNAIL_SIDE_PX)
        if frame.index % self._stride == 0:
            self._buffered.append((frame.index, frame.resized(_SHEET_SIDE_PX)))
            if len(self._buffered) > _MAX_BUFFERED_FRAMES:
                self._stride *= 2
                self._buffered = [entry for entry in self._buffered if entry[0] % self._stride == 0]

    def add_evidence(self, finding: Finding, frame: DecodedFrame) -> None:
        """Keep the frame as evidence if the finding has the highest score of its category until now."""
        if self._folder is None:
            return
        strongest = self._strongest.get(finding.category)
        if strongest is None or finding.score > strongest[0]:
            self._strongest[finding.category] = (finding.score, frame.resized(_EVIDENCE_SIDE_PX))

    def write(self) -> Previews:
        """Write all previews. An `OSError` while writing loses previews, but no findings."""
        if self._folder is None or self._thumbnail is None:
            return Previews()
        try:
            return self._write_all(self._folder, self._thumbnail)
        except OSError:
            return Previews()

    def _write_all(self, folder: Path, thumbnail: Pixels) -> Previews:
        indices = (
            np.linspace(0, len(self._buffered) - 1, min(_SHEET_FRAMES, len(self._buffered)))
            .round()
            .astype(int)
        )
        frames = [self._buffered[index][1] for index in indices.tolist()]
        evidence = {
            category: str(thumbnails.write_blurred(pixels, folder / f"evidence-{number}.webp"))
            for number, (category, (_score, pixels)) in enumerate(self._strongest.items())
        }
        return Previews(
            thumbnail=str(thumbnails.write_thumbnail(thumbnail, folder / "thumbnail.webp")),
            contact_sheet=str(thumbnails.write_contact_sheet(frames, folder / "sheet.webp")),
            blurred_sheet=str(
                thumbnails.write_contact_sheet(frames, folder / "sheet-blurred.webp", blurred=True)
            ),
            evidence=evidence,
        )


class VideoScan:
    """Scans one clip. Call `scan_frames`, then `scan_audio`, then `result`."""

    def __init__(
        self,
        decoder: VideoDecoder,
        runners: tuple[DetectorRunner, ...],
        task: VideoScanTask,
        *,
        progress: Callable[[dict[str, int]], None],
        started_s: float,
        view: FrameView = FrameView.STORED,
    ) -> None:
        """`started_s`: the start of the worker, as returned by `time.perf_counter`."""
        self._decoder = decoder
        self._runners = runners
        self._task = task
        self._view = view
        self._progress = progress
        self._started_s = started_s
        self._cpu_started_s = time.process_time()
        self._every_frame_runners = [runner for runner in runners if _sees_every_frame(runner)]
        self._sampled_runners = [runner for runner in runners if _sees_sampled_frames(runner)]
        self._stream_runners = [runner for runner in runners if isinstance(runner.detector, StreamDetector)]
        self._comparator = FrameComparator(task.sampling.levels)
        self._cropper = NoveltyCropper(self._comparator)
        self._sampler = FrameSampler(task.sampling)
        self._frame_starts = array("d")
        self._sampled_indices = array("q")
        self._last_sampled: DownscaledFrame | None = None
        last_frame_s = decoder.info.fps and 1 / decoder.info.fps
        self._timings = _CallTimings(self._frame_starts, None, last_frame_s)
        sampled_timings = _CallTimings(self._frame_starts, self._sampled_indices, last_frame_s)
        self._segments = {
            runner.name: SegmentBuilder(self._timings, bridge=_BRIDGE_EVERY_FRAME)
            if runner in self._every_frame_runners
            else SegmentBuilder(sampled_timings, bridge=_BRIDGE_SAMPLED)
            for runner in runners
        }
        self._stream_findings: list[Finding] = []
        self._audio = AudioResult()
        folders = task.output_dirs
        self._speech_dir = folders.speech
        self._keyframes = KeyframeWriter(folders.keyframes)
        self._texts = OcrTextMerger()
        self._previews = PreviewCollector(folders.previews, decoder.info)
        for runner in self._stream_runners:
            if isinstance(runner.detector, StreamDetector):
                runner.notify(runner.detector.begin)

    def scan_frames(self) -> None:
        """Scan all frames, or until the time budget is used up."""
        total, reported_s = self._decoder.info.frames, 0.0
        for before, frame, after in _with_neighbours(self._decoder.frames(self._view)):
            now_s = time.perf_counter()
            if now_s - self._started_s > self._task.budget_s:
                self._stop_early(frame.index, total)
                break
            if now_s - reported_s > _PROGRESS_S:
                self._progress({"frame": frame.index, "frames": total})
                reported_s = now_s
            self._scan_frame(before, frame, after)
        done = len(self._frame_starts)
        self._progress({"frame": done, "frames": max(total, done)})
        for runner in self._stream_runners:
            if isinstance(runner.detector, StreamDetector):
                self._stream_findings += runner.findings(runner.detector.findings)

    def scan_audio(self) -> None:
        """Run the audio detectors on the whole audio, if the clip has any."""
        if self._decoder.info.audio_codec is not None:
            path = Path(self._task.path)
            self._audio = scan_audio(path, self._task.limits, self._runners, self._speech_dir)

    def texts_of(self, subtitles: Subtitles) -> list[MediaText]:
        """The lines of subtitles as texts in the picture, each in the first frame that shows it."""
        return [
            MediaText(
                text=line.text,
                confidence=1.0,
                frame=max(bisect_right(self._frame_starts, line.start_s) - 1, 0),
                start_s=line.start_s,
                end_s=line.end_s,
            )
            for line in subtitles.lines
        ]

    def result(self) -> WorkerResult:
        """Close all segments, write the previews, and collect the result."""
        sampling = self._sampler.report()
        for runner in self._sampled_runners:
            if self._sampler.budget_gap:
                runner.mark_failed(self._sampler.budget_gap, over_budget=True)
            elif runner.usable and self._sampler.note:
                runner.add_note(self._sampler.note)
        findings = [*self._stream_findings, *self._audio.findings]
        for runner in (*self._every_frame_runners, *self._sampled_runners):
            builder = self._segments[runner.name]
            findings += builder.segments()
            if builder.dropped:
                runner.add_note(
                    f"{builder.dropped} findings are not listed, because too many others have higher scores."
                )
        texts = self._texts.texts()
        scheduled = {runner.name for runner in self._sampled_runners}
        findings += find_brief_appearances(
            self._sampler.notable_frames, self._timings, findings, texts, scheduled=scheduled
        )
        if self._view is not FrameView.STORED:
            findings = [_in_view(finding, self._view) for finding in findings]
        previews = self._previews.write()
        return WorkerResult(
            findings=tuple(findings),
            keyframes=self._keyframes.keyframes(self._timings.__getitem__),
            selected_frames=self._keyframes.offered,
            texts=tuple(texts),
            transcript=self._audio.transcript,
            audio=self._audio.report,
            runs=tuple(runner.record() for runner in self._runners),
            media=self._decoder.info,
            tags=self._decoder.tags,
            sampling=sampling if self._sampled_runners or self._keyframes.enabled else None,
            thumbnail=previews.thumbnail,
            contact_sheet=previews.contact_sheet,
            blurred_sheet=previews.blurred_sheet,
            evidence=previews.evidence,
            wall_s=round(time.perf_counter() - self._started_s, 3),
            cpu_s=round(time.process_time() - self._cpu_started_s, 3),
        )

    def _scan_frame(
        self, before: DecodedFrame | None, frame: DecodedFrame, after: DecodedFrame | None
    ) -> None:
        self._frame_starts.append(frame.time_s)
        small = frame.downscaled(COMPARED_SIDE_PX)
        novelty = self._comparator.compare(
            before.downscaled(COMPARED_SIDE_PX) if before is not None else None,
            small,
            after.downscaled(COMPARED_SIDE_PX) if after is not None else None,
        )
        sampled = self._sample(frame, small, novelty, last=after is None)
        crops = self._cropper.crops(sampled, novelty, before, frame, after)
        for runner in self._stream_runners:
            detector: Any = runner.detector
            runner.notify(partial(detector.add_frame, frame_input(frame, detector.longest_side)))
        for runner in self._every_frame_runners:
            self._run_detector(runner, frame, crops, call=frame.index)
        if sampled is not None and (self._sampled_runners or self._keyframes.enabled):
            self._last_sampled = small
            self._sampled_indices.append(frame.index)
            if self._keyframes.enabled:
                pixels = frame.resized(KEYFRAME_SIDE_PX)
                self._keyframes.add(frame.index, pixels, priority=is_notable(sampled))
            for runner in self._sampled_runners:
                self._run_detector(runner, frame, crops, call=len(self._sampled_indices) - 1)
        self._previews.add_frame(frame)

    def _sample(
        self, frame: DecodedFrame, small: DownscaledFrame, novelty: Novelty, *, last: bool
    ) -> SampledFrame | None:
        sampler = self._sampler
        spent_s = time.perf_counter() - self._started_s
        sampled = sampler.decide(frame.index, frame.time_s, novelty, spare=spent_s < self._task.spare_s)
        if sampled is None and self._last_sampled is not None and sampler.wants_comparison(frame.index):
            distance, cells = self._comparator.distance(small, self._last_sampled)
            sampled = sampler.note_change(frame.index, frame.time_s, distance, cells)
        if sampled is None and last:
            sampled = sampler.sample_last(frame.index, frame.time_s)
        return sampled

    def _run_detector(
        self, runner: DetectorRunner, frame: DecodedFrame, crops: list[OverlayCrop], *, call: int
    ) -> None:
        """Run a detector on the frame, and on the crops if it accepts crops; collect its results."""
        detector: Any = runner.detector
        crops = crops if crops and getattr(detector, "parts", False) else []
        if runner.sees_frames:
            whole = frame_input(frame, detector.longest_side)
            findings = runner.findings(partial(detector.inspect_frame, whole))
            for crop in crops:
                part = crop_input(frame, crop, detector.longest_side)
                in_crop = runner.findings(partial(detector.inspect_frame, part))
                findings += [finding_in_frame(finding, crop) for finding in in_crop]
            findings = deduplicate(findings) if crops else findings
            self._segments[runner.name].add(call, findings)
            for finding in findings:
                self._previews.add_evidence(finding, frame)
        elif runner.reads_text:
            if not crops:
                whole = frame_input(frame, detector.longest_side)
                self._texts.add(runner.texts(partial(detector.read_frame, whole)))
                self._check_text_limit(runner)
            for crop in crops:
                # Only the crops are read: reading the whole frame again is the larger cost, and the regular
                # sample reads older text.
                part = crop_input(frame, crop, detector.longest_side)
                texts = runner.texts(partial(detector.read_frame, part))
                self._texts.add_from_crop(text_in_frame(text, crop) for text in texts)
                self._check_text_limit(runner)

    def _check_text_limit(self, runner: DetectorRunner) -> None:
        if self._texts.full:
            runner.mark_failed(f"More than {MAX_TEXTS:,} texts were read; further texts were not screened.")

    def _stop_early(self, index: int, total: int) -> None:
        for runner in (*self._every_frame_runners, *self._sampled_runners, *self._stream_runners):
            runner.mark_failed(
                f"The time budget of {self._task.budget_s:g} s ran out after frame {index}"
                + (f" of {total}." if total else "."),
                over_budget=True,
            )


class _CallTimings:
    """The timing of the frame of each detector call.

    Without a list of frame numbers, every frame had a call.
    """

    def __init__(self, starts: array[float], frames: array[int] | None, last_frame_s: float) -> None:
        self._starts = starts
        self._frames = frames
        self._last_frame_s = last_frame_s

    def __getitem__(self, call: int) -> FrameTiming:
        frame = call if self._frames is None else self._frames[call]
        start = self._starts[frame]
        end = self._starts[frame + 1] if frame + 1 < len(self._starts) else start + self._last_frame_s
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


def _in_view(finding: Finding, view: FrameView) -> Finding:
    """The finding with the view that shows it."""
    return msgspec.structs.replace(finding, attributes={**finding.attributes, "view": view.value})


def _sees_every_frame(runner: DetectorRunner) -> bool:
    return isinstance(runner.detector, FrameDetector) and runner.detector.every_frame


def _sees_sampled_frames(runner: DetectorRunner) -> bool:
    detector = runner.detector
    return isinstance(detector, OcrReader) or (
        isinstance(detector, FrameDetector) and not detector.every_frame
    )
