"""Renders a clip evaluation as plain HTML: no script, no external resource, no image or text of a clip."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from .reports import STYLE


def html(report: Mapping[str, Any], *, title: str = "Output scanning") -> str:
    """The page for a report made by `clip_eval.build_report`."""
    data, cost = report["data"], report["cost"]
    facts = {
        "Data": f"{data['name']} ({data['n']} clips, {data['prompts']} with a prompt,"
        f" sha256 {data['sha256'][:12]})",
        "Policy": ", ".join(f"{name} {sha256[:12]}" for name, sha256 in report["policy"].items()),
        "Waivers": ", ".join(report["waivers"]) or "none",
        "Detectors": ", ".join(f"{name} {version}" for name, version in sorted(report["detectors"].items())),
        "Model hash": report["model_hash"],
        "Found from": report["thresholds"]["found"],
    }
    listed = "\n".join(f"<p><b>{escape(name)}</b> {escape(str(value))}</p>" for name, value in facts.items())
    cells = _table(
        ["Category", "Modality", "Segments", "Recall", "Stopped", "False alarms", "Coverage"],
        [_cell(cell) for cell in report["cells"]],
    )
    groups = _table(
        ["Group", "Segments", "Recall"],
        [[one["group"], str(one["segments"]), _recall(one)] for one in report["groups"]],
    )
    spent = _table(
        ["Clips", "n", "CPU s per second", "On the clock", "Seconds"],
        [
            [name]
            + [str(row[key]) for key in ("clips", "cpu_s_per_video_s", "wall_s_per_video_s", "video_s")]
            for name, row in {"all": cost, **cost["groups"]}.items()
        ],
    )
    clips = _table(
        ["Label", "n", *_ACTIONS],
        [
            [label, str(row["n"]), *(_rate(row, name) for name in _ACTIONS)]
            for label, row in report["clips"].items()
        ],
    )
    missed = _table(
        ["File", "Category or group", "Modality", "From", "To"],
        [
            [one["file"], one["category"] or one["group"] or "words"]
            + [str(one[name]) for name in ("modality", "start_s", "end_s")]
            for one in report["missed"]
        ],
    )
    alarms = _table(
        ["File", "Action", "Found"],
        [
            [
                one["file"],
                one["action"],
                ", ".join(f"{f['category']} ({f['detector']})" for f in one["findings"]),
            ]
            for one in report["alarms"]
        ],
    )
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{STYLE}</style></head><body>\n'
        f"<h1>{escape(title)}</h1>\n{listed}\n<h2>Category by modality</h2>\n{cells}\n"
        "<p><small>Rates with Wilson's 95 % intervals. Unmeasured: the data has no such segment, and"
        " the report makes no claim.</small></p>\n"
        f"<h2>Groups</h2>\n{groups}\n<h2>Cost</h2>\n{spent}\n"
        f"<h2>What the policy did</h2>\n{clips}\n<h2>Missed</h2>\n{missed}\n"
        f"<h2>Safe clips that were not allowed</h2>\n{alarms}\n</body></html>\n"
    )


_ACTIONS = ("allow", "label", "hold", "block", "not_covered", "unreadable")


def _cell(cell: Mapping[str, Any]) -> list[str]:
    if cell["recall"] is None:
        recall = "unmeasured"
    else:
        recall = _recall(cell)
    false = "no safe clips"
    if cell["false_alarm_rate"] is not None:
        low, high = cell["false_alarm_interval"]
        false = f"{cell['false_alarms']} of {cell['safe_clips']} ({low:.1%} to {high:.1%})"
    coverage = ", ".join(f"{word} {count}" for word, count in cell["coverage"].items())
    return [
        cell["category"],
        cell["modality"],
        str(cell["segments"]),
        recall,
        str(cell["stopped"]),
        false,
        coverage,
    ]


def _recall(row: Mapping[str, Any]) -> str:
    low, high = row["recall_interval"]
    return f"{row['found']} of {row['segments']}: {row['recall']:.1%} ({low:.1%} to {high:.1%})"


def _rate(row: Mapping[str, Any], name: str) -> str:
    interval = row["intervals"][name]
    if interval is None:
        return str(row[name])
    return f"{row[name]} ({interval[0]:.1%} to {interval[1]:.1%})"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    if not rows:
        return "<p>None.</p>"
    top = "".join(f"<th>{escape(name)}</th>" for name in head)
    body = "\n".join("<tr>" + "".join(f"<td>{escape(part)}</td>" for part in row) + "</tr>" for row in rows)
    return f'<div class="table"><table><thead><tr>{top}</tr></thead><tbody>\n{body}\n</tbody></table></div>'
