"""Merges the scans of several views of one clip, such as over black and over white. Pure."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from safelight.detectors.protocol import MediaText
from safelight.policy.findings import Finding, FrameRange
from safelight.scanning.report import WorkerResult

#: A finding of another view is left out if a known finding of the same kind covers it, and its score is not
#: higher by this than that of the known finding.
_MIN_SCORE_GAIN = 0.05
#: Attributes that rules compare: a finding with less of one of them does not cover the other.
_EXTENTS = ("frames", "duration_s", "area")


def merge_views(stored: WorkerResult, others: Sequence[WorkerResult]) -> WorkerResult:
    """The result of the stored view, with what only the other views show."""
    findings, texts = list(stored.findings), list(stored.texts)
    selected_frames = stored.selected_frames
    for other in others:
        findings += _new_findings(findings, other.findings)
        texts += _new_texts(texts, other.texts)
        if selected_frames:
            # Detectors outside the child get no keyframes of other views, so their check is incomplete.
            selected_frames += max(other.sampling.looked_at if other.sampling is not None else 0, 1)
    return msgspec.structs.replace(
        stored, findings=tuple(findings), texts=tuple(texts), selected_frames=selected_frames
    )


def _new_findings(known: Sequence[Finding], found: Sequence[Finding]) -> list[Finding]:
    by_key: dict[object, list[Finding]] = {}
    for one in known:
        by_key.setdefault(_key(one), []).append(one)
    return [
        one
        for one in found
        if not any(
            _covers(other, one) and one.score < other.score + _MIN_SCORE_GAIN
            for other in by_key.get(_key(one), ())
        )
    ]


def _key(finding: Finding) -> object:
    return finding.detector, finding.category, finding.modality, finding.attributes.get("kind")


def _covers(known: Finding, new: Finding) -> bool:
    """Whether the known finding contains the frames of the new one, and is not smaller or shorter."""
    places = _frame_ranges(known)
    ranges = _frame_ranges(new)
    return (
        bool(ranges)
        and all(
            any(place.first <= one.first and one.last <= place.last for place in places) for one in ranges
        )
        and all(_extent(known, name) >= _extent(new, name) for name in _EXTENTS)
    )


def _frame_ranges(finding: Finding) -> list[FrameRange]:
    return [part for part in finding.evidence if isinstance(part, FrameRange)]


def _extent(finding: Finding, name: str) -> float:
    value = finding.attributes.get(name)
    return float(value) if isinstance(value, int | float) else 0.0


def _new_texts(known: Sequence[MediaText], found: Sequence[MediaText]) -> list[MediaText]:
    seen = {one.text.casefold() for one in known}
    return [one for one in found if one.text.casefold() not in seen]
