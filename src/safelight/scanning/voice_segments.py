"""The speech of a clip in pieces that one voice each is likely to speak. Pure."""

from __future__ import annotations

from pathlib import Path

from safelight.detectors.likeness.voices import SpeechPiece, SpeechPieces
from safelight.scanning.audio_report import AudioReport, SpanOffset, SpeechFile

#: A voice is described by so much of its speech, and again so much later: somebody else may go on talking
#: without a pause.
_WINDOW_S, _STEP_S = 3.0, 1.5


def voice_segments(sound: AudioReport, *, least_s: float) -> SpeechPieces:
    """Pieces of at least `least_s` seconds of the files of speech; the note says what is in none of them.

    Stretches that are shorter, one after another, are put together: somebody may speak in short words.
    """
    if sound.has_no_speech:
        return SpeechPieces()
    pieces: list[SpeechPiece] = []
    left_s = 0.0
    for file in sound.files:
        waiting: list[SpanOffset] = []
        for place in (*file.spans, None):
            if place is not None and _seconds([place]) < least_s:
                waiting.append(place)
                if _seconds(waiting) >= least_s:
                    pieces.append(_together(file, waiting))
                    waiting = []
                continue
            left_s += _seconds(waiting)
            waiting = []
            if place is not None:
                pieces += _windows(file, place)
    return SpeechPieces(pieces=tuple(pieces), note=_note(sound, left_s))


def _note(sound: AudioReport, left_s: float) -> str:
    if not sound.files:
        return "Voices were not compared: the speech was not kept."
    if sound.speech is None:
        return f"All sound was taken for voices. {sound.no_vad_reason}".rstrip()
    return f"{left_s:.1f} s of speech are too short to tell whose voice it is." if left_s >= 0.1 else ""


def _seconds(places: list[SpanOffset]) -> float:
    return sum(place.end_s - place.start_s for place in places)


def _windows(file: SpeechFile, place: SpanOffset) -> list[SpeechPiece]:
    whole = place.end_s - place.start_s
    last = max(whole - _WINDOW_S, 0.0)
    starts = [_STEP_S * number for number in range(int(last / _STEP_S) + 1)]
    if last - starts[-1] > 0.01:
        starts.append(last)
    return [_piece(file, place, start, min(start + _WINDOW_S, whole)) for start in starts]


def _piece(file: SpeechFile, place: SpanOffset, start: float, end: float) -> SpeechPiece:
    return SpeechPiece(
        path=Path(file.path),
        parts=((place.file_s + start, place.file_s + end),),
        start_s=round(place.start_s + start, 3),
        end_s=round(place.start_s + end, 3),
    )


def _together(file: SpeechFile, places: list[SpanOffset]) -> SpeechPiece:
    return SpeechPiece(
        path=Path(file.path),
        parts=tuple((one.file_s, one.file_s + one.end_s - one.start_s) for one in places),
        start_s=places[0].start_s,
        end_s=places[-1].end_s,
    )
