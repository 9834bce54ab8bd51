"""One run over clips: the real scan in its child, the text pipeline and a policy, against what is true."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from safelight.detectors import safety_card
from safelight.detectors.protocol import MediaText
from safelight.errors import BadInput
from safelight.moderation.evaluation import StageResult
from safelight.moderation.output import OutputStage
from safelight.moderation.prompt import PromptStage
from safelight.policy.categories import Taxonomy
from safelight.policy.findings import Finding, FrameRange, Modality, TimeRange
from safelight.policy.verdicts import Action
from safelight.scanning.report import ScanReport

from .clips import Clip, ClipSet, LabelledSegment
from .intervals import wilson
from .label_mapping import FOUND, is_false_positive
from .text_match import legible

#: What a clip has: pictures, words in them, and sound.
MODALITIES = (Modality.FRAMES, Modality.TEXT, Modality.AUDIO)
#: A finding may begin this much after a segment ended, or end before it began, in seconds.
_SLACK_S = 0.1


@dataclass(frozen=True, kw_only=True)
class ClipResult:
    """What became of one clip. `judged` is None where it could not be opened; `problem` says why."""

    clip: Clip
    judged: StageResult | None
    report: ScanReport | None
    problem: str = ""


def evaluate_clips(
    data: ClipSet, stage: OutputStage, *, tenant: str, progress: Callable[[int, int], None]
) -> Iterator[ClipResult]:
    """Scan and judge every clip as if it had just been made, with the words it was asked for where the
    manifest has them. `progress`: percent of which clip.
    """
    prompts = PromptStage(judge=stage.judge, pipeline=stage.pipeline)
    for number, clip in enumerate(data.clips):
        texts = {"prompt": clip.prompt} if clip.prompt.strip() else {}
        try:
            judged, report = stage.scan(
                data.folder / clip.file,
                tenant=tenant,
                subject_sha256=clip.sha256,
                texts=texts,
                prior=prompts.screen(texts, tenant=tenant).findings if texts else (),
                progress=partial(progress, number),
            )
        except BadInput as error:
            yield ClipResult(clip=clip, judged=None, report=None, problem=error.message)
        else:
            yield ClipResult(clip=clip, judged=judged, report=report)
        progress(number, 100)


def measured(
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
        "data": {"name": data.name, "sha256": data.sha256, "n": len(data.clips), "prompts": prompted(data)},
        "policy": policy,
        "waivers": sorted(waivers),
        "detectors": versions,
        "model_hash": hashlib.sha256(stamp.encode()).hexdigest(),
        "thresholds": {"found": FOUND, "slack_s": _SLACK_S},
        "cells": cells(seen, taxonomy),
        "cards": cards(seen),
        "groups": groups(seen),
        "clips": by_label(seen),
        "cost": cost(seen),
        "missed": false_negatives(seen),
        "alarms": false_positives(seen),
        "unreadable": [{"file": one.clip.file, "why": one.problem} for one in seen if one.problem],
    }


def prompted(data: ClipSet) -> int:
    """How many clips of a set say what they were asked for with."""
    return sum(bool(clip.prompt.strip()) for clip in data.clips)


def cells(seen: Sequence[ClipResult], taxonomy: Taxonomy) -> list[dict[str, Any]]:
    """Every category in every modality; where the data has no segment of it, the state is `unmeasured`."""
    safe = [one for one in seen if one.clip.label == "safe" and one.judged]
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
            false = sum(any(_false(one, category, modality)) for one in safe)
            words = Counter(_word(one, category, modality) for one in seen if one.judged)
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


def cards(seen: Sequence[ClipResult]) -> list[dict[str, Any]]:
    """The safety test card, whatever category it names, by where it was: segments, and those found."""
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


def groups(seen: Sequence[ClipResult]) -> list[dict[str, Any]]:
    """The rate of every group of segments, in the order in which the data has them."""
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
    """Whether a finding of the segment's category and modality, from its score on, lies in it.

    The test card's findings answer segments of the test card, and no others; so does its phrase, read in
    the picture at that time. Words are found where they are read.
    """
    if seen.judged is None or seen.report is None:
        return False
    if segment.words:
        return legible(segment.words, _read(segment, seen.report.texts))
    if segment.card and segment.modality is Modality.FRAMES:
        read = "".join(_read(segment, seen.report.texts).casefold().split())
        if safety_card.phrase(segment.category).casefold() in read:
            return True
    return any(
        one.score >= segment.score
        and one.test_card == segment.card
        and one.category == segment.category
        and one.modality == segment.modality
        and any(_meets(segment, start, end) for start, end in times(one, seen.report.texts))
        for one in seen.judged.findings
    )


def _meets(segment: LabelledSegment, start_s: float, end_s: float) -> bool:
    return start_s <= segment.end_s + _SLACK_S and end_s >= segment.start_s - _SLACK_S


def _read(segment: LabelledSegment, texts: Iterable[MediaText]) -> str:
    """What was read in the picture while the segment was there."""
    return " ".join(text.text for text in texts if _meets(segment, text.start_s, text.end_s))


def times(finding: Finding, texts: Sequence[MediaText]) -> list[tuple[float, float]]:
    """When a finding is to be seen or heard; of words in the picture, when they stood there.

    Nothing to go by: the whole clip.
    """
    spans = [
        (place.start_s, place.end_s)
        for place in finding.evidence
        if isinstance(place, FrameRange | TimeRange)
    ]
    if not spans and finding.modality is Modality.TEXT:
        spans = [(text.start_s, text.end_s) for text in texts]
    return spans or [(0.0, float("inf"))]


def by_label(seen: Sequence[ClipResult]) -> dict[str, dict[str, Any]]:
    """What the policy did with safe and with unsafe clips; `not_covered`: held for nothing but a hole."""
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
    """Seconds of processor and clock per second of video, by detector, and of every group of clips."""
    names = list(dict.fromkeys(one.clip.group for one in seen if one.clip.group))
    return {
        **_spent(seen),
        "groups": {name: _spent([one for one in seen if one.clip.group == name]) for name in names},
    }


def _spent(seen: Iterable[ClipResult]) -> dict[str, Any]:
    reports = [one.report for one in seen if one.report is not None and one.report.facts is not None]
    video_s = sum(report.facts.duration_s for report in reports if report.facts)
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
    """The segments that nothing answered."""
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
    """The safe clips that were not simply let through, and what was found in them."""
    return [
        {
            "file": one.clip.file,
            "action": _action(one),
            "rule": one.judged.verdict.rule,
            "holes": [f"{cell.category} ({cell.modality.value})" for cell in one.judged.verdict.holes],
            "findings": [
                {"category": found.category, "modality": found.modality.value, "detector": found.detector}
                for found in one.judged.findings
                if found.score >= FOUND and is_false_positive(found)
            ],
        }
        for one in seen
        if one.clip.label == "safe" and one.judged and one.judged.verdict.action is not Action.ALLOW
    ]


def _action(seen: ClipResult) -> str:
    if seen.judged is None:
        return "unreadable"
    verdict = seen.judged.verdict
    if verdict.action is Action.HOLD and verdict.holes and not verdict.findings:
        return "not_covered"
    return verdict.action.value


def _stopped(seen: ClipResult) -> bool:
    return _action(seen) in (Action.HOLD.value, Action.BLOCK.value)


def _false(seen: ClipResult, category: str, modality: Modality) -> Iterator[bool]:
    for one in seen.judged.findings if seen.judged else ():
        if one.category == category and one.modality == modality:
            yield one.score >= FOUND and is_false_positive(one)


def _word(seen: ClipResult, category: str, modality: Modality) -> str:
    cell = seen.judged.coverage.cell(category, modality) if seen.judged else None
    return cell.status.value if cell else "off"


def _interval(hits: int, n: int) -> list[float] | None:
    return [round(end, 4) for end in wilson(hits, n)] if n else None


def _per(spent: float, seconds: float) -> float | None:
    return round(spent / seconds, 4) if seconds else None
