"""The timeline and the findings of one file in the scan report."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from safelight.policy.findings import (
    Evidence,
    Finding,
    FrameRange,
    ImageBox,
    Match,
    Modality,
    TextSpan,
    TimeRange,
)

from .formatting import format_decimal, translate_category, translate_detector
from .translations import Translations


@dataclass(frozen=True, kw_only=True)
class TimelineSegment:
    """A bar on the timeline: left edge and width in thousandths of the clip. `opacity` increases with the
    score.
    """

    left: int
    width: int
    opacity: str


@dataclass(frozen=True, kw_only=True)
class TimelineLane:
    """A row of the timeline: the findings of one category and modality over the length of the clip."""

    name: str
    modality: str
    segments: tuple[TimelineSegment, ...]
    peaks: tuple[int, ...]
    strongest: str
    label: str


@dataclass(frozen=True, kw_only=True)
class ScanFindingRow:
    name: str
    location: str
    score: str
    peak: str
    reason: str
    #: Whether the reason has no translation.
    reason_in_english: bool
    detector: str


def time_spans(finding: Finding) -> list[tuple[float, float]]:
    return [(one.start_s, one.end_s) for one in finding.evidence if isinstance(one, FrameRange | TimeRange)]


def timeline_lanes(findings: Sequence[Finding], seconds: float, t: Translations) -> Iterable[TimelineLane]:
    by_lane: dict[tuple[str, Modality], list[Finding]] = {}
    for finding in findings:
        if seconds and time_spans(finding):
            by_lane.setdefault((finding.category, finding.modality), []).append(finding)
    for (category, modality), members in sorted(by_lane.items()):
        segments, peaks, places = [], [], []
        for finding in members:
            strength = format_decimal(0.35 + 0.65 * finding.score)
            for start, end in time_spans(finding):
                width = max(6, round(1000 * (end - start) / seconds))
                left = min(round(1000 * max(0.0, start) / seconds), 1000 - min(width, 1000))
                segments.append(TimelineSegment(left=left, width=width, opacity=strength))
                places.append(t("record.at", start=format_decimal(start), end=format_decimal(end)))
            if (moment_s := _peak_s(finding)) is not None:
                peaks.append(min(round(1000 * moment_s / seconds), 997))
        strongest = max(finding.score for finding in members)
        yield TimelineLane(
            name=translate_category(category, t),
            modality=t(f"modality.{modality.value}"),
            segments=tuple(segments),
            peaks=tuple(peaks),
            strongest=f"{strongest:.2f}",
            label=t.join_list(places[:12]) + (" …" if len(places) > 12 else ""),
        )


def _peak_s(finding: Finding) -> float | None:
    """Time of the peak frame in seconds, interpolated from the frame range of the finding."""
    for one in finding.evidence:
        if isinstance(one, FrameRange):
            part = (one.peak - one.first + 0.5) / (one.last - one.first + 1)
            return one.start_s + (one.end_s - one.start_s) * min(max(part, 0.0), 1.0)
    return None


def timeline_ticks(seconds: float, frames: int, t: Translations) -> tuple[tuple[str, str], ...]:
    """Time and frame number at five points of the clip."""
    if not seconds:
        return ()
    return tuple(
        (
            t("time.s", n=format_decimal(round(seconds * part / 4, 2))),
            str(round(max(frames - 1, 0) * part / 4)) if frames else "",
        )
        for part in range(5)
    )


def scan_finding_row(finding: Finding, t: Translations) -> ScanFindingRow:
    frame = next((one for one in finding.evidence if isinstance(one, FrameRange)), None)
    peak = t("scan.peak", frame=frame.peak) if frame is not None and frame.first != frame.last else ""
    reason, in_english = t.translate_finding(finding.reason)
    # The name of a list is shown only if the finding has no place in the file.
    evidence = [one for one in finding.evidence if not isinstance(one, Match)] or finding.evidence
    places = dict.fromkeys(sentence for one in evidence if (sentence := _describe_evidence(one, finding, t)))
    return ScanFindingRow(
        name=translate_category(finding.category, t),
        location=t.join_list(list(places)) or t(f"modality.{finding.modality.value}"),
        score=f"{finding.score:.2f}",
        peak=peak,
        reason=reason,
        reason_in_english=in_english,
        detector=t("record.detector", name=translate_detector(finding.detector, t), version=finding.version),
    )


def _describe_evidence(place: Evidence, finding: Finding, t: Translations) -> str:
    match place:
        case FrameRange():
            values = {"start": format_decimal(place.start_s), "end": format_decimal(place.end_s)}
            if place.first == place.last:
                return t("scan.in_frame", frame=place.first, at=values["start"])
            return t("explain.in_frames", first=place.first, last=place.last, **values)
        case TimeRange():
            return t("explain.in_audio", start=format_decimal(place.start_s), end=format_decimal(place.end_s))
        case ImageBox():
            return t("scan.in_image") if finding.modality is Modality.IMAGE else ""
        case TextSpan():
            return t("scan.in_ocr")
        case Match():
            return t("explain.in_list", list=place.list)
