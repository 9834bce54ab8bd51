"""Audio scan inside the child: detects sounds and speech, writes speech files and transcribes speech."""

from __future__ import annotations

import wave
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from safelight.detectors.protocol import (
    AudioChunk,
    InProcessTranscriber,
    MediaText,
    SoundDetector,
    VoiceActivityDetector,
)
from safelight.media.audio import WINDOW_S, AudioDecoder, AudioInfo, AudioWindow, merge_spans, peak_amplitude
from safelight.media.probe import VideoLimits
from safelight.policy.findings import Finding, TimeRange

from .audio_report import (
    SILENCE_BETWEEN_SPANS_S,
    AudioReport,
    SpanOffset,
    SpeechFile,
    SpeechSpan,
    to_clip_time,
)
from .detector_runner import DetectorRunner

#: Start and end of a part of the sound, in seconds.
Span: TypeAlias = tuple[float, float]
Samples = npt.NDArray[np.float32]

#: Sample rate of speech files (mono, 16 bits).
SPEECH_RATE_HZ = 16_000
#: Padding before and after each span of speech in the speech files.
_PAD_S = 0.25
#: Longest piece of audio that a transcriber in the child gets in one call. Whisper reads 30 s at once.
_MAX_CHUNK_S = 29.5
_SILENCE_PEAK = 1e-4


@dataclass(frozen=True, kw_only=True)
class AudioResult:
    """Result of the audio scan. `report` is None if the clip has no audio."""

    findings: tuple[Finding, ...] = ()
    transcript: tuple[MediaText, ...] = ()
    report: AudioReport | None = None


def scan_audio(
    path: Path,
    limits: VideoLimits,
    runners: Sequence[DetectorRunner],
    speech_dir: Path | None,
) -> AudioResult:
    """Scan all the audio of a file; if `speech_dir` is given, write the speech to WAV files in it.

    Raises `InvalidMedia`, `TooLarge`.
    """
    decoder = AudioDecoder(path, limits)
    scan = _AudioScan(runners, speech_dir)
    for window in decoder.windows(scan.rates):
        scan.add_window(window)
    return scan.result(decoder.info)


class _AudioScan:
    """Runs the audio detectors on each window and collects their results."""

    def __init__(self, runners: Sequence[DetectorRunner], speech_dir: Path | None) -> None:
        self._sound_runners = [runner for runner in runners if isinstance(runner.detector, SoundDetector)]
        self._vad_runners = [
            runner for runner in runners if isinstance(runner.detector, VoiceActivityDetector)
        ]
        self._transcriber_runners = [
            runner for runner in runners if isinstance(runner.detector, InProcessTranscriber)
        ]
        self._speech_dir = speech_dir
        self._findings: dict[tuple[object, ...], Finding] = {}
        self._transcript: list[MediaText] = []
        #: Speech for which a transcriber has no reliable text, in seconds of the clip.
        self._unreadable: list[Span] = []
        self._speech_spans: list[Span] = []
        self._files: list[SpeechFile] = []

    @property
    def rates(self) -> set[int]:
        """Sample rates that the detectors and the speech files need."""
        rates = {
            runner.detector.rate
            for runner in (*self._sound_runners, *self._vad_runners, *self._transcriber_runners)
            if isinstance(runner.detector, SoundDetector | VoiceActivityDetector | InProcessTranscriber)
        }
        return rates | {SPEECH_RATE_HZ}

    def add_window(self, window: AudioWindow) -> None:
        for runner in self._sound_runners:
            if isinstance(runner.detector, SoundDetector):
                chunk = _chunk(window, runner.detector.rate)
                for finding in runner.findings(partial(runner.detector.inspect_sound, chunk)):
                    self._findings.setdefault(_duplicate_key(finding), finding)
        speech = self._find_speech(window)
        self._speech_spans += [(window.start_s + start, window.start_s + end) for start, end in speech]
        # A span that starts in the overlap is complete in the next window, so only that window handles it.
        own_speech = [span for span in speech if window.last or span[0] < WINDOW_S]
        for runner in self._transcriber_runners:
            self._transcribe(runner, window, own_speech)
        if self._speech_dir is not None and own_speech:
            self._write_speech(self._speech_dir, window, own_speech)

    def _find_speech(self, window: AudioWindow) -> list[Span]:
        """The spans of speech in a window, in seconds from its start.

        Without a working speech detector, the whole window is one span unless it is silent.
        """
        spans: list[Span] = []
        for runner in self._vad_runners:
            if isinstance(runner.detector, VoiceActivityDetector):
                chunk = _chunk(window, runner.detector.rate)
                spans += runner.spans(
                    partial(runner.detector.find_speech, chunk), chunk.samples.size / chunk.rate
                )
        if self._has_working_vad:
            return merge_spans(spans)
        samples = window.samples[SPEECH_RATE_HZ]
        return [(0.0, samples.size / SPEECH_RATE_HZ)] if peak_amplitude(samples) > _SILENCE_PEAK else []

    @property
    def _has_working_vad(self) -> bool:
        return bool(self._vad_runners) and all(runner.usable for runner in self._vad_runners)

    def _transcribe(self, runner: DetectorRunner, window: AudioWindow, speech: Sequence[Span]) -> None:
        detector = runner.detector
        if not isinstance(detector, InProcessTranscriber):
            return
        samples = window.samples[detector.rate]
        pieces = _split_spans(_pad(speech, samples.size / detector.rate), _MAX_CHUNK_S)
        # A call costs almost the same for one second of speech as for 29, so several spans share it.
        for spans in _group_spans(pieces, _MAX_CHUNK_S):
            # Each span has a pause at both ends already.
            joined, offsets = _join_speech(samples, detector.rate, window.start_s, spans, pause_s=0.0)
            chunk = AudioChunk(samples=joined, rate=detector.rate, start_s=offsets[0].start_s)
            for line in to_clip_time(runner.texts(partial(detector.read_speech, chunk)), offsets):
                if line.text:
                    self._transcript.append(line)
                else:
                    self._unreadable.append((line.start_s, line.end_s))

    def _write_speech(self, folder: Path, window: AudioWindow, speech: Sequence[Span]) -> None:
        samples = window.samples[SPEECH_RATE_HZ]
        joined, offsets = _join_speech(
            samples,
            SPEECH_RATE_HZ,
            window.start_s,
            _pad(speech, samples.size / SPEECH_RATE_HZ),
            pause_s=SILENCE_BETWEEN_SPANS_S,
        )
        if not offsets:
            return
        path = folder / f"speech-{len(self._files)}.wav"
        with wave.open(str(path), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(SPEECH_RATE_HZ)
            file.writeframes((np.clip(joined, -1.0, 1.0) * 32767).astype("<i2").tobytes())
        self._files.append(
            SpeechFile(path=str(path), seconds=round(joined.size / SPEECH_RATE_HZ, 3), spans=offsets)
        )

    def result(self, info: AudioInfo) -> AudioResult:
        speech: tuple[SpeechSpan, ...] | None
        if self._has_working_vad:
            speech = tuple(
                SpeechSpan(start_s=round(start, 3), end_s=round(end, 3))
                for start, end in merge_spans(self._speech_spans)
            )
            no_vad_reason = ""
        else:
            speech = None if self._speech_spans else ()
            failures = [runner.record().note for runner in self._vad_runners if not runner.usable]
            no_vad_reason = failures[0] if failures else "No speech detector (VAD) is installed."
        return AudioResult(
            findings=tuple(self._findings.values()),
            transcript=tuple(sorted(self._transcript, key=lambda line: line.start_s)),
            report=AudioReport(
                info=info,
                speech=speech,
                no_vad_reason=no_vad_reason if speech is None else "",
                transcribed_in_child=bool(self._transcriber_runners),
                unreadable=tuple(
                    SpeechSpan(start_s=round(start, 3), end_s=round(end, 3))
                    for start, end in merge_spans(self._unreadable)
                ),
                files=tuple(self._files),
            ),
        )


def _chunk(window: AudioWindow, rate: int) -> AudioChunk:
    return AudioChunk(samples=window.samples[rate], rate=rate, start_s=window.start_s)


def _duplicate_key(finding: Finding) -> tuple[object, ...]:
    """A key that is equal if two overlapping windows report the same finding."""
    times = tuple(
        (round(span.start_s, 1), round(span.end_s, 1))
        for span in finding.evidence
        if isinstance(span, TimeRange)
    )
    return (finding.category, finding.detector, finding.reason, times)


def _pad(spans: Iterable[Span], duration_s: float) -> list[Span]:
    return merge_spans((max(start - _PAD_S, 0.0), min(end + _PAD_S, duration_s)) for start, end in spans)


def _split_spans(spans: Iterable[Span], max_s: float) -> list[Span]:
    """The spans, split into pieces of at most `max_s` seconds."""
    return [
        (start + max_s * index, min(start + max_s * (index + 1), end))
        for start, end in spans
        for index in range(int((end - start) // max_s) + 1)
        if start + max_s * index < end
    ]


def _group_spans(spans: Iterable[Span], max_s: float) -> list[list[Span]]:
    """The spans in groups of at most `max_s` seconds."""
    groups: list[list[Span]] = []
    filled_s = 0.0
    for start, end in spans:
        if not groups or filled_s + end - start > max_s:
            groups.append([])
            filled_s = 0.0
        groups[-1].append((start, end))
        filled_s += end - start
    return groups


def _join_speech(
    samples: Samples, rate: int, window_s: float, spans: Iterable[Span], *, pause_s: float
) -> tuple[Samples, tuple[SpanOffset, ...]]:
    """The spans of a window with a pause after each, and the position of each in the result."""
    silence = np.zeros(round(pause_s * rate), np.float32)
    pieces: list[Samples] = []
    offsets: list[SpanOffset] = []
    position = 0
    for start, end in spans:
        piece = samples[round(start * rate) : round(end * rate)]
        if piece.size:
            offsets.append(
                SpanOffset(
                    file_s=round(position / rate, 4),
                    start_s=round(window_s + start, 4),
                    end_s=round(window_s + end, 4),
                )
            )
            pieces += (piece, silence)
            position += piece.size + silence.size
    return np.concatenate(pieces) if pieces else silence, tuple(offsets)
