"""The report of a batch: one HTML page with thumbnails and without links to elsewhere, JSON, and CSV."""

from __future__ import annotations

import base64
import csv
import html
import io
import json
import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from safelight_client.money import format_at_most, format_money, usd

from .journal import JournalEntry

if TYPE_CHECKING:
    from .runner import BatchRunner

#: Thumbnails above this size together are left out of the page.
_MAX_THUMBNAILS = 16 * 1024 * 1024
#: Bytes of a usual thumbnail.
_USUAL_THUMBNAIL = 16 * 1024
_COLUMNS = (
    "line",
    "id",
    "state",
    "cost_usd",
    "worst_usd",
    "model",
    "prompt",
    "message",
    "answer",
    "file",
    "sha256",
    "video_id",
)
#: With these a spreadsheet begins a formula, some of them also after white space or in full width.
_FORMULA = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20")
_WHITE_SPACE = ("\t", "\r", "\n")
_CONTROLS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
_TYPES = {b"\xff\xd8\xff": "jpeg", b"\x89PN": "png", b"RIF": "webp"}
_PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Batch report</title>
<style>
body {{ font: 15px/1.5 system-ui, sans-serif; margin: 2rem; color: #1a1a1a; background: #fff }}
table {{ border-collapse: collapse; width: 100% }}
th, td {{ text-align: left; padding: .4rem .6rem; border-bottom: 1px solid #ccc; vertical-align: top }}
img {{ max-width: 160px; max-height: 90px; display: block }}
</style>
<h1>Batch report</h1>
<p>{summary}</p>
<table><thead><tr><th>Line</th><th>Video</th><th>State</th><th>Cost</th><th>Prompt</th><th>Note</th></tr></thead>
<tbody>
{rows}
</tbody></table></html>
"""


def build_report(runner: BatchRunner) -> dict[str, Any]:
    """Everything about a batch so far. `cost_usd` is None if the cost is not known."""
    rows = []
    for planned in runner.plan.rows:
        record = runner.lines.get(planned.row.number)
        entries = list(runner.entries[planned.row.number].values())
        is_known = all(entry.state == "ended" and entry.cost is not None for entry in entries)
        rows.append(
            {
                "line": planned.row.line,
                "id": planned.row.name,
                "state": runner.state_of(planned),
                "cost_usd": usd(sum(entry.cost or 0 for entry in entries)) if is_known else None,
                "worst_usd": usd(sum(entry.counted for entry in entries)),
                "model": planned.model,
                "prompt": planned.row.prompt,
                "message": record.message if record is not None else planned.skipped,
                "answer": planned.check.answer,
                "file": record.path if record is not None else "",
                "sha256": record.sha256 if record is not None else "",
                "video_id": next((e.video_id for e in reversed(entries) if e.video_id), ""),
            }
        )
    return {
        "states": dict(sorted(runner.counts.items())),
        "stopped": runner.stop_reason,
        "spent_usd": usd(runner.ceiling.spent),
        "unknown_usd": usd(runner.ceiling.unknown),
        "reserved_usd": usd(runner.ceiling.reserved),
        "limit_usd": None if runner.ceiling.limit is None else usd(runner.ceiling.limit),
        "creates": runner.ceiling.jobs,
        "unsettled": [
            {
                "line": runner.line_of(entry.number),
                "video_id": entry.video_id,
                "idempotency_key": entry.key,
                "model": entry.model,
                "worst_usd": None if entry.worst is None else usd(entry.worst),
            }
            for entry in runner.unsettled
        ],
        "rows": rows,
    }


def describe_sums(entries: Iterable[JournalEntry], reserved: int) -> list[str]:
    """What the submissions of a batch have cost so far, in sentences. `reserved`: millionths of a dollar."""
    ended = [entry for entry in entries if entry.state == "ended"]
    lost = [entry for entry in ended if entry.is_unknown]
    spent = _at_most([entry for entry in ended if not entry.is_unknown])
    sentences = [f"Spent: {spent}. Reserved: {format_money(usd(reserved))}."]
    if lost:
        sentences.append(f"Answers were lost, and what they may have cost is not in it: {_at_most(lost)}.")
    return sentences


def _at_most(entries: list[JournalEntry]) -> str:
    unpriced = sum(entry.cost is None and entry.worst is None for entry in entries)
    return format_at_most(usd(sum(entry.counted for entry in entries)), unpriced)


def write_reports(runner: BatchRunner, folder: Path) -> dict[str, Any]:
    """Writes `report.html`, `report.json` and `report.csv`, and returns the report. Raises `OSError`."""
    report = build_report(runner)
    texts = {
        "report.json": json.dumps(report, indent=2, ensure_ascii=False),
        "report.csv": report_csv(report),
        "report.html": report_html(
            report,
            describe_sums(runner.all_entries, runner.ceiling.reserved),
            lambda row, most: _read_thumbnail(folder / "thumbnails", row, most),
        ),
    }
    for name, text in texts.items():
        part = folder / f"{name}.part"
        part.write_text(text, "utf-8", errors="replace")
        part.replace(folder / name)
    return report


def report_csv(report: Mapping[str, Any]) -> str:
    """The rows of a report as CSV, for a spreadsheet."""
    file = io.StringIO()
    writer = csv.writer(file, quoting=csv.QUOTE_ALL)
    writer.writerow(_COLUMNS)
    for row in report["rows"]:
        writer.writerow(_cell(row[name]) for name in _COLUMNS)
    return "\ufeff" + file.getvalue()


def _cell(value: object) -> object:
    """A cell that a spreadsheet does not read as a formula, without characters that control a terminal."""
    if not isinstance(value, str):
        return value
    text = _CONTROLS.sub("\ufffd", value)
    return f"'{text}" if text.startswith(_WHITE_SPACE) or text.lstrip().startswith(_FORMULA) else text


def _read_thumbnail(folder: Path, row: Mapping[str, Any], most: int) -> bytes:
    path = folder / f"{Path(row['file']).stem}.img"
    is_small = row["file"] and path.is_file() and path.stat().st_size <= most
    return path.read_bytes() if is_small else b""


def report_html(
    report: Mapping[str, Any], sums: list[str], thumbnail: Callable[[Mapping[str, Any], int], bytes]
) -> str:
    """The report as one page.

    `sums`: what it has cost, in sentences.
    `thumbnail`: reads the image of a row; empty if it has none, or one with more bytes than given.
    """
    left = _MAX_THUMBNAILS
    rows = []
    for row in report["rows"]:
        image = ""
        # Without room for a usual thumbnail no further one is read.
        data = thumbnail(row, left) if left >= _USUAL_THUMBNAIL else b""
        if data and len(data) <= left:
            left -= len(data)
            kind = _TYPES.get(data[:3], "jpeg")
            image = f'<img alt="" src="data:image/{kind};base64,{base64.b64encode(data).decode()}">'
        file = f'<a href="{html.escape(row["file"])}">{html.escape(row["file"])}</a>' if row["file"] else ""
        cost = (
            format_at_most(row["worst_usd"], int(not row["worst_usd"]))
            if row["cost_usd"] is None
            else format_money(row["cost_usd"])
        )
        cells = [str(row["line"]), row["state"], cost, row["prompt"], row["message"]]
        line, state, cost, prompt, message = map(html.escape, cells)
        rows.append(f"<tr><td>{line}<td>{image}{file}<td>{state}<td>{cost}<td>{prompt}<td>{message}</tr>")
    states = ", ".join(f"{name}: {count}" for name, count in report["states"].items())
    summary = " ".join([f"{states}.", *sums, report["stopped"]]).strip()
    return _PAGE.format(summary=html.escape(summary), rows="\n".join(rows))
