"""Splits a text at the character ranges that findings refer to, to highlight them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class TextSegment:
    text: str
    highlighted: bool


def split_highlights(text: str, spans: Iterable[tuple[int, int]]) -> tuple[TextSegment, ...]:
    """Split the text at the spans (end exclusive). Overlapping spans are merged; spans are clipped to the
    text.
    """
    merged: list[list[int]] = []
    for start, end in sorted((max(0, start), min(len(text), end)) for start, end in spans):
        if end <= start:
            continue
        if merged and start < merged[-1][1]:
            merged[-1][1] = max(merged[-1][1], end)
        else:
            merged.append([start, end])
    segments: list[TextSegment] = []
    position = 0
    for start, end in merged:
        if start > position:
            segments.append(TextSegment(text=text[position:start], highlighted=False))
        segments.append(TextSegment(text=text[start:end], highlighted=True))
        position = end
    if position < len(text):
        segments.append(TextSegment(text=text[position:], highlighted=False))
    return tuple(segments)
