"""What the report of a scan says of one file, worked out before the template sees it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from safelight.moderation.file_scan import FileReport
from safelight.moderation.file_scan import TranscriptLine as Said
from safelight.policy.categories import Taxonomy
from safelight.policy.coverage import Cell, CoverageStatus
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
from safelight.policy.verdicts import Action, Verdict

from .formatting import category_name, decimal, length, moment
from .translations import Translations

#: An absolute path with at least one folder, as errors of libraries quote them.
_PATH = re.compile(r"(?<![\w/.:])(?:/|[A-Za-z]:\\)(?:[^\s/\\'\":;,]+[/\\])+([^\s/\\'\":;,]*)")
_STRIP = 20


@dataclass(frozen=True, kw_only=True)
class SegmentRow:
    """Left edge and width in thousandths of the clip, and how strong."""

    left: int
    width: int
    strength: str


@dataclass(frozen=True, kw_only=True)
class TimelineLane:
    """One category in frames or sound over the length of the clip."""

    name: str
    place: str
    segments: tuple[SegmentRow, ...]
    peaks: tuple[int, ...]
    strongest: str
    said: str


@dataclass(frozen=True, kw_only=True)
class SeenRow:
    name: str
    where: str
    score: str
    peak: str
    reason: str
    by: str


@dataclass(frozen=True, kw_only=True)
class CoverageRow:
    name: str
    place: str
    word: str
    said: str
    by: str
    measured: str
    note: str


@dataclass(frozen=True, kw_only=True)
class RunRow:
    name: str
    version: str
    calls: str
    cpu: str
    note: str


@dataclass(frozen=True, kw_only=True)
class FileView:
    anchor: str
    name: str
    #: allow, label, hold, block or trouble: the colour, always with its word and sign.
    tone: str
    word: str
    #: What happened and why, in sentences; those of `foreign` are in English, whatever the page is in.
    lead: tuple[str, ...]
    foreign: tuple[str, ...] = ()
    rule: str = ""
    category: str = ""
    lanes: tuple[TimelineLane, ...] = ()
    ticks: tuple[tuple[str, str], ...] = ()
    seen: tuple[SeenRow, ...] = ()
    withheld: int = 0
    #: Nothing was found at all, as far as was looked.
    clean: bool = False
    stills: tuple[tuple[str, bytes], ...] = ()
    #: Why there are no pictures.
    no_stills: str = ""
    sheet: bytes = b""
    #: Column and row of each frame on the sheet, and how many of either there are.
    cells: tuple[tuple[int, int], ...] = ()
    grid: tuple[int, int] = (0, 0)
    shape: tuple[int, int] = (16, 9)
    transcript: tuple[tuple[str, str], ...] = ()
    texts: tuple[tuple[str, str], ...] = ()
    #: Words were kept back, because they would be a manual.
    words_withheld: bool = False
    sound: str = ""
    coverage: tuple[CoverageRow, ...] = ()
    off: str = ""
    blind: str = ""
    waivers: tuple[str, ...] = ()
    cost: tuple[tuple[str, str], ...] = ()
    runs: tuple[RunRow, ...] = ()
    facts: tuple[tuple[str, str], ...] = ()
    origin: tuple[str, ...] = ()
    sha256: str = ""
    policy: str = ""
    policy_sha256: str = ""
    detectors: str = ""
    looked_at: str = ""
    version: str = ""
    #: For the table of many files.
    length: str = ""
    scan: Mapping[str, Any] = field(default_factory=dict)


def file_view(report: FileReport, taxonomy: Taxonomy, words: Translations, number: int) -> FileView:
    """The view of one file. Of a vaulted one only that it was blocked; of discreet findings only how many."""
    common: dict[str, Any] = {
        "anchor": f"file-{number}",
        "name": report.name,
        "sha256": report.sha256,
        "looked_at": moment(report.looked_at, words),
        "version": report.version,
    }
    verdict = report.verdict
    if verdict is None:
        return FileView(
            **common,
            tone="trouble",
            word=words("scan.not_judged"),
            lead=(words("scan.not_judged_text"),),
            foreign=(without_paths(report.problem),),
            facts=_file_facts(report, words),
        )
    tested: dict[str, Any] = {"policy": verdict.policy, "policy_sha256": verdict.policy_sha256}
    if verdict.vault:
        told = (words("scan.vaulted_text"),)
        return FileView(**common, **tested, tone="block", word=words("verdict.block"), lead=told)
    open_ = [finding for finding in report.findings if not _discreet(finding.category, taxonomy)]
    withheld = len(report.findings) - len(open_)
    discreet = _discreet(verdict.category, taxonomy)
    lead, foreign = _lead(verdict, words, discreet=discreet)
    seconds = _seconds(report)
    said = () if withheld else report.transcript or ()
    return FileView(
        **common,
        **tested,
        tone=verdict.action.value,
        word=_word(verdict, words),
        lead=lead,
        foreign=foreign,
        rule="" if discreet else verdict.rule,
        category="" if discreet or not verdict.category else category_name(verdict.category, words),
        lanes=tuple(_lanes(open_, seconds, words)),
        ticks=_ticks(seconds, _frames(report), words),
        seen=tuple(_seen(finding, words) for finding in open_),
        withheld=withheld,
        clean=not report.findings,
        stills=tuple(
            (category_name(name, words), still)
            for name, still in report.stills.items()
            if not _discreet(name, taxonomy)
        ),
        no_stills=_no_stills(report, words),
        **_sheet(report),
        transcript=tuple(_line(one, words) for one in said),
        texts=() if withheld else tuple(_line(one, words) for one in report.texts if _legible(one)),
        words_withheld=bool(withheld and (report.transcript or report.texts)),
        sound=_sound(report, words),
        coverage=tuple(_covered(report.coverage, verdict, words)),
        off=words.listed(
            sorted({category_name(cell.category, words) for cell in _of(report, CoverageStatus.OFF)})
        ),
        blind=_blind(report, words),
        waivers=verdict.waivers,
        cost=_cost(report, words),
        runs=tuple(_run(run) for run in report.scan.get("runs") or ()),
        facts=_file_facts(report, words),
        origin=_origin(report, words),
        detectors=words.listed([f"{name} {version}" for name, version in sorted(report.detectors.items())]),
        length=words("time.s", n=decimal(seconds)) if seconds else "",
    )


def without_paths(text: str) -> str:
    """The text without the folders of this machine: of each path only the last name."""
    return _PATH.sub(lambda found: f"…/{found[1]}" if found[1] else "…", text)


def _discreet(category: str, taxonomy: Taxonomy) -> bool:
    return bool(category) and (category not in taxonomy or taxonomy[category].hide_details)


def _word(verdict: Verdict, words: Translations) -> str:
    waived = verdict.action is Action.ALLOW and verdict.waivers
    return words("verdict.waived" if waived else f"verdict.{verdict.action.value}")


def _lead(
    verdict: Verdict, words: Translations, *, discreet: bool
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What happened and what now; and the reason where it is only there in English."""
    said: list[str] = []
    foreign: list[str] = []
    reason = "" if discreet else verdict.reason
    if reason:
        own = words.reason(reason)
        (said if words.tag == "en" or own != reason else foreign).append(own)
    match verdict.action:
        case Action.ALLOW:
            said.append(words("verdict.allow_waived" if verdict.waivers else "verdict.allow_text"))
        case Action.LABEL:
            said.append(words("scan.label_text"))
        case Action.HOLD:
            said.append(
                words("scan.hold_holes" if verdict.holes and not verdict.findings else "scan.hold_text")
            )
        case Action.BLOCK:
            said.append(words("scan.block_discreet" if discreet else "scan.block_text"))
    if verdict.test_card_only:
        said.append(words("scan.test_card"))
    return tuple(said), tuple(foreign)


def _facts(report: FileReport) -> Mapping[str, Any]:
    return report.scan.get("facts") or {}


def _frames(report: FileReport) -> int:
    schedule = report.scan.get("schedule") or {}
    return int(schedule.get("frames") or _facts(report).get("frames") or 0)


def _seconds(report: FileReport) -> float:
    ends = [span[1] for finding in report.findings for span in _spans(finding)]
    facts = _facts(report)
    known = (facts.get("duration_s") or 0.0, facts.get("audio_duration_s") or 0.0)
    return float(max((*known, *ends), default=0.0))


def _spans(finding: Finding) -> list[tuple[float, float]]:
    return [(one.start_s, one.end_s) for one in finding.evidence if isinstance(one, FrameRange | TimeRange)]


def _lanes(findings: Sequence[Finding], seconds: float, words: Translations) -> Iterable[TimelineLane]:
    by_lane: dict[tuple[str, Modality], list[Finding]] = {}
    for finding in findings:
        if seconds and _spans(finding):
            by_lane.setdefault((finding.category, finding.modality), []).append(finding)
    for (category, modality), members in sorted(by_lane.items()):
        segments, peaks, places = [], [], []
        for finding in members:
            strength = decimal(0.35 + 0.65 * finding.score)
            for start, end in _spans(finding):
                width = max(6, round(1000 * (end - start) / seconds))
                left = min(round(1000 * max(0.0, start) / seconds), 1000 - min(width, 1000))
                segments.append(SegmentRow(left=left, width=width, strength=strength))
                places.append(words("record.at", start=decimal(start), end=decimal(end)))
            if (moment_s := _peak_s(finding)) is not None:
                peaks.append(min(round(1000 * moment_s / seconds), 997))
        strongest = max(finding.score for finding in members)
        yield TimelineLane(
            name=category_name(category, words),
            place=words(f"modality.{modality.value}"),
            segments=tuple(segments),
            peaks=tuple(peaks),
            strongest=f"{strongest:.2f}",
            said=words.listed(places[:12]) + (" …" if len(places) > 12 else ""),
        )


def _peak_s(finding: Finding) -> float | None:
    """When the peak frame is shown, as far as its range tells."""
    for one in finding.evidence:
        if isinstance(one, FrameRange):
            part = (one.peak - one.first + 0.5) / (one.last - one.first + 1)
            return one.start_s + (one.end_s - one.start_s) * min(max(part, 0.0), 1.0)
    return None


def _ticks(seconds: float, frames: int, words: Translations) -> tuple[tuple[str, str], ...]:
    """Five marks along the clip: the time, and the frame."""
    if not seconds:
        return ()
    return tuple(
        (
            words("time.s", n=decimal(round(seconds * part / 4, 2))),
            str(round(max(frames - 1, 0) * part / 4)) if frames else "",
        )
        for part in range(5)
    )


def _seen(finding: Finding, words: Translations) -> SeenRow:
    frame = next((one for one in finding.evidence if isinstance(one, FrameRange)), None)
    peak = words("scan.peak", frame=frame.peak) if frame is not None and frame.first != frame.last else ""
    places = [said for one in finding.evidence if (said := _where(one, finding, words))]
    return SeenRow(
        name=category_name(finding.category, words),
        where=words.listed(places) or words(f"modality.{finding.modality.value}"),
        score=f"{finding.score:.2f}",
        peak=peak,
        reason=finding.reason if words.tag == "en" else "",
        by=f"{finding.detector} {finding.version}",
    )


def _where(place: Evidence, finding: Finding, words: Translations) -> str:
    match place:
        case FrameRange():
            values = {"start": decimal(place.start_s), "end": decimal(place.end_s)}
            if place.first == place.last:
                return words("scan.in_frame", frame=place.first, at=values["start"])
            return words("explain.in_frames", first=place.first, last=place.last, **values)
        case TimeRange():
            return words("explain.in_sound", start=decimal(place.start_s), end=decimal(place.end_s))
        case ImageBox():
            return words("scan.in_picture") if finding.modality is Modality.IMAGE else ""
        case TextSpan():
            return words("scan.in_words")
        case Match():
            return words("explain.in_list", list=place.list)


def _no_stills(report: FileReport, words: Translations) -> str:
    if report.stills or report.sheet:
        return ""
    if report.picture:
        return words("scan.no_stills_picture")
    if report.verdict is not None and report.verdict.quarantine:
        return words("scan.no_stills_kept_back")
    return words("scan.no_stills")


def _sheet(report: FileReport) -> dict[str, Any]:
    """The strip of frames, cut out of the sheet by its grid; only where nothing was found in the picture."""
    frames = _frames(report)
    looked = any(one.modality in (Modality.FRAMES, Modality.IMAGE, Modality.TEXT) for one in report.findings)
    if not report.sheet or not frames or looked:
        return {}
    count = min(_STRIP, frames)
    columns, rows = min(5, count), -(-count // 5)
    step = 1 if count <= 10 else 2
    facts = _facts(report)
    return {
        "sheet": report.sheet,
        "cells": tuple((place % 5, place // 5) for place in range(0, count, step)),
        "grid": (columns, rows),
        "shape": (int(facts.get("width") or 16), int(facts.get("height") or 9)),
    }


def _line(said: Said, words: Translations) -> tuple[str, str]:
    if said.end_s > said.start_s:
        return words("record.at", start=decimal(said.start_s), end=decimal(said.end_s)), said.text
    return words("time.s", n=decimal(said.start_s)), said.text


def _legible(said: Said) -> bool:
    """Readers take specks for signs: a line has to have a letter or figure."""
    return any(character.isalnum() for character in said.text)


def _sound(report: FileReport, words: Translations) -> str:
    """What became of what is said in it."""
    if report.picture or not report.scan:
        return ""
    if not _facts(report).get("audio_codec"):
        return words("scan.no_sound")
    known = report.scan.get("sound") or {}
    if known.get("speech") is not None and not known["speech"]:
        return words("scan.no_speech")
    return "" if report.transcript is not None else words("scan.no_transcript")


def _of(report: FileReport, word: CoverageStatus) -> list[Cell]:
    return [cell for cell in report.coverage if cell.status is word]


def _covered(cells: Iterable[Cell], verdict: Verdict, words: Translations) -> Iterable[CoverageRow]:
    """What is missing first; what is said alike of several senses in one row."""
    order = [CoverageStatus.NOT_CHECKED, CoverageStatus.PARTLY, CoverageStatus.CHECKED]
    waived = {(cell.category, cell.modality) for cell in verdict.waived}
    places: dict[tuple[str, CoverageStatus, str, str, str], list[str]] = {}
    for cell in sorted(cells, key=lambda one: (one.category, one.modality)):
        if cell.status not in order:
            continue
        note = without_paths(cell.note) if words.tag == "en" else ""
        if (cell.category, cell.modality) in waived:
            names = words.listed(list(verdict.waivers))
            excused = words("coverage.waived_by", name=names) if names else words("scan.waived")
            note = words("list.sentences", first=excused, second=note).strip()
        measured = (cell.measured or words("coverage.unmeasured")) if cell.detectors else "–"
        key = (cell.category, cell.status, words.listed(list(cell.detectors)) or "–", measured, note)
        places.setdefault(key, []).append(words(f"modality.{cell.modality.value}"))
    for (category, word, by, measured, note), where in sorted(
        places.items(), key=lambda one: order.index(one[0][1])
    ):
        yield CoverageRow(
            name=category_name(category, words),
            place=words.listed(where),
            word=word.value,
            said=words(f"coverage.{word.value.replace(' ', '_')}"),
            by=by,
            measured=measured,
            note=note,
        )


#: What people take for granted and no shipped model sees: the word for it, and the cell that would be it.
_BLIND = (("blood", "violence/graphic"), ("weapons", "violence"), ("age", "minors-present"))


def _blind(report: FileReport, words: Translations) -> str:
    place = Modality.IMAGE if report.picture else Modality.FRAMES
    seen = {cell.category for cell in report.coverage if cell.modality is place and cell.available}
    things = [words(f"scan.blind_{word}") for word, category in _BLIND if category not in seen]
    return words("scan.blind", things=words.listed(things)) if things else ""


def _cost(report: FileReport, words: Translations) -> tuple[tuple[str, str], ...]:
    scan, found = report.scan, [(words("scan.wall"), length(report.wall_s, words))]
    runs = scan.get("runs") or ()
    if runs:
        spent = float(scan.get("cpu_s") or 0.0)
        looking = sum(float(run.get("cpu_s") or 0.0) for run in runs)
        if spent:
            found.append((words("scan.cpu_all"), length(spent, words)))
        found.append((words("scan.cpu"), length(looking, words)))
        seconds = float(_facts(report).get("duration_s") or 0.0)
        if seconds:
            per = words("scan.per_second", n=decimal(round((spent or looking) / seconds, 2)))
            found.append((words("scan.rate"), per))
    if frames := _frames(report):
        found.append((words("scan.frames"), str(frames)))
    schedule = scan.get("schedule") or {}
    if schedule.get("frames"):
        whys = schedule.get("why") or {}
        told = [
            words(
                "scan.why_count", count=count, why=words(key) if words.has(key := f"scan.why.{why}") else why
            )
            for why, count in sorted(whys.items(), key=lambda one: -int(one[1]))
        ]
        looked = words("scan.looked", looked=schedule.get("looked_at", 0), frames=schedule["frames"])
        found.append(
            (words("scan.schedule"), words("list.sentences", first=looked, second=words.listed(told)))
        )
    return tuple(found)


def _run(run: Mapping[str, Any]) -> RunRow:
    return RunRow(
        name=str(run.get("name", "")),
        version=str(run.get("version", "")),
        calls=str(run.get("calls", 0)),
        cpu=f"{float(run.get('cpu_s') or 0.0):.2f}",
        note=without_paths(str(run.get("note", ""))),
    )


def _file_facts(report: FileReport, words: Translations) -> tuple[tuple[str, str], ...]:
    facts, found = _facts(report), []
    if report.size:
        found.append((words("scan.bytes"), words("record.bytes", n=f"{report.size:,}")))
    if facts:
        found.append((words("video.size"), f"{facts.get('width')}×{facts.get('height')}"))
        seconds = decimal(float(facts.get("duration_s") or 0.0))
        rate = decimal(float(facts.get("fps") or 0.0))
        found.append((words("video.length"), words("scan.length_value", seconds=seconds, fps=rate)))
        codec = f"{facts.get('container')} · {facts.get('video_codec')} ({facts.get('pixel_format')})"
        if facts.get("rotation"):
            codec += f" · {facts['rotation']}°"
        found.append((words("scan.codec"), codec))
        sound = words("scan.silent")
        if facts.get("audio_codec"):
            channels = words("scan.channels", count=facts.get("audio_channels", 0))
            sound = f"{facts['audio_codec']} · {facts.get('audio_rate', 0):,} Hz · {channels}"
        found.append((words("scan.sound"), sound))
    return tuple(found)


def _origin(report: FileReport, words: Translations) -> tuple[str, ...]:
    """What the manifest inside the file says of its origin, and what that is worth."""
    if report.provenance is None:
        return ()
    from .verify_pages import answer

    found = answer(report.provenance, words)
    return (found.sentence, *(f"{name}: {value}" for name, value in found.claims))
