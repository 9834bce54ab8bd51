"""Words read from media put together into one text, with the way back to when and where they were."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from safelight.detectors.protocol import ReadText
from safelight.policy.findings import Evidence, FrameRange, ImageBox, TextSpan, TimeRange


@dataclass(frozen=True, kw_only=True)
class Passage:
    """One distinct text and everywhere it was read."""

    text: str
    reads: tuple[ReadText, ...]

    def place(self) -> Evidence:
        start = min(read.start_s for read in self.reads)
        end = max(read.end_s for read in self.reads)
        frames = [read.frame for read in self.reads if read.frame is not None]
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
class Reading:
    """The passages in the order they first appear, one per line, so that phrases run on across lines."""

    text: str
    passages: tuple[Passage, ...]
    starts: tuple[int, ...]

    def places(self, evidence: Iterable[Evidence]) -> tuple[Evidence, ...]:
        """The evidence with every span of the text replaced by the places of the passages it touches."""
        placed: list[Evidence] = []
        for one in evidence:
            if isinstance(one, TextSpan):
                first = max(bisect_right(self.starts, one.start) - 1, 0)
                last = max(bisect_right(self.starts, max(one.end - 1, one.start)) - 1, 0)
                placed += [self.passages[index].place() for index in range(first, last + 1)]
            else:
                placed.append(one)
        return tuple(dict.fromkeys(placed))


def assembled(texts: Sequence[ReadText]) -> Reading:
    """Every distinct text once, by the time it was first read."""
    groups: dict[str, list[ReadText]] = {}
    for read in sorted(texts, key=lambda read: read.start_s):
        if words := read.text.strip():
            groups.setdefault(words, []).append(read)
    starts, position = [], 0
    for words in groups:
        starts.append(position)
        position += len(words) + 1
    return Reading(
        text="\n".join(groups),
        passages=tuple(Passage(text=words, reads=tuple(reads)) for words, reads in groups.items()),
        starts=tuple(starts),
    )
