"""The tables of one file in the scan report: cost, detector runs and file facts."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from safelight.screening.file_scan import FileReport

from .translations import Translations, format_decimal, format_duration, translate_detector, translate_note

#: An absolute path with at least one folder, as it appears in error messages of libraries.
_PATH = re.compile(r"(?<![\w/.:])(?:/|[A-Za-z]:\\)(?:[^\s/\\'\":;,]+[/\\])+([^\s/\\'\":;,]*)")


@dataclass(frozen=True, kw_only=True)
class DetectorRunRow:
    name: str
    version: str
    calls: str
    cpu: str
    note: str


def media_facts(report: FileReport) -> Mapping[str, Any]:
    return report.scan.get("facts") or {}


def frame_count(report: FileReport) -> int:
    schedule = report.scan.get("schedule") or {}
    return int(schedule.get("frames") or media_facts(report).get("frames") or 0)


def scan_cost_rows(report: FileReport, t: Translations) -> tuple[tuple[str, str], ...]:
    scan, rows = report.scan, [(t("scan.elapsed"), format_duration(report.wall_s, t))]
    runs = scan.get("runs") or ()
    if runs:
        total_s = float(scan.get("cpu_s") or 0.0)
        detector_s = sum(float(run.get("cpu_s") or 0.0) for run in runs)
        if total_s:
            rows.append((t("scan.cpu_total"), format_duration(total_s, t)))
        rows.append((t("scan.cpu_detectors"), format_duration(detector_s, t)))
        seconds = float(media_facts(report).get("duration_s") or 0.0)
        if seconds:
            per_second = t("scan.per_second", n=format_decimal(round((total_s or detector_s) / seconds, 2)))
            rows.append((t("scan.cpu_per_second"), per_second))
    if frames := frame_count(report):
        rows.append((t("scan.frames"), str(frames)))
    schedule = scan.get("schedule") or {}
    if schedule.get("frames"):
        counts = schedule.get("why") or {}
        reasons = [
            t(
                "scan.reason_count",
                count=count,
                reason=t(key) if t.has(key := f"scan.sampling_reason.{reason}") else reason,
            )
            for reason, count in sorted(counts.items(), key=lambda entry: -int(entry[1]))
        ]
        sampled = t("scan.sampled", sampled=schedule.get("looked_at", 0), frames=schedule["frames"])
        rows.append((t("scan.sampling"), t("list.sentences", first=sampled, second=t.join_list(reasons))))
    return tuple(rows)


def detector_run_row(run: Mapping[str, Any], t: Translations) -> DetectorRunRow:
    return DetectorRunRow(
        name=translate_detector(str(run.get("name", "")), t),
        version=str(run.get("version", "")),
        calls=str(run.get("calls", 0)),
        cpu=f"{float(run.get('cpu_s') or 0.0):.2f}",
        note=strip_folders(translate_note(str(run.get("note", "")), t)),
    )


def file_fact_rows(report: FileReport, t: Translations) -> tuple[tuple[str, str], ...]:
    facts, rows = media_facts(report), []
    if report.size:
        rows.append((t("scan.size"), t("record.bytes", n=f"{report.size:,}")))
    if facts:
        rows.append((t("video.size"), f"{facts.get('width')}×{facts.get('height')}"))
        seconds = format_decimal(float(facts.get("duration_s") or 0.0))
        rate = format_decimal(float(facts.get("fps") or 0.0))
        rows.append((t("video.length"), t("scan.length_value", seconds=seconds, fps=rate)))
        codec = f"{facts.get('container')} · {facts.get('video_codec')} ({facts.get('pixel_format')})"
        if facts.get("rotation"):
            codec += f" · {facts['rotation']}°"
        rows.append((t("scan.codec"), codec))
        audio = t("scan.none")
        if facts.get("audio_codec"):
            channels = t("scan.channels", count=facts.get("audio_channels", 0))
            audio = f"{facts['audio_codec']} · {facts.get('audio_rate', 0):,} Hz · {channels}"
        rows.append((t("scan.audio"), audio))
    return tuple(rows)


def strip_folders(text: str) -> str:
    """The text, with each absolute path replaced by its last component."""
    return _PATH.sub(lambda match: f"…/{match[1]}" if match[1] else "…", text)
