"""Texts read off single frames, joined where one text stays on screen. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from safelight.detectors.protocol import MediaText

#: Texts that are kept of one clip: bounded, so that memory is.
MAX_TEXTS = 50_000


class OcrTextMerger:
    """Joins the texts of looks as they come: each once for as long as it stays.

    The reading with the best confidence gives frame and box; the times span all of them.
    """

    def __init__(self) -> None:
        self._done: list[MediaText] = []
        self._showing: dict[str, MediaText] = {}
        self._parts: dict[tuple[str, int], MediaText] = {}

    def add(self, texts: Iterable[MediaText]) -> None:
        """What was read in one look."""
        if self.full:
            return
        now: dict[str, MediaText] = {}
        for text in texts:
            key = " ".join(text.text.casefold().split())
            if not key:
                continue
            before = now.get(key) or self._showing.get(key)
            now[key] = text if before is None else _joined(before, text)
        self._done += [text for key, text in self._showing.items() if key not in now]
        self._showing = now

    @property
    def full(self) -> bool:
        """There are as many texts as are kept; what is added now is not."""
        return len(self._done) + len(self._parts) >= MAX_TEXTS

    def add_from_crop(self, texts: Iterable[MediaText]) -> None:
        """What was read in a part of a frame: it says nothing of texts that stand elsewhere."""
        if self.full:
            return
        for text in texts:
            key = " ".join(text.text.casefold().split())
            if key in self._showing:
                self._showing[key] = _joined(self._showing[key], text)
            elif key:
                place = (key, text.frame or 0)
                before = self._parts.get(place)
                self._parts[place] = text if before is None else _joined(before, text)

    def texts(self) -> list[MediaText]:
        """All of them, in the order they appear."""
        everything = (*self._done, *self._parts.values(), *self._showing.values())
        return sorted(everything, key=lambda text: (text.start_s, text.frame or 0))


def merge_texts(looks: Iterable[Sequence[MediaText]]) -> list[MediaText]:
    """The texts of consecutive looks: see `Texts`."""
    texts = OcrTextMerger()
    for look in looks:
        texts.add(look)
    return texts.texts()


def _joined(one: MediaText, other: MediaText) -> MediaText:
    best = other if other.confidence > one.confidence else one
    return replace(best, start_s=min(one.start_s, other.start_s), end_s=max(one.end_s, other.end_s))
