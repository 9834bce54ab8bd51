"""Code that all transcribers share: their capabilities, validation of lines, assignment of words to lines.

Pure.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from safelight.detectors.protocol import Capability, MediaText, SpokenWord, TranscriptionFailed
from safelight.policy.findings import Category, Modality

#: Any text detector can check a transcript; the detectors that did are known only after they ran.
TRANSCRIPT_CAPABILITIES: tuple[Capability, ...] = tuple(
    Capability(category=category.value, modality=Modality.AUDIO)
    for category in Category
    if category
    not in (
        Category.IP_BRAND,
        Category.IP_CHARACTER,
        Category.LIKENESS,
        Category.PHOTOSENSITIVE,
        Category.DECEPTION_SUBLIMINAL,
    )
)
#: Limits of a plausible transcript of one file; a longer one is rejected.
MAX_WORDS, MAX_CHARACTERS = 20_000, 200_000
#: How far times may exceed the end of the file in seconds, because models round them.
_MAX_OVERRUN_S = 2.0


def validate_transcript(lines: Iterable[MediaText], seconds: float) -> tuple[MediaText, ...]:
    """Sort and validate the lines. Raises `TranscriptionFailed` if they are not plausible for `seconds` of
    sound.
    """
    found = tuple(sorted(lines, key=lambda line: line.start_s))
    if sum(len(line.words) for line in found) > MAX_WORDS or (
        sum(len(line.text) for line in found) > MAX_CHARACTERS
    ):
        raise TranscriptionFailed("The transcript is longer than any speech of a clip can be.")
    for line in found:
        for start, end in ((line.start_s, line.end_s), *((word.start_s, word.end_s) for word in line.words)):
            if not (math.isfinite(start) and math.isfinite(end)):
                raise TranscriptionFailed("The transcript has times that are not numbers.")
            if not (0.0 <= start <= end + 0.01 and end <= seconds + _MAX_OVERRUN_S):
                raise TranscriptionFailed(
                    f"The transcript has words at {start:.2f} to {end:.2f} s of {seconds:.2f} s of sound."
                )
    return found


def assign_words(lines: Sequence[MediaText], words: Sequence[SpokenWord]) -> tuple[MediaText, ...]:
    """Assign each word to the line that is nearest to the middle of the word. Without lines, make one line
    of all words.
    """
    if not lines:
        if not words:
            return ()
        lines = (
            MediaText(
                text=" ".join(word.text.strip() for word in words),
                confidence=1.0,
                start_s=words[0].start_s,
                end_s=max(word.end_s for word in words),
            ),
        )
    words_by_line: list[list[SpokenWord]] = [[] for _ in lines]
    for word in words:
        middle = (word.start_s + word.end_s) / 2
        nearest = min(range(len(lines)), key=lambda index: _time_distance(lines[index], middle))
        words_by_line[nearest].append(word)
    return tuple(
        MediaText(
            text=line.text,
            confidence=line.confidence,
            start_s=line.start_s,
            end_s=line.end_s,
            words=tuple(own_words),
        )
        for line, own_words in zip(lines, words_by_line, strict=True)
    )


def _time_distance(line: MediaText, moment: float) -> float:
    return max(line.start_s - moment, moment - line.end_s, 0.0)
