"""The timeline of a clip: a lane for each category and kind of content, and marks of the time."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from safelight.policy.findings import Finding, FrameRange, Modality, TimeRange
from safelight.web.translations import Translations, format_decimal, translate_category


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


def timeline_ticks(
    seconds: float, frames: int, t: Translations, *, picture_s: float
) -> tuple[tuple[str, str], ...]:
    """Time and number of the frame that is shown then, at five points of the clip.

    The last frame stays when the sound is longer than the picture, which takes `picture_s`.
    """
    if not seconds:
        return ()
    return tuple(
        (
            t("time.s", n=format_decimal(round(seconds * part / 4, 2))),
            str(min(int(frames * seconds * part / 4 / (picture_s or seconds) + 0.01), frames - 1))
            if frames
            else "",
        )
        for part in range(5)
    )
