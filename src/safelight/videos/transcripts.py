"""The transcript of a generated video for its reviewers, stored if the video was held or can be appealed.

It is content like the video: it is deleted with its files, and is in no log, no statement, and no answer of
the API but that for its reviewers.
"""

from __future__ import annotations

import re
import textwrap
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Annotated

import msgspec

from safelight.core.records import About, Shown
from safelight.detectors.protocol import MediaText, SpokenWord
from safelight.detectors.text.media_text import join_lines
from safelight.media.audio import merge_spans
from safelight.policy.findings import Finding, TimeRange
from safelight.store.database import Transaction
from safelight.store.tables import transcripts

#: Most characters and lines of a stored transcript: over ten minutes of speech, and still a light page.
MAX_CHARACTERS, MAX_LINES = 10_000, 500
#: A longer line is divided at words: some servers report all words in one line.
MAX_LINE_CHARACTERS = 500
#: Times are rounded to milliseconds.
_ROUNDING_S = 0.002
#: Control characters, lone surrogates, and characters that change the direction of the text after them.
_NOT_TEXT = re.compile(r"[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


@dataclass(frozen=True, kw_only=True)
class SpokenLine(Shown):
    """A spoken line with its times in the clip. `marks`: the characters to which findings refer."""

    text: str
    start_s: Annotated[float, About("In seconds from the start of the video, as `end_s`.")]
    end_s: float
    marks: Annotated[
        tuple[tuple[int, int], ...],
        About(
            "Start and end of the characters of `text` to which a finding refers, counted in Unicode "
            "code points from 0; the end is not included. JavaScript counts other units: use "
            "`Array.from(text)`."
        ),
    ] = ()


@dataclass(frozen=True, kw_only=True)
class Transcript(Shown):
    lines: Annotated[tuple[SpokenLine, ...], About("In spoken order.")]
    #: Those without marks first.
    is_cut: Annotated[bool, About("Lines were left out, because the transcript is too long.")] = False


def mark_transcript(lines: Iterable[MediaText], findings: Iterable[Finding]) -> Transcript:
    """The transcript as it is stored: plain text in spoken order, with the evidence of findings. Pure."""
    ranges = merge_spans(
        (place.start_s, place.end_s)
        for finding in findings
        if finding.attributes.get("speech")
        for place in finding.evidence
        if isinstance(place, TimeRange)
    )
    spoken = [part for line in lines for part in _divide(_plain(line))]
    marked = [_mark_line(line, ranges) for line in sorted(spoken, key=lambda line: line.start_s)]
    marked = [line for line in marked if line.text]
    kept: list[int] = []
    characters = 0
    for number in sorted(range(len(marked)), key=lambda number: not marked[number].marks):
        characters += len(marked[number].text)
        if characters > MAX_CHARACTERS or len(kept) == MAX_LINES:
            break
        kept.append(number)
    return Transcript(lines=tuple(marked[number] for number in sorted(kept)), is_cut=len(kept) < len(marked))


def _divide(line: MediaText) -> Iterator[MediaText]:
    """The line, or its parts if it is too long to be stored as one."""
    if len(line.text) <= MAX_LINE_CHARACTERS:
        yield line
        return
    joined = join_lines([line])
    starts = (*joined.starts, len(joined.text))
    first = 0
    for until in range(1, len(starts)):
        if until + 1 < len(starts) and starts[until + 1] - starts[first] <= MAX_LINE_CHARACTERS:
            continue
        reads = [read for word in joined.passages[first:until] for read in word.reads]
        part = replace(line, start_s=reads[0].start_s, end_s=reads[-1].end_s)
        words = tuple(SpokenWord(text=read.text, start_s=read.start_s, end_s=read.end_s) for read in reads)
        texts = [joined.text[starts[first] : starts[until]].strip()]
        if len(texts[0]) > MAX_LINE_CHARACTERS:
            # One passage, such as a line without times of its words.
            texts, words = textwrap.wrap(texts[0], MAX_LINE_CHARACTERS, break_on_hyphens=False), ()
        for text in texts:
            yield replace(part, text=text, words=words)
        first = until


def _mark_line(spoken: MediaText, ranges: Sequence[tuple[float, float]]) -> SpokenLine:
    joined = join_lines([spoken])
    # A word ends where the next one begins.
    ends = (*joined.starts, len(joined.text))[1:]
    marks: list[tuple[int, int]] = []
    is_after_mark = False
    for word, start, end in zip(joined.passages, joined.starts, ends, strict=True):
        [read] = word.reads
        is_marked = _is_within(read, ranges)
        if is_marked:
            until = start + len(joined.text[start:end].rstrip())
            first = marks.pop()[0] if is_after_mark else start
            marks.append((first, until))
        is_after_mark = is_marked
    return SpokenLine(text=joined.text, start_s=spoken.start_s, end_s=spoken.end_s, marks=tuple(marks))


def _is_within(read: MediaText, ranges: Sequence[tuple[float, float]]) -> bool:
    number = bisect_right(ranges, read.start_s + _ROUNDING_S, key=lambda one: one[0])
    if not number:
        return False
    first, last = ranges[number - 1]
    return first - _ROUNDING_S <= read.start_s and read.end_s <= last + _ROUNDING_S


def _plain(line: MediaText) -> MediaText:
    words = tuple(replace(word, text=_NOT_TEXT.sub(" ", word.text)) for word in line.words)
    return replace(line, text=_NOT_TEXT.sub(" ", line.text), words=words)


def store_transcript(tx: Transaction, video_id: str, transcript: Transcript) -> None:
    tx.insert(transcripts, video_id=video_id, body=msgspec.json.encode(transcript), created_at=tx.now())


def read_transcript(tx: Transaction, video_id: str) -> Transcript | None:
    """The stored transcript of a video; None if there is none."""
    row = tx.one(transcripts, transcripts.c.video_id == video_id)
    return None if row is None else msgspec.json.decode(row.body, type=Transcript)


def delete_transcript(tx: Transaction, video_id: str) -> None:
    tx.delete(transcripts, transcripts.c.video_id == video_id)


def copy_transcript(tx: Transaction, video_id: str, released_id: str) -> None:
    """Give the video that replaces another one its transcript, if it has one."""
    transcript = read_transcript(tx, video_id)
    if transcript is not None:
        store_transcript(tx, released_id, transcript)
