"""What every transcriber claims, and how lines of timed words are put together and checked. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from safelight.detectors.protocol import Capability, MediaText, SpokenWord, TranscriptionFailed
from safelight.policy.categories import Category
from safelight.policy.findings import Modality

#: With words in hand every text detector can look; which ones did is known only afterwards.
WORDS: tuple[Capability, ...] = tuple(
    Capability(category=category.value, modality=Modality.AUDIO)
    for category in Category
    if category not in (Category.IP_BRAND, Category.IP_CHARACTER, Category.LIKENESS)
)
#: More than this for one file is no transcript.
MOST_WORDS, MOST_CHARACTERS = 20_000, 200_000
#: Times may reach over the end of the file by so much, as models round them.
_OVER_S = 2.0


def checked(lines: Iterable[MediaText], seconds: float) -> tuple[MediaText, ...]:
    """The lines in order. Raises `Untranscribed` where they cannot be a transcript of so much sound."""
    found = tuple(sorted(lines, key=lambda line: line.start_s))
    if sum(len(line.words) for line in found) > MOST_WORDS or (
        sum(len(line.text) for line in found) > MOST_CHARACTERS
    ):
        raise TranscriptionFailed("The transcript is longer than anybody can speak.")
    for line in found:
        for start, end in ((line.start_s, line.end_s), *((word.start_s, word.end_s) for word in line.words)):
            if not (math.isfinite(start) and math.isfinite(end)):
                raise TranscriptionFailed("The transcript has times that are no numbers.")
            if not (0.0 <= start <= end + 0.01 and end <= seconds + _OVER_S):
                raise TranscriptionFailed(
                    f"The transcript has words at {start:.2f} to {end:.2f} s of {seconds:.2f} s of sound."
                )
    return found


def with_words(lines: Sequence[MediaText], words: Sequence[SpokenWord]) -> tuple[MediaText, ...]:
    """The lines, each with the words whose middle it has; without lines, one line of all words."""
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
    own: list[list[SpokenWord]] = [[] for _ in lines]
    for word in words:
        middle = (word.start_s + word.end_s) / 2
        nearest = min(range(len(lines)), key=lambda index: _away(lines[index], middle))
        own[nearest].append(word)
    return tuple(
        MediaText(
            text=line.text,
            confidence=line.confidence,
            start_s=line.start_s,
            end_s=line.end_s,
            words=tuple(found),
        )
        for line, found in zip(lines, own, strict=True)
    )


def _away(line: MediaText, moment: float) -> float:
    return max(line.start_s - moment, moment - line.end_s, 0.0)
