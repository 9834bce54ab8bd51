"""The findings of one file in the scan report."""

from __future__ import annotations

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
class ScanFindingRow:
    name: str
    location: str
    score: str
    peak: str
    reason: str
    #: Whether the reason has no translation.
    reason_in_english: bool
    detector: str


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
