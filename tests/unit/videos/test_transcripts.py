"""What is stored of the speech of a video, and which of its words are marked."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safelight.detectors.protocol import MediaText, SpokenWord
from safelight.detectors.text.media_text import join_lines
from safelight.policy.findings import Finding, TextSpan, TimeRange
from safelight.videos.transcripts import (
    MAX_CHARACTERS,
    MAX_LINE_CHARACTERS,
    MAX_LINES,
    Transcript,
    mark_transcript,
)
from support.verdicts import seen


def spoken(*words: str, start_s: float = 0.0, gap: str = " ") -> MediaText:
    """A line whose words take half a second each."""
    timed = tuple(
        SpokenWord(text=word, start_s=start_s + number / 2, end_s=start_s + (number + 1) / 2)
        for number, word in enumerate(words)
    )
    return MediaText(
        text=gap.join(words), confidence=1.0, start_s=start_s, end_s=start_s + len(words) / 2, words=timed
    )


def finding(*places: TimeRange, speech: bool = True) -> Finding:
    return seen("violence", 1.0, "audio", evidence=places, **({"speech": True} if speech else {}))


def marked_words(transcript: Transcript) -> list[str]:
    return [line.text[start:end] for line in transcript.lines for start, end in line.marks]


def test_the_words_of_a_finding_are_marked_across_two_lines() -> None:
    lines = [spoken("we", "will", "hurt"), spoken("him", "tomorrow.", start_s=2.0)]
    joined = join_lines(lines)
    start = joined.text.index("hurt")
    [place] = joined.locate([TextSpan(field="transcript", start=start, end=start + len("hurt him"))])
    assert isinstance(place, TimeRange)
    assert marked_words(mark_transcript(lines, [finding(place)])) == ["hurt", "him"]


def test_words_side_by_side_are_one_mark_and_a_line_without_times_of_its_words_is_a_whole() -> None:
    lines = [spoken("我", "要", "伤害", "他", gap="")]
    transcript = mark_transcript(lines, [finding(TimeRange(start_s=0.5, end_s=1.5))])
    assert marked_words(transcript) == ["要伤害"]
    line = MediaText(text="مرحبا بالعالم", confidence=1.0, start_s=1.0, end_s=2.0)
    assert marked_words(mark_transcript([line], [finding(TimeRange(start_s=1.0, end_s=2.0))])) == [line.text]
    voice = finding(TimeRange(start_s=0.0, end_s=9.0), speech=False)
    assert marked_words(mark_transcript([spoken("good", "day")], [voice])) == []


def test_a_long_transcript_is_cut_and_says_so() -> None:
    long = [spoken("word", start_s=float(number)) for number in range(MAX_LINES + 1)]
    transcript = mark_transcript(long, [])
    assert (len(transcript.lines), transcript.is_cut) == (MAX_LINES, True)
    assert not mark_transcript(long[:-1], []).is_cut


@pytest.mark.parametrize(
    "line",
    [
        spoken(*["word"] * MAX_CHARACTERS),
        spoken(*["词"] * (MAX_CHARACTERS + 1), gap=""),
        spoken("a" * (MAX_CHARACTERS + 1)),
        MediaText(text="word " * MAX_CHARACTERS, confidence=1.0, start_s=0.0, end_s=60.0),
    ],
    ids=["words", "Chinese words", "one word", "without times of words"],
)
def test_of_one_long_line_the_beginning_is_kept_in_several_lines(line: MediaText) -> None:
    transcript = mark_transcript([line], [])
    assert transcript.is_cut
    texts = [one.text for one in transcript.lines]
    assert all(0 < len(text) <= MAX_LINE_CHARACTERS for text in texts)
    assert MAX_CHARACTERS - MAX_LINE_CHARACTERS < sum(map(len, texts)) <= MAX_CHARACTERS
    assert line.text.startswith((" " if " " in line.text else "").join(texts))


def test_the_words_of_a_finding_are_kept_also_at_the_end_of_a_long_line() -> None:
    words = ["word"] * MAX_CHARACTERS
    start_s = len(words) / 2
    transcript = mark_transcript(
        [spoken(*words, "hurt", "him")], [finding(TimeRange(start_s=start_s, end_s=start_s + 1.0))]
    )
    assert marked_words(transcript) == ["hurt him"]
    last, second_last = transcript.lines[-1], transcript.lines[-2]
    assert last.end_s == start_s + 1.0
    # The beginning is kept too.
    assert (transcript.lines[0].start_s, transcript.is_cut) == (0.0, True)
    assert second_last.end_s < last.start_s


@given(
    st.lists(st.tuples(st.floats(0, 9), st.floats(0, 9)).map(sorted), max_size=8),
    st.lists(st.floats(0, 9), min_size=1, max_size=20),
)
def test_a_word_is_marked_if_the_findings_cover_its_time(
    places: list[list[float]], starts: list[float]
) -> None:
    lines = [spoken("word", start_s=start_s) for start_s in starts]
    found = finding(*(TimeRange(start_s=start, end_s=end) for start, end in places))
    for line in mark_transcript(lines, [found]).lines:
        is_inside_one = any(start <= line.start_s and line.end_s <= end for start, end in places)
        touches_one = any(start <= line.end_s and line.start_s <= end for start, end in places)
        assert is_inside_one <= bool(line.marks)
        assert bool(line.marks) <= touches_one


@given(st.lists(st.tuples(st.text(max_size=40), st.floats(0, 60)), max_size=20), st.floats(0, 60))
def test_any_text_becomes_plain_lines_in_order_whose_marks_are_inside(
    said: list[tuple[str, float]], until_s: float
) -> None:
    lines = [spoken(*text.split(), start_s=start_s) for text, start_s in said]
    transcript = mark_transcript(lines, [finding(TimeRange(start_s=0.0, end_s=until_s))])
    starts = [line.start_s for line in transcript.lines]
    assert starts == sorted(starts)
    for line in transcript.lines:
        line.text.encode()
        assert not set(line.text) & {chr(code) for code in (*range(32), 127, *range(0x202A, 0x202F))}
        assert all(0 <= start < end <= len(line.text) for start, end in line.marks)
        assert all(one[1] <= other[0] for one, other in zip(line.marks, line.marks[1:], strict=False))
