"""Renders a prompt evaluation as HTML (no script, no external resource) or Markdown, without prompts."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 70rem;
padding: 0 1rem; color: #1c2024 }
table { border-collapse: collapse; width: 100% } th, td { padding: .3rem .6rem; text-align: left }
th { border-bottom: 2px solid #888 } td { border-bottom: 1px solid #ddd } td.n { text-align: right;
font-variant-numeric: tabular-nums } small { color: #666 } .table { overflow-x: auto }
"""


def html(report: Mapping[str, Any], *, title: str = "Prompt screening") -> str:
    """The page for a report made by `Run.as_json`."""
    policies = sorted({name for row in report["rows"] for name in row["blocked"]})
    head = ["Source", "Label", "Category", "Lang", "n", "Found", *(f"Blocked by {name}" for name in policies)]
    rows = "\n".join(_row(row, policies) for row in report["rows"])
    sets = ", ".join(f"{one['name']} ({one['n']}, sha256 {one['sha256'][:12]})" for one in report["datasets"])
    parts = ", ".join(f"{name} {version}" for name, version in sorted(report["detectors"].items()))
    facts = {
        "Data": sets,
        "Attacks": ", ".join(report["attacks"]) or "none",
        "Detectors": parts,
        "Model hash": report["model_hash"],
        "Found from": report["thresholds"]["found"],
        "Latency": ", ".join(f"{name} {value}" for name, value in report["latency_ms"].items()),
    }
    listed = "\n".join(f"<p><b>{escape(name)}</b> {escape(str(value))}</p>" for name, value in facts.items())
    extra = "".join(
        f"<h2>{escape(name)}</h2><pre>{escape(json.dumps(value, indent=2, ensure_ascii=False))}</pre>"
        for name, value in report["metrics"].items()
    )
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{STYLE}</style></head><body>\n'
        f"<h1>{escape(title)}</h1>\n{listed}\n"
        f'<div class="table"><table><thead><tr>{_cells("th", head)}</tr></thead><tbody>\n{rows}\n'
        "</tbody></table></div>\n<p><small>Rates with Wilson's 95 % intervals. * is all categories together."
        f"</small></p>\n{extra}</body></html>\n"
    )


def markdown(report: Mapping[str, Any]) -> str:
    """The summary and the confusion table of a report made by `Run.as_json`."""
    confusion = report["metrics"]["confusion"]
    shown = ("n", "stopped", "alarms", "help_lines", "found", "stopped_right", "right_of_stopped")
    summary = [
        [row["part"], row["value"], row["label"] or "-", *(_markdown_share(row.get(name)) for name in shown)]
        for row in report["metrics"]["summary"]
    ]
    head = ["Part", "Value", "Label", *(name.replace("_", " ").capitalize() for name in shown)]
    columns = confusion["columns"]
    counts = [
        [row["label"], ", ".join(row["right"]), *(row["counts"].get(name, 0) for name in columns)]
        for row in confusion["rows"]
    ]
    return (
        f"{_markdown_table(head, summary)}\n"
        f"Stopped under which category, by label; {confusion['n']} prompts, {confusion['unmapped']} unmapped "
        "ones left out:\n\n"
        f"{_markdown_table(['Label', 'Right', *columns], counts)}"
    )


def _markdown_share(share: Any) -> str:
    """A count, or k of n with the interval in percent."""
    if not isinstance(share, Mapping):
        return "" if share is None else str(share)
    if not share["n"]:
        return "-"
    low, high = (100 * end for end in share["interval"])
    return f"{share['k']} of {share['n']} ({low:.1f}-{high:.1f} %)"


def _markdown_table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(map(str, cells))} |\n" for cells in lines)


def _row(row: Mapping[str, Any], policies: Iterable[str]) -> str:
    source = row["source"] + (f" ({row['attack']})" if row["attack"] else "")
    words = _cells("td", [source, row["label"], row["category"], row["lang"]])
    columns = [
        str(row["n"]),
        *(_rate(row, name) for name in ("found", *(f"blocked by {p}" for p in policies))),
    ]
    return f"<tr>{words}" + "".join(f'<td class="n">{column}</td>' for column in columns) + "</tr>"


def _rate(row: Mapping[str, Any], name: str) -> str:
    low, high = row["intervals"][name]
    return f"{100 * row['rates'][name]:.1f} % <small>{100 * low:.1f} to {100 * high:.1f}</small>"


def _cells(tag: str, values: Iterable[object]) -> str:
    return "".join(f"<{tag}>{escape(str(value))}</{tag}>" for value in values)
