"""Listening to a clip inside the child: detectors of sound, where somebody speaks, speech written down."""

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
from safelight.scanning.audio_report import SILENCE_BETWEEN_SPANS_S, AudioReport, SpanOffset, SpeechFile, SpeechSpan
from safelight.scanning.detector_runner import DetectorRunner

#: What is written down is mono, 16 bits, at this rate.
SPEECH_RATE_HZ = 16_000
#: Speech is written with so much of what is around it.
_PAD_S = 0.25
#: A reader in the child gets at most so much at a time.
_AT_ONCE_S = 28.0
_SILENT = 1e-4


@dataclass(frozen=True, kw_only=True)
class AudioResult:
    findings: tuple[Finding, ...] = ()
    transcript: tuple[MediaText, ...] = ()
    report: AudioReport | None = None


def scan_audio(
    path: Path,
    limits: VideoLimits,
    turns: Sequence[DetectorRunner],
    into: Path | None,
    *,
    audio_only: bool = False,
) -> AudioResult:
    """Everything that is heard; speech goes into WAV files in the folder `into`, where there is one.

    `alone`: of a recording, which need have no picture. Raises `InvalidMedia`, `TooLarge`.
    """
    walk = AudioDecoder(path, limits, audio_only=audio_only)
    hearing = _Hearing(turns, into)
    for window in walk.windows(hearing.rates):
        hearing.take(window)
    return hearing.told(walk.info)


class _Hearing:
    def __init__(self, turns: Sequence[DetectorRunner], into: Path | None) -> None:
        self._listeners = [turn for turn in turns if isinstance(turn.detector, SoundDetector)]
        self._finders = [turn for turn in turns if isinstance(turn.detector, VoiceActivityDetector)]
        self._readers = [turn for turn in turns if isinstance(turn.detector, InProcessTranscriber)]
        self._into = into
        self._findings: dict[tuple[object, ...], Finding] = {}
        self._heard: list[MediaText] = []
        self._speech: list[tuple[float, float]] = []
        self._files: list[SpeechFile] = []

    @property
    def rates(self) -> set[int]:
        asked = {
            turn.detector.rate
            for turn in (*self._listeners, *self._finders, *self._readers)
            if isinstance(turn.detector, SoundDetector | VoiceActivityDetector | InProcessTranscriber)
        }
        return asked | {SPEECH_RATE_HZ}

    def take(self, window: AudioWindow) -> None:
        for turn in self._listeners:
            if isinstance(turn.detector, SoundDetector):
                sound = _sound(window, turn.detector.rate)
                for finding in turn.findings(partial(turn.detector.inspect_sound, sound)):
                    self._findings.setdefault(_same(finding), finding)
        speech = self._spoken(window)
        self._speech += [(window.start_s + start, window.start_s + end) for start, end in speech]
        # The next window has the rest again, whole.
        own = [part for part in speech if window.last or part[0] < WINDOW_S]
        for turn in self._readers:
            self._read(turn, window, own)
        if self._into is not None and own:
            self._write(self._into, window, own)

    def _spoken(self, window: AudioWindow) -> list[tuple[float, float]]:
        """Stretches of speech in the window, or all of it where nobody can tell; silence is none."""
        found: list[tuple[float, float]] = []
        for turn in self._finders:
            if isinstance(turn.detector, VoiceActivityDetector):
                sound = _sound(window, turn.detector.rate)
                found += turn.spans(
                    partial(turn.detector.find_speech, sound), sound.samples.size / sound.rate
                )
        if self._knows:
            return merge_spans(found)
        samples = window.samples[SPEECH_RATE_HZ]
        return [(0.0, samples.size / SPEECH_RATE_HZ)] if peak_amplitude(samples) > _SILENT else []

    @property
    def _knows(self) -> bool:
        return bool(self._finders) and all(turn.usable for turn in self._finders)

    def _read(self, turn: DetectorRunner, window: AudioWindow, speech: Sequence[tuple[float, float]]) -> None:
        detector = turn.detector
        if not isinstance(detector, InProcessTranscriber):
            return
        samples = window.samples[detector.rate]
        for start, end in _cut(_padded(speech, samples.size / detector.rate), _AT_ONCE_S):
            part = samples[round(start * detector.rate) : round(end * detector.rate)]
            sound = AudioChunk(samples=part, rate=detector.rate, start_s=window.start_s + start)
            for line in turn.texts(partial(detector.read_speech, sound)):
                self._heard.append(_moved(line, window.start_s + start, window.start_s + end))

    def _write(self, into: Path, window: AudioWindow, speech: Sequence[tuple[float, float]]) -> None:
        samples = window.samples[SPEECH_RATE_HZ]
        parts = [
            (start, end, samples[round(start * SPEECH_RATE_HZ) : round(end * SPEECH_RATE_HZ)])
            for start, end in _padded(speech, samples.size / SPEECH_RATE_HZ)
        ]
        parts = [one for one in parts if one[2].size]
        if not parts:
            return
        path = into / f"speech-{len(self._files)}.wav"
        places: list[SpanOffset] = []
        silence = np.zeros(round(SILENCE_BETWEEN_SPANS_S * SPEECH_RATE_HZ), np.float32)
        at = 0
        with wave.open(str(path), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(SPEECH_RATE_HZ)
            for start, end, part in parts:
                places.append(
                    SpanOffset(
                        file_s=round(at / SPEECH_RATE_HZ, 4),
                        start_s=round(window.start_s + start, 4),
                        end_s=round(window.start_s + end, 4),
                    )
                )
                for piece in (part, silence):
                    file.writeframes((np.clip(piece, -1.0, 1.0) * 32767).astype("<i2").tobytes())
                    at += piece.size
        self._files.append(SpeechFile(path=str(path), seconds=round(at / SPEECH_RATE_HZ, 3), spans=tuple(places)))

    def told(self, facts: AudioInfo) -> AudioResult:
        speech: tuple[SpeechSpan, ...] | None
        if self._knows:
            speech = tuple(
                SpeechSpan(start_s=round(a, 3), end_s=round(b, 3)) for a, b in merge_spans(self._speech)
            )
            unheard = ""
        else:
            speech = None if self._speech else ()
            broken = [turn.record().note for turn in self._finders if not turn.usable]
            unheard = broken[0] if broken else "No detector that hears speech is installed."
        return AudioResult(
            findings=tuple(self._findings.values()),
            transcript=tuple(sorted(self._heard, key=lambda line: line.start_s)),
            report=AudioReport(
                info=facts,
                speech=speech,
                no_vad_reason=unheard if speech is None else "",
                transcribed_in_child=bool(self._readers),
                files=tuple(self._files),
            ),
        )


def _sound(window: AudioWindow, rate: int) -> AudioChunk:
    return AudioChunk(samples=window.samples[rate], rate=rate, start_s=window.start_s)


def _same(finding: Finding) -> tuple[object, ...]:
    """Equal for what two windows both have, where they overlap."""
    times = tuple(
        (round(part.start_s, 1), round(part.end_s, 1))
        for part in finding.evidence
        if isinstance(part, TimeRange)
    )
    return (finding.category, finding.detector, finding.reason, times)


def _padded(parts: Iterable[tuple[float, float]], whole_s: float) -> list[tuple[float, float]]:
    return merge_spans((max(start - _PAD_S, 0.0), min(end + _PAD_S, whole_s)) for start, end in parts)


def _cut(parts: Iterable[tuple[float, float]], most_s: float) -> list[tuple[float, float]]:
    """The parts, none longer than `most_s`."""
    return [
        (start + most_s * index, min(start + most_s * (index + 1), end))
        for start, end in parts
        for index in range(int((end - start) // most_s) + 1)
        if start + most_s * index < end
    ]


def _moved(line: MediaText, start_s: float, end_s: float) -> MediaText:
    def at(seconds: float) -> float:
        return round(min(start_s + max(seconds, 0.0), end_s), 3)

    return replace(
        line,
        start_s=at(line.start_s),
        end_s=at(max(line.end_s, line.start_s)),
        words=tuple(
            replace(word, start_s=at(word.start_s), end_s=at(max(word.end_s, word.start_s)))
            for word in line.words
        ),
    )
