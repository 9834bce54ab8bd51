"""Text output of `safelight eval`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from safelight.cli.language import category_name, modality_name, texts


def format_clip_report(report: Mapping[str, Any]) -> str:
    data = report["data"]
    t = texts()
    lines = [t("eval.clips", n=data["n"], prompts=data["prompts"])]
    lines += [
        t(
            "eval.cell",
            category=category_name(cell["category"]),
            modality=modality_name(cell["modality"]),
            alarms=cell["false_alarms"],
            safe=cell["safe_clips"],
            **_found(cell),
        )
        for cell in report["cells"]
        if cell["state"] == "measured"
    ]
    unmeasured = [
        t("check.cell", category=category_name(one["category"]), modality=modality_name(one["modality"]))
        for one in report["cells"]
        if one["recall"] is None
    ]
    if unmeasured:
        lines.append(t("eval.unmeasured", names=t("separator").join(unmeasured)))
    lines += [t("eval.group", group=one["group"], **_found(one)) for one in report["groups"]]
    for label, row in report["clips"].items():
        counts = ", ".join(
            f"{name} {row[name]}" for name in row if name not in ("n", "intervals") and row[name]
        )
        lines.append(f"{label}: n {row['n']}" + (f", {counts}" if counts else ""))
    cost = report["cost"]
    for name, spent in {"": cost, **cost["groups"]}.items():
        values = {"cpu": spent["cpu_s_per_video_s"], "video": spent["video_s"]}
        lines.append(t("eval.cost_of", name=name, **values) if name else t("eval.cost", **values))
    return "\n".join(lines)


def _found(measured: Mapping[str, Any]) -> dict[str, Any]:
    low, high = (f"{100 * end:.1f}" for end in measured["recall_interval"])
    return {"found": measured["found"], "all": measured["segments"], "low": low, "high": high}


def _format_share(name: str, share: Mapping[str, Any], n: int) -> str:
    t = texts()
    low, high = (f"{100 * end:.1f}" for end in share["interval"])
    return t("eval.share", name=t(f"eval.name.{name}"), k=share["k"], n=n, low=low, high=high)


def format_prompt_report(report: Mapping[str, Any]) -> str:
    t = texts()
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
        values = {name: times[name] for name in ("p50", "p99", "incomplete", "n")}
        lines.append(t("eval.latency", **values))
    lines += _format_summary(report["metrics"]["summary"])
    lines.append(t("eval.model", model=report["model_hash"][:16]))
    expected = report["metrics"]["expectations"]
    lines += [
        f"{one['id']} ({one['source']}, {one['lang']}{', ' + one['attack'] if one['attack'] else ''}): "
        f"{_format_differences(one)}"
        for one in expected["differ"]
    ]
    if expected["n"]:
        lines.append(t("eval.differ", n=len(expected["differ"]), all=expected["n"]))
    return "\n".join(lines)


def _format_differences(row: Mapping[str, Any]) -> str:
    differences = "; ".join(row["differences"])
    return texts()("eval.by_rule", differences=differences, rule=row["rule"]) if row["rule"] else differences


def format_advice_report(report: Mapping[str, Any]) -> str:
    lines = []
    for row in report["rows"]:
        shares = [_format_share(name, row[name], row["n"]) for name in ("suggestions", "asked", "refused")]
        reasons = ", ".join(f"{name} {count}" for name, count in row["refusals"].items())
        title = " ".join(part for part in (row["source"], row["label"], row["part"], row["value"]) if part)
        lines.append(f"{title}: {', '.join(shares)}{f' [{reasons}]' if reasons else ''}")
        if row["rewrites"]:
            lines.append("  " + ", ".join(f"{name} {count}" for name, count in row["rewrites"].items()))
    if found := report.get("simulated", {}).get("risk"):
        lines += _format_risk(found)
    if found := report.get("simulated", {}).get("rewrites"):
        lines += _format_rewrites(found)
    hashes = {"model": report["model_hash"][:16], "advice": report["advice_hash"][:16]}
    versions = texts()("eval.versions", **hashes)
    return "\n".join([*lines, versions])


def _format_risk(found: Mapping[str, Any]) -> Iterator[str]:
    """The estimated risk on simulated filters, beside the optimum."""
    t = texts()
    yield t("eval.simulated_risk", judged=found["judged"], filters=found["filters"])
    for row in found["rows"]:
        values = {name: value for name, value in row.items() if not isinstance(value, list)}
        yield t("eval.simulated_circular" if row["circular"] else "eval.simulated_family", **values)


def _format_rewrites(found: Mapping[str, Any]) -> Iterator[str]:
    """Whether suggestions pass simulated filters, beside the alternatives to them."""
    t = texts()
    yield t("eval.rewrites_title", n=found["prompts"], filters=found["filters"])
    for row in found["rows"]:
        passed = ", ".join(
            t(f"eval.rewrites_{name}") + " {:.1%} ({:.1%} – {:.1%})".format(one["mean"], *one["interval"])
            for name, one in row["passed"].items()
        )
        kept = [row["slots_outside_kept"], row["slots_kept"], row["changed_words"]]
        outside, slots, words = ("-" if share is None else f"{share:.1%}" for share in kept)
        yield t(
            "eval.rewrites_row",
            source=row["source"],
            family=row["family"],
            outcomes=row["outcomes"],
            n=row["n"],
            passed=passed,
            outside=outside,
            slots=slots,
            words=words,
            fixed=row["changed_fixed"],
            rewrites=row["rewrites"],
        )
        if (first := row["first"])["sure"]:
            yield t(
                "eval.rewrites_first",
                sure="{mean:.1%}".format(**first["sure"]),
                n=first["refused_surely"],
                again=f"{first['again']:.1%}",
                suggestion=f"{first['suggestion']:.1%}",
            )


def _format_summary(rows: list[dict[str, Any]]) -> Iterator[str]:
    names = ("stopped", "alarms", "help_lines", "found", "stopped_right", "right_of_stopped")
    for row in rows:
        shares = [
            _format_share(name, share, share["n"])
            for name in names
            if (share := row.get(name)) and share["n"]
        ]
        yield f"{row['part']} {row['value']} {row['label']}: {', '.join(shares)}".replace(" :", ":")
