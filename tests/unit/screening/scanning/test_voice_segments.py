from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safelight.screening.scanning.audio_report import (
    SILENCE_BETWEEN_SPANS_S,
    AudioReport,
    SpanOffset,
    SpeechFile,
    SpeechSpan,
)
from safelight.screening.scanning.voice_segments import cut_voice_segments


def report(*stretches: tuple[float, float], known: bool = True) -> AudioReport:
    """Speech spans in one file, as the scan worker writes them."""
    places, at = [], 0.0
    for start, end in stretches:
        places.append(SpanOffset(file_s=at, start_s=start, end_s=end))
        at += end - start + SILENCE_BETWEEN_SPANS_S
    files = (SpeechFile(path="speech-0.wav", seconds=at, spans=tuple(places)),) if places else ()
    speech = tuple(SpeechSpan(start_s=start, end_s=end) for start, end in stretches) if known else None
    return AudioReport(speech=speech, no_vad_reason="" if known else "No detector hears speech.", files=files)


def test_a_long_span_is_cut_into_windows_up_to_its_end() -> None:
    (first, *_rest) = pieces = cut_voice_segments(report((10.0, 17.0)), min_s=2.0).pieces
    assert [(one.start_s, one.end_s) for one in pieces] == [
        (10.0, 13.0),
        (11.5, 14.5),
        (13.0, 16.0),
        (14.0, 17.0),
    ]
    assert first.parts == ((0.0, 3.0),)


def test_a_span_of_minimum_length_is_one_piece_and_short_consecutive_spans_are_combined() -> None:
    (piece,) = cut_voice_segments(report((0.0, 1.0), (4.0, 6.5)), min_s=2.0).pieces
    assert (piece.start_s, piece.end_s, piece.parts) == (4.0, 6.5, ((1.4, 3.9),))
    (piece,) = cut_voice_segments(report((0.0, 1.0), (2.0, 3.0)), min_s=2.0).pieces
    assert (piece.start_s, piece.end_s) == (0.0, 3.0)
    assert [round(second, 6) for part in piece.parts for second in part] == [0.0, 1.0, 1.4, 2.4]


def test_short_speech_and_missing_files_or_detection_are_noted_and_silence_is_not() -> None:
    found = cut_voice_segments(report((0.0, 1.0), (4.0, 7.0), (9.0, 9.5)), min_s=2.0)
    assert len(found.pieces) == 1
    assert found.note.startswith("1.5 s of speech are too short")
    assert cut_voice_segments(AudioReport(speech=()), min_s=2.0).note == ""
    lost = AudioReport(speech=(SpeechSpan(start_s=0, end_s=9),))
    assert "no speech file" in cut_voice_segments(lost, min_s=2.0).note
    guessed = cut_voice_segments(report((0.0, 3.0), known=False), min_s=2.0)
    assert len(guessed.pieces) == 1
    assert guessed.note == "All audio was treated as speech. No detector hears speech."


@given(
    st.lists(st.tuples(st.floats(0.1, 2.0), st.floats(0.1, 12.0)), max_size=8),
    st.floats(0.5, 3.0),
)
def test_every_second_of_speech_is_in_a_piece_or_noted(
    parts: list[tuple[float, float]], least_s: float
) -> None:
    at, stretches = 0.0, []
    for pause, length in parts:
        stretches.append((at + pause, at + pause + length))
        at += pause + length
    found = cut_voice_segments(report(*stretches), min_s=least_s)
    seconds = sum(end - start for start, end in stretches)
    inside = sum(
        max((min(end, stop) - max(start, begin) for begin, stop in _covered(found.pieces)), default=0.0)
        for start, end in stretches
        if any(begin < end and start < stop for begin, stop in _covered(found.pieces))
    )
    said = float(found.note.split()[0]) if found.note else 0.0
    assert inside + said == pytest.approx(seconds, abs=0.16)
    assert all(piece.seconds >= least_s - 1e-9 for piece in found.pieces)
    assert all(piece.seconds <= 3.0 + 2 * least_s for piece in found.pieces)


def _covered(pieces: object) -> list[tuple[float, float]]:
    from safelight.detectors.likeness.voices import SpeechPiece
    from safelight.media.audio import merge_spans

    assert isinstance(pieces, tuple)
    return merge_spans((one.start_s, one.end_s) for one in pieces if isinstance(one, SpeechPiece))
