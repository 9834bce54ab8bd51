"""Joins texts from OCR or from a transcript into one text, and maps evidence in this text back to times
and places.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from safelight.detectors.protocol import MediaText
from safelight.policy.findings import Evidence, FrameRange, ImageBox, TextSpan, TimeRange

#: Punctuation that a transcriber may include in the text of a line but omit in the words of the line, or the
#: reverse.
_PUNCTUATION = ".,;:!?\"'()[]-…“”‘’、。，！？；：「」"


@dataclass(frozen=True, kw_only=True)
class Passage:
    """One distinct text with every place at which OCR or a transcriber found it."""

    text: str
    reads: tuple[MediaText, ...]

    def locate(self) -> Evidence:
        start = min(read.start_s for read in self.reads)
        end = max(read.end_s for read in self.reads)
        frames = [
            frame for read in self.reads if read.frame is not None for frame in read.frames or (read.frame,)
        ]
        if not frames:
            return TimeRange(start_s=start, end_s=end)
        peak = max(self.reads, key=lambda read: (read.frame is not None, read.confidence))
        box = (
            None if peak.box is None else ImageBox(x=peak.box[0], y=peak.box[1], w=peak.box[2], h=peak.box[3])
        )
        return FrameRange(
            first=min(frames), last=max(frames), start_s=start, end_s=end, peak=peak.frame or 0, box=box
        )


@dataclass(frozen=True, kw_only=True)
class AssembledText:
    """All passages joined into one text, in order of first appearance, so that phrases can match across them.

    OCR passages are on separate lines. `starts` has the position at which each passage begins.
    """

    text: str
    passages: tuple[Passage, ...]
    starts: tuple[int, ...]
    #: Whether the passages are spoken words. Evidence in several consecutive words then becomes one time
    #: range.
    spoken: bool = False

    def locate(self, evidence: Iterable[Evidence]) -> tuple[Evidence, ...]:
        """Replace every text span in the evidence by the times and places of the passages that it
        overlaps.
        """
        placed: list[Evidence] = []
        for one in evidence:
            if isinstance(one, TextSpan):
                first = max(bisect_right(self.starts, one.start) - 1, 0)
                last = max(bisect_right(self.starts, max(one.end - 1, one.start)) - 1, 0)
                places = [self.passages[index].locate() for index in range(first, last + 1)]
                placed += [_joined_range(places)] if self.spoken else places
            else:
                placed.append(one)
        return tuple(dict.fromkeys(placed))


def join_lines(lines: Iterable[MediaText]) -> AssembledText:
    """Join transcript lines into one text in spoken order. Evidence is as precise as the times of the
    words.
    """
    text = ""
    passages: list[Passage] = []
    starts: list[int] = []
    for line in sorted(lines, key=lambda line: line.start_s):
        words = " ".join(line.text.split())
        if not words:
            continue
        if text and not (_is_chinese(text[-1]) and _is_chinese(words[0])):
            text += " "
        for start, part in _place_words(words, line):
            starts.append(len(text) + start)
            passages.append(Passage(text=part.text, reads=(part,)))
        text += words
    return AssembledText(text=text, passages=tuple(passages), starts=tuple(starts), spoken=True)


def _place_words(text: str, line: MediaText) -> list[tuple[int, MediaText]]:
    """The position in `text` of each word of a line; only the whole line, at 0, if a word cannot be found."""
    found: list[tuple[int, MediaText]] = []
    lowered, position = text.casefold(), 0
    if len(lowered) != len(text):
        return [(0, line)]
    for word in line.words:
        word_text = word.text.strip().casefold()
        place = lowered.find(word_text, position) if word_text else -1
        if place < 0:
            word_text = word_text.strip(_PUNCTUATION)
            place = lowered.find(word_text, position) if word_text else -1
        if place < 0:
            return [(0, line)]
        found.append(
            (place, replace(line, text=word.text.strip(), start_s=word.start_s, end_s=word.end_s, words=()))
        )
        position = place + len(word_text)
    if not found:
        return [(0, line)]
    # Text before the first word is attributed to the first word.
    return [(0, found[0][1]), *found[1:]]


def _joined_range(places: Sequence[Evidence]) -> TimeRange:
    times = [place for place in places if isinstance(place, TimeRange | FrameRange)]
    return TimeRange(start_s=min(time.start_s for time in times), end_s=max(time.end_s for time in times))


def _is_chinese(letter: str) -> bool:
    return "\u2e80" <= letter <= "\u9fff" or "\uff00" <= letter <= "\uffef"


def assemble_passages(texts: Sequence[MediaText]) -> AssembledText:
    """Join OCR texts. The result contains every distinct text once, ordered by the time of its first
    appearance, and from top to bottom.
    """
    groups: dict[str, list[MediaText]] = {}
    for read in sorted(texts, key=lambda read: (read.start_s, read.box[1] if read.box else 0.0)):
        if words := read.text.strip():
            groups.setdefault(words, []).append(read)
    starts, position = [], 0
    for words in groups:
        starts.append(position)
        position += len(words) + 1
    return AssembledText(
        text="\n".join(groups),
        passages=tuple(Passage(text=words, reads=tuple(reads)) for words, reads in groups.items()),
        starts=tuple(starts),
    )
