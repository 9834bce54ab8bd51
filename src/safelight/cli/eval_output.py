"""Text output of `safelight eval`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any


def format_clip_report(report: Mapping[str, Any]) -> str:
    data = report["data"]
    lines = [f"{data['n']} clips, {data['prompts']} of them evaluated with their prompt"]
    for cell in report["cells"]:
        if cell["state"] == "measured":
            low, high = (100 * end for end in cell["recall_interval"])
            lines.append(
                f"{cell['category']} ({cell['modality']}): {cell['found']} of {cell['segments']} found"
                f" ({low:.1f}-{high:.1f} %), {cell['false_alarms']} false alarms in {cell['safe_clips']}"
            )
    unmeasured = [
        f"{one['category']} ({one['modality']})" for one in report["cells"] if one["recall"] is None
    ]
    if unmeasured:
        lines.append(f"unmeasured: {', '.join(unmeasured)}")
    for one in report["groups"]:
        low, high = (100 * end for end in one["recall_interval"])
        lines.append(f"{one['group']}: {one['found']} of {one['segments']} found ({low:.1f}-{high:.1f} %)")
    for label, row in report["clips"].items():
        counts = ", ".join(
            f"{name} {row[name]}" for name in row if name not in ("n", "intervals") and row[name]
        )
        lines.append(f"{label}: n {row['n']}" + (f", {counts}" if counts else ""))
    cost = report["cost"]
    for name, spent in {"": cost, **cost["groups"]}.items():
        of = f" of {name}" if name else ""
        lines.append(
            f"cost{of}: {spent['cpu_s_per_video_s']} CPU s per second of video, over {spent['video_s']} s"
        )
    return "\n".join(lines)


def format_prompt_report(report: Mapping[str, Any]) -> str:
    lines = []
    for row in report["rows"]:
        rates = ", ".join(
            f"{name} {100 * rate:.1f} % ({'-'.join(f'{100 * end:.1f}' for end in row['intervals'][name])})"
            for name, rate in row["rates"].items()
        )
        attack = f" [{row['attack']}]" if row["attack"] else ""
        lines.append(
            f"{row['source']}{attack} {row['label']} {row['category']} {row['lang']}: n {row['n']}, {rates}"
        )
    times = report["latency_ms"]
    if times:
        lines.append(
            f"latency p50 {times['p50']} ms, p99 {times['p99']} ms; "
            f"{times['incomplete']} of {times['n']} not checked by every detector"
        )
    lines += _format_summary(report["metrics"]["summary"])
    lines.append(f"model {report['model_hash'][:16]}")
    expected = report["metrics"]["expectations"]
    lines += [
        f"{one['id']} ({one['source']}, {one['lang']}{', ' + one['attack'] if one['attack'] else ''}): "
        f"{'; '.join(one['differences'])}{' by rule ' + one['rule'] if one['rule'] else ''}"
        for one in expected["differ"]
    ]
    if expected["n"]:
        lines.append(f"{len(expected['differ'])} of {expected['n']} rows differ from what they expect")
    return "\n".join(lines)


def format_advice_report(report: Mapping[str, Any]) -> str:
    lines = []
    for row in report["rows"]:
        shares = [
            f"{name} {row[key]['k']} of {row['n']}"
            f" ({'-'.join(f'{100 * end:.1f}' for end in row[key]['interval'])} %)"
            for key, name in (("suggestions", "any suggestion"), ("refused", "help refused"))
        ]
        reasons = ", ".join(f"{name} {count}" for name, count in row["refusals"].items())
        title = " ".join(part for part in (row["source"], row["label"], row["part"], row["value"]) if part)
        lines.append(f"{title}: {', '.join(shares)}{f' [{reasons}]' if reasons else ''}")
    versions = f"model {report['model_hash'][:16]}, advice {report['advice_hash'][:16]}"
    return "\n".join([*lines, versions])


def _format_summary(rows: list[dict[str, Any]]) -> Iterator[str]:
    names = ("stopped", "alarms", "help_lines", "found", "stopped_right", "right_of_stopped")
    for row in rows:
        shares = [
            f"{name.replace('_', ' ')} {share['k']} of {share['n']}"
            f" ({'-'.join(f'{100 * end:.1f}' for end in share['interval'])} %)"
            for name in names
            if (share := row.get(name)) and share["n"]
        ]
        yield f"{row['part']} {row['value']} {row['label']}: {', '.join(shares)}".replace(" :", ":")
