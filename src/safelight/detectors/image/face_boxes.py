"""Boxes of faces in a picture and in the same picture turned. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from safelight.detectors.box_tracker import Box, intersection, intersection_over_union

#: Two boxes that share this fraction of the smaller one are the same face.
_MAX_SHARED = 0.45
#: From this intersection over union, boxes of two models are the same face. The models draw them differently.
_MIN_OVERLAP = 0.25


class ScoredFace(NamedTuple):
    """One face that a model reported."""

    score: float
    box: Box


def remove_duplicates(faces: Iterable[ScoredFace]) -> list[ScoredFace]:
    """Remove further boxes of the same face. The box with the highest score is kept."""
    kept: list[ScoredFace] = []
    for face in sorted(faces, key=lambda one: -one.score):
        if all(_shared_part(face.box, other.box) < _MAX_SHARED for other in kept):
            kept.append(face)
    return kept


def is_same_face(one: ScoredFace, other: ScoredFace) -> bool:
    """Whether two models mean the same face."""
    return intersection_over_union(one.box, other.box) >= _MIN_OVERLAP


def turn_back(face: ScoredFace, quarter_turns: int) -> ScoredFace:
    """A face of a picture that `numpy.rot90` turned, in the picture as it was."""
    box = face.box
    for _ in range(quarter_turns):
        x, y, w, h = box
        box = (max(1.0 - y - h, 0.0), x, h, w)
    return ScoredFace(face.score, box)


def clip_box(left: float, top: float, right: float, bottom: float) -> Box:
    """The part of these edges that is inside the picture."""
    left, right = (min(max(edge, 0.0), 1.0) for edge in (left, right))
    top, bottom = (min(max(edge, 0.0), 1.0) for edge in (top, bottom))
    return left, top, max(right - left, 0.0), max(bottom - top, 0.0)


def _shared_part(one: Box, other: Box) -> float:
    """The overlap of two boxes as a fraction of the smaller one."""
    shared = intersection(one, other)
    return shared / min(one[2] * one[3], other[2] * other[3]) if shared else 0.0
