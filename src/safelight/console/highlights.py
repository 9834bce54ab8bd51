"""Marks in a text: which characters a finding rests on, so that they can be underlined where they stand."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class HighlightedSpan:
    text: str
    marked: bool


def split_highlights(text: str, spans: Iterable[tuple[int, int]]) -> tuple[HighlightedSpan, ...]:
    """The text cut at the spans (end exclusive); those that overlap are one mark, what lies outside goes."""
    joined: list[list[int]] = []
    for start, end in sorted((max(0, start), min(len(text), end)) for start, end in spans):
        if end <= start:
            continue
        if joined and start < joined[-1][1]:
            joined[-1][1] = max(joined[-1][1], end)
        else:
            joined.append([start, end])
    found: list[HighlightedSpan] = []
    at = 0
    for start, end in joined:
        if start > at:
            found.append(HighlightedSpan(text=text[at:start], marked=False))
        found.append(HighlightedSpan(text=text[start:end], marked=True))
        at = end
    if at < len(text):
        found.append(HighlightedSpan(text=text[at:], marked=False))
    return tuple(found)
