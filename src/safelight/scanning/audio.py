"""Audio scan inside the child: detects sounds and speech, writes speech files and transcribes speech."""

from __future__ import annotations

import wave
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

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
from safelight.scanning.audio_report import (
    SILENCE_BETWEEN_SPANS_S,
    AudioReport,
    SpanOffset,
    SpeechFile,
    SpeechSpan,
)
from safelight.scanning.detector_runner import DetectorRunner

#: Sample rate of speech files (mono, 16 bits).
SPEECH_RATE_HZ = 16_000
#: Padding before and after each span of speech in the speech files.
_PAD_S = 0.25
#: Longest piece of audio that a transcriber in the child gets in one call.
_MAX_CHUNK_S = 28.0
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
    *,
    audio_only: bool = False,
) -> AudioResult:
    """Scan all the audio of a file; if `speech_dir` is given, write the speech to WAV files in it.

    `audio_only`: accept recordings, which may have no picture. Raises `InvalidMedia`, `TooLarge`.
    """
    decoder = AudioDecoder(path, limits, audio_only=audio_only)
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
        self._speech_spans: list[tuple[float, float]] = []
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

    def _find_speech(self, window: AudioWindow) -> list[tuple[float, float]]:
        """The spans of speech in a window, in seconds from its start.

        Without a working speech detector, the whole window is one span unless it is silent.
        """
        spans: list[tuple[float, float]] = []
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

    def _transcribe(
        self, runner: DetectorRunner, window: AudioWindow, speech: Sequence[tuple[float, float]]
    ) -> None:
        detector = runner.detector
        if not isinstance(detector, InProcessTranscriber):
            return
        samples = window.samples[detector.rate]
        for start, end in _split_spans(_pad(speech, samples.size / detector.rate), _MAX_CHUNK_S):
            part = samples[round(start * detector.rate) : round(end * detector.rate)]
            chunk = AudioChunk(samples=part, rate=detector.rate, start_s=window.start_s + start)
            for line in runner.texts(partial(detector.read_speech, chunk)):
                self._transcript.append(_in_clip_time(line, window.start_s + start, window.start_s + end))

    def _write_speech(self, folder: Path, window: AudioWindow, speech: Sequence[tuple[float, float]]) -> None:
        samples = window.samples[SPEECH_RATE_HZ]
        spans = [
            (start, end, samples[round(start * SPEECH_RATE_HZ) : round(end * SPEECH_RATE_HZ)])
            for start, end in _pad(speech, samples.size / SPEECH_RATE_HZ)
        ]
        spans = [span for span in spans if span[2].size]
        if not spans:
            return
        path = folder / f"speech-{len(self._files)}.wav"
        offsets: list[SpanOffset] = []
        silence = np.zeros(round(SILENCE_BETWEEN_SPANS_S * SPEECH_RATE_HZ), np.float32)
        position = 0
        with wave.open(str(path), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(SPEECH_RATE_HZ)
            for start, end, samples_of_span in spans:
                offsets.append(
                    SpanOffset(
                        file_s=round(position / SPEECH_RATE_HZ, 4),
                        start_s=round(window.start_s + start, 4),
                        end_s=round(window.start_s + end, 4),
                    )
                )
                for piece in (samples_of_span, silence):
                    file.writeframes((np.clip(piece, -1.0, 1.0) * 32767).astype("<i2").tobytes())
                    position += piece.size
        self._files.append(
            SpeechFile(path=str(path), seconds=round(position / SPEECH_RATE_HZ, 3), spans=tuple(offsets))
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


def _pad(spans: Iterable[tuple[float, float]], duration_s: float) -> list[tuple[float, float]]:
    return merge_spans((max(start - _PAD_S, 0.0), min(end + _PAD_S, duration_s)) for start, end in spans)


def _split_spans(spans: Iterable[tuple[float, float]], max_s: float) -> list[tuple[float, float]]:
    """The spans, split into pieces of at most `max_s` seconds."""
    return [
        (start + max_s * index, min(start + max_s * (index + 1), end))
        for start, end in spans
        for index in range(int((end - start) // max_s) + 1)
        if start + max_s * index < end
    ]


def _in_clip_time(line: MediaText, start_s: float, end_s: float) -> MediaText:
    """A transcript line with its times converted from the audio chunk to the clip, limited to the chunk."""

    def to_clip_time(seconds: float) -> float:
        return round(min(start_s + max(seconds, 0.0), end_s), 3)

    return replace(
        line,
        start_s=to_clip_time(line.start_s),
        end_s=to_clip_time(max(line.end_s, line.start_s)),
        words=tuple(
            replace(
                word, start_s=to_clip_time(word.start_s), end_s=to_clip_time(max(word.end_s, word.start_s))
            )
            for word in line.words
        ),
    )
