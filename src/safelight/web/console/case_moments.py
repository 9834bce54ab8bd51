"""The moments of a video that a reviewer looks at first: where something was found."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from safelight.policy.findings import Finding, FrameRange, Stage, TimeRange
from safelight.videos.case_rows import Case
from safelight.videos.models import StageRecord, VideoRecord

#: As many as there are digits for rules: a longer list is not read.
MAX_MOMENTS = 9


@dataclass(frozen=True, kw_only=True)
class Moment:
    """A place in a clip where something was found."""

    category: str
    score: float
    #: The number of the frame with the highest score; of a sound, the frame at its start.
    frame: int
    start_s: float
    end_s: float
    is_sound: bool = False


def output_scan(record: VideoRecord) -> StageRecord | None:
    """The last scan of the clip. None if it was not scanned."""
    scan = next((one for one in reversed(record.stages) if one.stage is Stage.OUTPUT), None)
    return scan if scan is not None and scan.details.get("facts") else None


def list_moments(case: Case, record: VideoRecord) -> tuple[Moment, ...]:
    """The moments of the findings: first those of the category of the case, then by score. Pure.

    Empty for a quality review, whose reviewer does not learn what was found.
    """
    scan = output_scan(record)
    if scan is None or case.is_blind:
        return ()
    fps = float(scan.details["facts"].get("fps") or 0.0)
    counted = scan.verdict.counted(scan.findings, scan.coverage.cells)
    found = [one for finding in counted for one in _moments(finding, fps)]
    found.sort(key=lambda one: (one.category != case.category, one.is_sound, -one.score, one.start_s))
    chosen: list[Moment] = []
    for one in found:
        if not any(_is_within(one, other) for other in chosen):
            chosen.append(one)
    return tuple(chosen[:MAX_MOMENTS])


def _moments(finding: Finding, fps: float) -> Iterator[Moment]:
    for place in finding.evidence:
        if isinstance(place, FrameRange):
            frame = place.peak
        elif isinstance(place, TimeRange):
            frame = round(place.start_s * fps)
        else:
            continue
        yield Moment(
            category=finding.category,
            score=finding.score,
            frame=max(0, frame),
            start_s=place.start_s,
            end_s=place.end_s,
            is_sound=isinstance(place, TimeRange),
        )


def _is_within(one: Moment, other: Moment) -> bool:
    """Whether the place is listed already, for the same category."""
    return one.category == other.category and other.start_s <= one.start_s <= other.end_s
