from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safelight.detectors.audio.transcripts import assign_words, validate_transcript
from safelight.detectors.protocol import MediaText, SpokenWord, TranscriptionFailed
from safelight.detectors.remote.transcription import parse_answer
from safelight.detectors.text.media_text import join_lines
from safelight.policy.findings import TextSpan, TimeRange
from safelight.screening.scanning.audio_report import SpanOffset, SpeechFile, to_clip_time
from safelight.testing.transcription import verbose_json

WORDS = [("I", 0.1, 0.2), ("am", 0.2, 0.4), ("the", 0.4, 0.5), ("president.", 0.5, 1.0)]


def line(text: str, *words: tuple[str, float, float], start_s: float = 0.0, end_s: float = 1.0) -> MediaText:
    timed = tuple(SpokenWord(text=word, start_s=start, end_s=end) for word, start, end in words)
    return MediaText(text=text, confidence=1.0, start_s=start_s, end_s=end_s, words=timed)


def test_an_answer_is_parsed_with_the_times_of_its_words() -> None:
    [read] = parse_answer(verbose_json(WORDS, seconds=2.0))
    assert read.text == "I am the president."
    assert [(word.text, word.start_s) for word in read.words] == [
        ("I", 0.1),
        ("am", 0.2),
        ("the", 0.4),
        ("president", 0.5),
    ]
    assert 0.8 < read.confidence < 0.83
    whole = verbose_json(WORDS, seconds=2.0)
    [words_only] = parse_answer({**whole, "segments": None})
    [lines_only] = parse_answer({**whole, "words": None})
    assert words_only.text == "I am the president"
    assert (lines_only.text, lines_only.words) == ("I am the president.", ())


@pytest.mark.parametrize(
    "change",
    [
        {"text": None},
        {"text": "words without times", "segments": [], "words": []},
        {"segments": [{"start": 0.0, "end": "1.0", "text": "a"}]},
        {"segments": [{"start": 0.0, "end": float("nan"), "text": "a"}]},
        {"segments": "none"},
        {"words": [{"word": 3, "start": 0.0, "end": 1.0}]},
        {"words": [{"word": "a", "start": True, "end": 1.0}]},
    ],
)
def test_an_invalid_transcript_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(TranscriptionFailed):
        parse_answer({**verbose_json(WORDS, seconds=2.0), **change})


@pytest.mark.parametrize(
    "bad",
    [
        line("a", start_s=0.0, end_s=99.0),
        line("a", start_s=-1.0, end_s=1.0),
        line("a", ("a", 0.5, 0.2)),
        line("a", ("a", float("inf"), float("inf"))),
        line("a" * 300_000),
    ],
)
def test_impossible_times_are_refused(bad: MediaText) -> None:
    with pytest.raises(TranscriptionFailed):
        validate_transcript([bad], 2.0)


def test_a_finding_in_speech_has_the_time_of_its_words_and_phrases_span_lines() -> None:
    lines = [
        line("So, I am", ("so", 0.0, 0.1), ("I", 0.1, 0.2), ("am", 0.2, 0.4), end_s=0.4),
        line("the president.", ("the", 0.4, 0.5), ("president", 0.5, 1.0), start_s=0.4),
    ]
    reading = join_lines(reversed(lines))
    assert reading.text == "So, I am the president."
    start = reading.text.index("I am")
    [place] = reading.locate([TextSpan(field="transcript", start=start, end=len(reading.text))])
    assert place == TimeRange(start_s=0.1, end_s=1.0)
    chinese = [line("我是", ("我", 0.0, 0.2), ("是", 0.2, 0.4)), line("总统", start_s=0.5, end_s=0.9)]
    reading = join_lines(chinese)
    assert reading.text == "我是总统"
    [place] = reading.locate([TextSpan(field="transcript", start=1, end=4)])
    assert place == TimeRange(start_s=0.2, end_s=0.9)


@given(st.lists(st.text(min_size=1, max_size=6), min_size=1, max_size=12), st.text(max_size=40))
def test_every_letter_of_a_transcript_has_a_time(words: list[str], text: str) -> None:
    timed = [(word, index * 0.1, index * 0.1 + 0.1) for index, word in enumerate(words)]
    for said in (" ".join(words), text):
        reading = join_lines([line(said, *timed, end_s=9.0)])
        for at in range(len(reading.text)):
            [place] = reading.locate([TextSpan(field="transcript", start=at, end=at + 1)])
            assert isinstance(place, TimeRange)
            assert 0 <= place.start_s <= place.end_s <= 9.0


@given(st.lists(st.tuples(st.floats(0, 20), st.floats(0, 3)), max_size=20))
def test_words_are_assigned_to_the_line_of_their_time(words: list[tuple[float, float]]) -> None:
    lines = [line("a", start_s=0.0, end_s=10.0), line("b", start_s=10.0, end_s=20.0)]
    timed = [SpokenWord(text="w", start_s=start, end_s=start + length) for start, length in words]
    made = assign_words(lines, timed)
    assert sum(len(one.words) for one in made) == len(words)
    assert [one.text for one in made] == ["a", "b"]


@given(st.floats(0, 30), st.floats(0, 5))
def test_times_in_a_speech_file_are_mapped_to_its_spans(start: float, length: float) -> None:
    file = SpeechFile(
        path="",
        seconds=8.4,
        spans=(
            SpanOffset(file_s=0.0, start_s=2.0, end_s=5.0),
            SpanOffset(file_s=3.4, start_s=60.0, end_s=65.0),
        ),
    )
    [moved] = to_clip_time([line("a", start_s=start, end_s=start + length)], file.spans)
    for moment in (moved.start_s, moved.end_s):
        assert 2.0 <= moment <= 5.0 or 60.0 <= moment <= 65.0
    assert moved.start_s <= moved.end_s
    [exact] = to_clip_time([line("a", start_s=4.4, end_s=5.4)], file.spans)
    assert (exact.start_s, exact.end_s) == (61.0, 62.0)
