"""The timeline of a scanned video: frames, a lane for each category, and speech, along the clip."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from safelight.policy.findings import Finding, FrameRange, Stage, Taxonomy, TimeRange
from safelight.videos.models import StageRecord, VideoRecord, VideoState
from safelight.web.translations import Translations, format_decimal
from safelight.web.video_facts import links

from .finding_lanes import TimelineLane, TimelineSegment, timeline_lanes, timeline_ticks
from .timeline import is_hidden

#: Frames and columns of the contact sheet of a delivered file (`screening.delivery`).
_SHEET_FRAMES, _SHEET_COLUMNS = 10, 5


@dataclass(frozen=True, kw_only=True)
class StripCell:
    """One frame of the contact sheet. `flagged`: something was found near it, so that it is blurred."""

    column: int
    row: int
    flagged: bool


@dataclass(frozen=True, kw_only=True)
class VideoTimeline:
    #: Address of the contact sheet; empty if the file was not delivered, or does not exist any more.
    sheet_url: str
    cells: tuple[StripCell, ...]
    columns: int
    rows: int
    frame_width: int
    frame_height: int
    lanes: tuple[TimelineLane, ...]
    speech: TimelineLane | None
    #: What is known about the sound.
    sound: str
    ticks: tuple[tuple[str, str], ...]


def video_timeline(
    record: VideoRecord, taxonomy: Taxonomy, t: Translations, *, now: float | None
) -> VideoTimeline | None:
    """The timeline by the last scan of the video. None if it was not scanned, or is vaulted.

    Without `now`, it has no frames: a reviewer sees frames on demand only, and each view is logged.
    """
    video = record.video
    scan = next((one for one in reversed(record.stages) if one.stage is Stage.OUTPUT), None)
    facts = scan.details.get("facts") if scan else None
    if scan is None or not facts or video.vaulted:
        return None
    found = scan.verdict.counted(scan.findings, scan.coverage.cells)
    visible = [finding for finding in found if not is_hidden(finding.category, taxonomy)]
    seconds = scan_seconds(scan)
    picture_s = float(facts.get("duration_s") or 0.0)
    frames = int((scan.details.get("schedule") or {}).get("frames") or facts.get("frames") or 0)
    is_kept = now is not None and (video.expires_at is None or video.expires_at > now)
    has_sheet = is_kept and video.state is VideoState.DELIVERED and frames >= _SHEET_FRAMES
    return VideoTimeline(
        sheet_url=f"{links(video)['content']}?variant=spritesheet" if has_sheet else "",
        cells=tuple(_cells(scan.findings, frames, picture_s)) if has_sheet else (),
        columns=_SHEET_COLUMNS,
        rows=_SHEET_FRAMES // _SHEET_COLUMNS,
        frame_width=int(facts.get("width") or 16),
        frame_height=int(facts.get("height") or 9),
        lanes=tuple(timeline_lanes(visible, seconds, t)),
        speech=_speech_lane(scan, seconds, t),
        sound=describe_sound(scan.details, t),
        ticks=timeline_ticks(seconds, frames, t, picture_s=picture_s),
    )


def _cells(findings: Iterable[Finding], frames: int, picture_s: float) -> Iterable[StripCell]:
    """The frames of the sheet are evenly spaced by number. A cell beside a finding is blurred too."""
    spans = [
        span for finding in findings for one in finding.evidence if (span := _share(one, frames, picture_s))
    ]
    for number in range(_SHEET_FRAMES):
        yield StripCell(
            column=number % _SHEET_COLUMNS,
            row=number // _SHEET_COLUMNS,
            flagged=any(
                first * _SHEET_FRAMES < number + 2 and number - 1 <= last * _SHEET_FRAMES
                for first, last in spans
            ),
        )


def _share(evidence: object, frames: int, picture_s: float) -> tuple[float, float] | None:
    """Where evidence is in the picture, from 0 to 1. Uneven frame times and a longer sound change nothing."""
    if isinstance(evidence, FrameRange):
        return evidence.first / frames, (evidence.last + 1) / frames
    if isinstance(evidence, TimeRange):
        return (evidence.start_s / picture_s, evidence.end_s / picture_s) if picture_s else (0.0, 1.0)
    return None


def _speech_lane(scan: StageRecord, seconds: float, t: Translations) -> TimelineLane | None:
    speech = (scan.details.get("sound") or {}).get("speech") or ()
    spans = [(float(span["start_s"]), float(span["end_s"])) for span in speech]
    if not spans or not seconds:
        return None
    places = [t("record.at", start=format_decimal(start), end=format_decimal(end)) for start, end in spans]
    return TimelineLane(
        name=t("record.speech"),
        modality=t("modality.audio"),
        segments=tuple(
            TimelineSegment(
                left=min(round(1000 * start / seconds), 994),
                width=max(6, round(1000 * (end - start) / seconds)),
                opacity="1",
            )
            for start, end in spans
        ),
        peaks=(),
        strongest="",
        label=t.join_list(places),
    )


def scan_seconds(scan: StageRecord) -> float:
    """The length of a scanned clip: of its picture or of its sound."""
    facts = scan.details["facts"]
    return max(float(facts.get("duration_s") or 0.0), float(facts.get("audio_duration_s") or 0.0))


def describe_sound(details: Mapping[str, Any], t: Translations) -> str:
    """What is known about the sound of a scanned clip."""
    sound = details.get("sound")
    if not details["facts"].get("audio_codec") or sound is None:
        return t("record.no_sound")
    if sound.get("speech") is not None and not sound["speech"]:
        return t("record.no_speech")
    return t("record.transcribed" if sound.get("transcribed") else "record.not_transcribed")
