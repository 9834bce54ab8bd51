"""Merges OCR texts of consecutive frames into one text for the whole time that it is visible. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from safelight.detectors.protocol import MediaText

#: Maximum number of texts per clip; limits the memory.
MAX_TEXTS = 50_000


class OcrTextMerger:
    """Merges the texts of each sampled frame as OCR reads them.

    A merged text has the frame and box of its reading with the highest confidence; its times cover all
    readings.
    """

    def __init__(self) -> None:
        self._ended: list[MediaText] = []
        self._visible: dict[str, MediaText] = {}
        self._crop_texts: dict[tuple[str, int], MediaText] = {}

    def add(self, texts: Iterable[MediaText]) -> None:
        """Add the texts of one frame."""
        if self.full:
            return
        current: dict[str, MediaText] = {}
        for text in texts:
            key = " ".join(text.text.casefold().split())
            if not key:
                continue
            known = current.get(key) or self._visible.get(key)
            current[key] = text if known is None else _combine(known, text)
        self._ended += [text for key, text in self._visible.items() if key not in current]
        self._visible = current

    @property
    def full(self) -> bool:
        """Whether the maximum number of texts is reached; further texts are dropped."""
        return len(self._ended) + len(self._crop_texts) >= MAX_TEXTS

    def add_from_crop(self, texts: Iterable[MediaText]) -> None:
        """Add the texts of a crop.

        Texts in other parts of the frame continue, because they may still be visible.
        """
        if self.full:
            return
        for text in texts:
            key = " ".join(text.text.casefold().split())
            if key in self._visible:
                self._visible[key] = _combine(self._visible[key], text)
            elif key:
                crop_key = (key, text.frame or 0)
                known = self._crop_texts.get(crop_key)
                self._crop_texts[crop_key] = text if known is None else _combine(known, text)

    def texts(self) -> list[MediaText]:
        """All texts, in the order in which they appeared."""
        collected = (*self._ended, *self._crop_texts.values(), *self._visible.values())
        return sorted(collected, key=lambda text: (text.start_s, text.frame or 0))


def merge_texts(frames: Iterable[Sequence[MediaText]]) -> list[MediaText]:
    """Merge the texts of consecutive frames: see `OcrTextMerger`."""
    merger = OcrTextMerger()
    for frame_texts in frames:
        merger.add(frame_texts)
    return merger.texts()


def _combine(one: MediaText, other: MediaText) -> MediaText:
    best = other if other.confidence > one.confidence else one
    read_in = [*_frames(one), *_frames(other)]
    return replace(
        best,
        start_s=min(one.start_s, other.start_s),
        end_s=max(one.end_s, other.end_s),
        frames=(min(read_in), max(read_in)) if read_in else None,
    )


def _frames(text: MediaText) -> tuple[int, ...]:
    return text.frames or (() if text.frame is None else (text.frame,))
