"""Clip evaluation: runs labelled clips through the real scanner, text pipeline and policy."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from safelight.core.errors import BadInput
from safelight.core.progress import ProgressSink
from safelight.detectors import safety_card
from safelight.detectors.protocol import MediaText
from safelight.policy.findings import Finding, FrameRange, Modality, Taxonomy, TimeRange
from safelight.policy.statistics import wilson
from safelight.policy.tenant_policy import TenantPolicy
from safelight.policy.verdicts import Action
from safelight.screening.evaluation import ScreeningContext, StageResult
from safelight.screening.output import OutputStage
from safelight.screening.prompt import PromptStage
from safelight.screening.scanning.report import ScanReport

from .clips import Clip, ClipSet, LabelledSegment
from .label_mapping import FOUND, is_false_positive
from .text_match import was_read

#: Modalities of a clip: frames, text in frames, and audio.
MODALITIES = (Modality.FRAMES, Modality.TEXT, Modality.AUDIO)
#: Tolerance in seconds when the times of a finding and a segment are compared.
_SLACK_S = 0.1


@dataclass(frozen=True, kw_only=True)
class ClipResult:
    """The result of one clip. If the clip could not be opened, `result` is None and `problem` is the
    reason.
    """

    clip: Clip
    result: StageResult | None
    report: ScanReport | None
    problem: str = ""


def evaluate_clips(
    data: ClipSet, stage: OutputStage, policy: TenantPolicy, *, progress: Callable[[int, int], None]
) -> Iterator[ClipResult]:
    """Scans and evaluates each clip like a generated video, together with its prompt if it has one.

    `progress` receives the index of the clip and the percentage of the clip that is done.
    """
    prompts = PromptStage(pipeline=stage.pipeline)
    for number, clip in enumerate(data.clips):
        texts = {"prompt": clip.prompt} if clip.prompt.strip() else {}
        try:
            judged, report = stage.scan(
                data.folder / clip.file,
                ScreeningContext(
                    policy=policy,
                    texts=texts,
                    prior=prompts.screen(texts, policy).findings if texts else (),
                ),
                subject_sha256=clip.sha256,
                progress=ProgressSink(partial(_report, progress, number)),
            )
        except BadInput as error:
            yield ClipResult(clip=clip, result=None, report=None, problem=error.message)
        else:
            yield ClipResult(clip=clip, result=judged, report=report)
        progress(number, 100)


def _report(progress: Callable[[int, int], None], number: int, done: int, total: int) -> None:
    if total:
        progress(number, 100 * done // total)


def build_report(
    data: ClipSet,
    seen: Sequence[ClipResult],
    *,
    taxonomy: Taxonomy,
    policy: dict[str, str],
    waivers: Iterable[str],
) -> dict[str, Any]:
    """The report: `cells` by category and modality, `clips` by label, `cost`, `missed` and `alarms`."""
    versions = {run.name: run.version for one in seen if one.report for run in one.report.runs}
    stamp = "\n".join(f"{name} {version}" for name, version in sorted(versions.items()))
    return {
        "data": {
            "name": data.name,
            "sha256": data.sha256,
            "n": len(data.clips),
            "prompts": count_prompts(data),
        },
        "policy": policy,
        "waivers": sorted(waivers),
        "detectors": versions,
        "model_hash": hashlib.sha256(stamp.encode()).hexdigest(),
        "thresholds": {"found": FOUND, "slack_s": _SLACK_S},
        "cells": cell_rows(seen, taxonomy),
        "cards": card_rows(seen),
        "groups": group_rows(seen),
        "clips": actions_by_label(seen),
        "cost": cost(seen),
        "missed": false_negatives(seen),
        "alarms": false_positives(seen),
        "unreadable": [{"file": one.clip.file, "why": one.problem} for one in seen if one.problem],
    }


def count_prompts(data: ClipSet) -> int:
    """The number of clips that have a prompt."""
    return sum(bool(clip.prompt.strip()) for clip in data.clips)


def cell_rows(seen: Sequence[ClipResult], taxonomy: Taxonomy) -> list[dict[str, Any]]:
    """One row per category and modality. A row is `unmeasured` if the data has no segment for it."""
    safe = [one for one in seen if one.clip.label == "safe" and one.result]
    rows = []
    for category in [spec.name for spec in taxonomy]:
        for modality in MODALITIES:
            true = [
                (one, segment)
                for one in seen
                for segment in one.clip.segments
                if (segment.category, segment.modality) == (category, modality) and not segment.card
            ]
            hits = sum(overlaps(one, segment) for one, segment in true)
            false = sum(any(_false_positives(one, category, modality)) for one in safe)
            words = Counter(_coverage_status(one, category, modality) for one in seen if one.result)
            rows.append(
                {
                    "category": category,
                    "modality": modality.value,
                    "state": "measured" if true else "unmeasured",
                    "segments": len(true),
                    "found": hits,
                    "recall": round(hits / len(true), 4) if true else None,
                    "recall_interval": _interval(hits, len(true)),
                    "stopped": sum(_stopped(one) for one, _segment in true),
                    "safe_clips": len(safe),
                    "false_alarms": false,
                    "false_alarm_rate": round(false / len(safe), 4) if safe else None,
                    "false_alarm_interval": _interval(false, len(safe)),
                    "coverage": dict(sorted(words.items())),
                }
            )
    return rows


def card_rows(seen: Sequence[ClipResult]) -> list[dict[str, Any]]:
    """The number of safety test cards and of those found, by modality, for all categories of cards
    together.
    """
    rows = []
    for modality in MODALITIES:
        true = [
            (one, segment)
            for one in seen
            for segment in one.clip.segments
            if segment.card and segment.modality == modality
        ]
        if true:
            found = sum(overlaps(one, segment) for one, segment in true)
            rows.append({"modality": modality.value, "segments": len(true), "found": found})
    return rows


def group_rows(seen: Sequence[ClipResult]) -> list[dict[str, Any]]:
    """Recall of each group of segments. The groups are in the order of the data."""
    hits: dict[str, list[bool]] = {}
    for one in seen:
        for segment in one.clip.segments:
            if segment.group:
                hits.setdefault(segment.group, []).append(overlaps(one, segment))
    return [
        {
            "group": name,
            "segments": len(found),
            "found": sum(found),
            "recall": round(sum(found) / len(found), 4),
            "recall_interval": _interval(sum(found), len(found)),
        }
        for name, found in hits.items()
    ]


def overlaps(seen: ClipResult, segment: LabelledSegment) -> bool:
    """Whether a finding matches the segment: overlapping time, same category and modality, sufficient
    score.

    A finding of the safety test card matches only a segment with the card. In frames, a card also counts as
    found if OCR read its phrase during the segment. A segment with words is found if OCR read those words.
    """
    if seen.result is None or seen.report is None:
        return False
    if segment.words:
        return was_read(segment.words, _text_during(segment, seen.report.texts))
    if segment.card and segment.modality is Modality.FRAMES:
        read = "".join(_text_during(segment, seen.report.texts).casefold().split())
        if safety_card.card_phrase(segment.category).casefold() in read:
            return True
    return any(
        one.score >= segment.score
        and one.test_card == segment.card
        and one.category == segment.category
        and one.modality == segment.modality
        and any(_overlaps_in_time(segment, start, end) for start, end in time_ranges(one, seen.report.texts))
        for one in seen.result.findings
    )


def _overlaps_in_time(segment: LabelledSegment, start_s: float, end_s: float) -> bool:
    return start_s <= segment.end_s + _SLACK_S and end_s >= segment.start_s - _SLACK_S


def _text_during(segment: LabelledSegment, texts: Iterable[MediaText]) -> str:
    """The text that OCR read during the segment."""
    return " ".join(text.text for text in texts if _overlaps_in_time(segment, text.start_s, text.end_s))


def time_ranges(finding: Finding, texts: Sequence[MediaText]) -> list[tuple[float, float]]:
    """The time ranges of a finding, in seconds.

    A finding on OCR text without ranges gets the ranges of all OCR text. Any other finding without ranges
    gets the whole clip.
    """
    spans = [
        (place.start_s, place.end_s)
        for place in finding.evidence
        if isinstance(place, FrameRange | TimeRange)
    ]
    if not spans and finding.modality is Modality.TEXT:
        spans = [(text.start_s, text.end_s) for text in texts]
    return spans or [(0.0, float("inf"))]


def actions_by_label(seen: Sequence[ClipResult]) -> dict[str, dict[str, Any]]:
    """The number of safe and unsafe clips by action. `not_covered`: held only because of a coverage gap."""
    rows = {}
    for label in ("safe", "unsafe"):
        clips = [one for one in seen if one.clip.label == label]
        actions = Counter(_action(one) for one in clips)
        counts = {
            name: actions[name]
            for name in (*(action.value for action in Action), "not_covered", "unreadable")
        }
        rows[label] = {
            "n": len(clips),
            **counts,
            "intervals": {name: _interval(count, len(clips)) for name, count in counts.items()},
        }
    return rows


def cost(seen: Sequence[ClipResult]) -> dict[str, Any]:
    """CPU and wall-clock seconds per second of video, by detector and by group of clips."""
    names = list(dict.fromkeys(one.clip.group for one in seen if one.clip.group))
    return {
        **_cost_of(seen),
        "groups": {name: _cost_of([one for one in seen if one.clip.group == name]) for name in names},
    }


def _cost_of(seen: Iterable[ClipResult]) -> dict[str, Any]:
    reports = [one.report for one in seen if one.report is not None and one.report.media is not None]
    video_s = sum(report.media.duration_s for report in reports if report.media)
    detectors: dict[str, float] = {}
    for report in reports:
        for run in report.runs:
            detectors[run.name] = detectors.get(run.name, 0.0) + run.cpu_s
    total = sum(report.cpu_s for report in reports)
    return {
        "clips": len(reports),
        "video_s": round(video_s, 3),
        "cpu_s": round(total, 3),
        "cpu_s_per_video_s": _per(total, video_s),
        "wall_s_per_video_s": _per(sum(report.wall_s for report in reports), video_s),
        "detector_cpu_s_per_video_s": {
            name: _per(spent, video_s) for name, spent in sorted(detectors.items())
        },
        "incomplete": sum(any(not run.complete for run in report.runs) for report in reports),
    }


def false_negatives(seen: Iterable[ClipResult]) -> list[dict[str, Any]]:
    """Segments that no finding matches."""
    return [
        {
            "file": one.clip.file,
            "category": segment.category,
            "group": segment.group,
            "modality": segment.modality.value,
            "start_s": segment.start_s,
            "end_s": segment.end_s,
        }
        for one in seen
        for segment in one.clip.segments
        if not overlaps(one, segment)
    ]


def false_positives(seen: Iterable[ClipResult]) -> list[dict[str, Any]]:
    """Safe clips that the policy did not allow, with their findings."""
    return [
        {
            "file": one.clip.file,
            "action": _action(one),
            "rule": one.result.verdict.rule,
            "holes": [f"{cell.category} ({cell.modality.value})" for cell in one.result.verdict.gaps],
            "findings": [
                {"category": found.category, "modality": found.modality.value, "detector": found.detector}
                for found in one.result.findings
                if found.score >= FOUND and is_false_positive(found)
            ],
        }
        for one in seen
        if one.clip.label == "safe" and one.result and one.result.verdict.action is not Action.ALLOW
    ]


def _action(seen: ClipResult) -> str:
    if seen.result is None:
        return "unreadable"
    verdict = seen.result.verdict
    if verdict.action is Action.HOLD and verdict.gaps and not verdict.findings:
        return "not_covered"
    return verdict.action.value


def _stopped(seen: ClipResult) -> bool:
    return _action(seen) in (Action.HOLD.value, Action.BLOCK.value)


def _false_positives(seen: ClipResult, category: str, modality: Modality) -> Iterator[bool]:
    for one in seen.result.findings if seen.result else ():
        if one.category == category and one.modality == modality:
            yield one.score >= FOUND and is_false_positive(one)


def _coverage_status(seen: ClipResult, category: str, modality: Modality) -> str:
    cell = seen.result.coverage.cell(category, modality) if seen.result else None
    return cell.status.value if cell else "off"


def _interval(hits: int, n: int) -> list[float] | None:
    return [round(end, 4) for end in wilson(hits, n)] if n else None


def _per(spent: float, seconds: float) -> float | None:
    return round(spent / seconds, 4) if seconds else None
