"""What a scan heard: how loud, where somebody speaks, and where speech was written down."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import msgspec

from safelight.detectors.protocol import MediaText
from safelight.media.audio import AudioInfo

#: Seconds of silence between two stretches in a file of speech.
SILENCE_BETWEEN_SPANS_S = 0.4


class SpeechSpan(msgspec.Struct, frozen=True, kw_only=True):
    """From when to when, in seconds of the clip."""

    start_s: float
    end_s: float


class SpanOffset(msgspec.Struct, frozen=True, kw_only=True):
    """Where a stretch of the clip lies in a file of speech."""

    file_s: float
    start_s: float
    end_s: float


class SpeechFile(msgspec.Struct, frozen=True, kw_only=True):
    """A WAV file of speech, mono, 16 kHz, 16 bits, and where its parts come from."""

    path: str
    seconds: float
    spans: tuple[SpanOffset, ...]


class AudioReport(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of the sound, without a word of what is said."""

    info: AudioInfo = AudioInfo()
    #: Where somebody speaks; None where nobody could tell, so that anything may be speech.
    speech: tuple[SpeechSpan, ...] | None = None
    #: Why nobody could tell.
    no_vad_reason: str = ""
    #: A reader in the child took part; its words are the transcript if it was complete.
    transcribed_in_child: bool = False
    #: Files of the speech, where some were asked for.
    files: tuple[SpeechFile, ...] = ()

    @property
    def speech_s(self) -> float | None:
        """Seconds of speech; None where that is not known."""
        return None if self.speech is None else round(sum(one.end_s - one.start_s for one in self.speech), 3)

    @property
    def has_no_speech(self) -> bool:
        """It is known that nobody speaks."""
        return self.speech is not None and not self.speech


def to_clip_time(lines: Iterable[MediaText], file: SpeechFile) -> list[MediaText]:
    """Lines with times of a file of speech, with times of the clip. Pure."""
    return [
        replace(
            line,
            start_s=_clip_time(line.start_s, file),
            end_s=max(_clip_time(line.end_s, file), _clip_time(line.start_s, file)),
            words=tuple(
                replace(
                    word,
                    start_s=_clip_time(word.start_s, file),
                    end_s=max(_clip_time(word.end_s, file), _clip_time(word.start_s, file)),
                )
                for word in line.words
            ),
        )
        for line in lines
    ]


def _clip_time(file_s: float, file: SpeechFile) -> float:
    place = file.spans[0]
    for one in file.spans:
        # What falls into the silence before a stretch belongs to it, if anything does.
        if one.file_s - SILENCE_BETWEEN_SPANS_S / 2 <= file_s:
            place = one
    return round(min(max(place.start_s + file_s - place.file_s, place.start_s), place.end_s), 3)
