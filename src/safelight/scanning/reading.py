"""Texts read off single frames, joined where one text stays on screen. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from safelight.detectors.protocol import ReadText


def merged(looks: Iterable[Sequence[ReadText]]) -> list[ReadText]:
    """The texts of consecutive looks, each once for as long as it stays, in the order they appear.

    The reading with the best confidence gives frame and box; the times span all of them.
    """
    done: list[ReadText] = []
    showing: dict[str, ReadText] = {}
    for texts in looks:
        now: dict[str, ReadText] = {}
        for text in texts:
            key = " ".join(text.text.casefold().split())
            if not key:
                continue
            before = now.get(key) or showing.get(key)
            now[key] = text if before is None else _joined(before, text)
        done += [text for key, text in showing.items() if key not in now]
        showing = now
    return sorted((*done, *showing.values()), key=lambda text: (text.start_s, text.frame or 0))


def _joined(one: ReadText, other: ReadText) -> ReadText:
    best = other if other.confidence > one.confidence else one
    return replace(best, start_s=min(one.start_s, other.start_s), end_s=max(one.end_s, other.end_s))
