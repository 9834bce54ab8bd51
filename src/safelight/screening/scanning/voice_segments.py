"""Cuts speech into pieces that probably have one speaker each. Pure."""

from __future__ import annotations

from pathlib import Path

from safelight.detectors.likeness.voices import SpeechPiece, SpeechPieces

from .audio_report import AudioReport, SpanOffset, SpeechFile

#: A voice embedding is computed for each window of this length, moved by this step, because another speaker
#: may continue without a pause.
_WINDOW_S, _STEP_S = 3.0, 1.5


def cut_voice_segments(audio: AudioReport, *, min_s: float) -> SpeechPieces:
    """Pieces of speech with at least `min_s` seconds each.

    Shorter consecutive spans are combined, because a person may speak in short phrases. The note of the
    result reports speech that is in no piece.
    """
    if audio.has_no_speech:
        return SpeechPieces()
    pieces: list[SpeechPiece] = []
    unused_s = 0.0
    for file in audio.files:
        short_spans: list[SpanOffset] = []
        for span in (*file.spans, None):
            if span is not None and _seconds([span]) < min_s:
                short_spans.append(span)
                if _seconds(short_spans) >= min_s:
                    pieces.append(_combine(file, short_spans))
                    short_spans = []
                continue
            unused_s += _seconds(short_spans)
            short_spans = []
            if span is not None:
                pieces += _windows(file, span)
    return SpeechPieces(pieces=tuple(pieces), note=_note(audio, unused_s))


def _note(audio: AudioReport, unused_s: float) -> str:
    if not audio.files:
        return "Voices were not compared: no speech file was written."
    if audio.speech is None:
        return f"All audio was treated as speech. {audio.no_vad_reason}".rstrip()
    return f"{unused_s:.1f} s of speech are too short to identify the speaker." if unused_s >= 0.1 else ""


def _seconds(spans: list[SpanOffset]) -> float:
    return sum(span.end_s - span.start_s for span in spans)


def _windows(file: SpeechFile, span: SpanOffset) -> list[SpeechPiece]:
    length_s = span.end_s - span.start_s
    last_start_s = max(length_s - _WINDOW_S, 0.0)
    starts_s = [_STEP_S * number for number in range(int(last_start_s / _STEP_S) + 1)]
    if last_start_s - starts_s[-1] > 0.01:
        starts_s.append(last_start_s)
    return [_piece(file, span, start, min(start + _WINDOW_S, length_s)) for start in starts_s]


def _piece(file: SpeechFile, span: SpanOffset, start_s: float, end_s: float) -> SpeechPiece:
    return SpeechPiece(
        path=Path(file.path),
        parts=((span.file_s + start_s, span.file_s + end_s),),
        start_s=round(span.start_s + start_s, 3),
        end_s=round(span.start_s + end_s, 3),
    )


def _combine(file: SpeechFile, spans: list[SpanOffset]) -> SpeechPiece:
    return SpeechPiece(
        path=Path(file.path),
        parts=tuple((span.file_s, span.file_s + span.end_s - span.start_s) for span in spans),
        start_s=spans[0].start_s,
        end_s=spans[-1].end_s,
    )
