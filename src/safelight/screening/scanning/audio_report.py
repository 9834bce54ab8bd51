"""Report of the audio scan: loudness, speech spans, and WAV files of the speech."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

import msgspec

from safelight.detectors.protocol import MediaText
from safelight.media.audio import AudioInfo

#: Seconds of silence inserted between two spans in a speech file.
SILENCE_BETWEEN_SPANS_S = 0.4


class SpeechSpan(msgspec.Struct, frozen=True, kw_only=True):
    """A span of speech; its start and end are in seconds of the clip."""

    start_s: float
    end_s: float


class SpanOffset(msgspec.Struct, frozen=True, kw_only=True):
    """One span of the clip in joined speech: `file_s` is its start there, the others are clip times."""

    file_s: float
    start_s: float
    end_s: float


class SpeechFile(msgspec.Struct, frozen=True, kw_only=True):
    """A WAV file (mono, 16 kHz, 16 bits) with speech of the clip, and the position of each span in it."""

    path: str
    seconds: float
    spans: tuple[SpanOffset, ...]


class AudioReport(msgspec.Struct, frozen=True, kw_only=True):
    """Report of the audio scan without the transcript."""

    info: AudioInfo = AudioInfo()
    #: Speech spans. None if speech detection did not run: then any part of the audio may be speech.
    speech: tuple[SpeechSpan, ...] | None = None
    #: Why speech detection did not run; empty if it ran.
    no_vad_reason: str = ""
    #: True if a transcriber ran in the child. Its text is the transcript if it finished without a failure.
    transcribed_in_child: bool = False
    #: Speech that it could not transcribe reliably.
    unreadable: tuple[SpeechSpan, ...] = ()
    #: Speech files; empty if they were not requested.
    files: tuple[SpeechFile, ...] = ()

    @property
    def speech_s(self) -> float | None:
        """Seconds of speech; None if speech detection did not run."""
        return (
            None if self.speech is None else round(sum(span.end_s - span.start_s for span in self.speech), 3)
        )

    @property
    def has_no_speech(self) -> bool:
        """Whether speech detection ran and found no speech."""
        return self.speech is not None and not self.speech


def to_clip_time(lines: Iterable[MediaText], spans: Sequence[SpanOffset]) -> list[MediaText]:
    """Convert the times of transcript lines from joined spans of speech to the clip. Pure."""
    return [
        replace(
            line,
            start_s=_clip_time(line.start_s, spans),
            end_s=max(_clip_time(line.end_s, spans), _clip_time(line.start_s, spans)),
            words=tuple(
                replace(
                    word,
                    start_s=_clip_time(word.start_s, spans),
                    end_s=max(_clip_time(word.end_s, spans), _clip_time(word.start_s, spans)),
                )
                for word in line.words
            ),
        )
        for line in lines
    ]


def _clip_time(file_s: float, spans: Sequence[SpanOffset]) -> float:
    span = spans[0]
    for candidate in spans:
        # A time in the inserted silence is assigned to the nearer span.
        if candidate.file_s - SILENCE_BETWEEN_SPANS_S / 2 <= file_s:
            span = candidate
    return round(min(max(span.start_s + file_s - span.file_s, span.start_s), span.end_s), 3)
