"""`safelight eval drift`: measure how soon drift of a provider is found, on a simulated one."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Annotated, Any

import typer

from safelight.cli.language import texts
from safelight.cli.output import Exit, ProgressBar, emit


def drift(
    runs: Annotated[
        int, typer.Option("--runs", min=1, max=1000, help="Runs of each row; 200 take half an hour.")
    ] = 200,
    canaries: Annotated[
        bool, typer.Option("--canaries", help="Measure active canaries instead; 200 runs take two minutes.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> int:
    """Measure on a simulated provider how soon drift is found, its kind, and false alarms without drift.

    The same numbers are drawn in each run of the command.
    """
    from safelight_lab.evaluation import canary_eval, drift_eval

    done = itertools.count(1)
    steps = canary_eval.count_steps(runs) if canaries else drift_eval.count_steps(runs)
    with ProgressBar(steps, "runs") as progress:
        run = canary_eval.run_canary_eval if canaries else drift_eval.run_drift_eval
        report = run(runs=runs, observe=lambda: progress.update(next(done)))
    emit(report, as_json, format_canary_report(report) if canaries else format_drift_report(report))
    return Exit.OK


def format_canary_report(report: Mapping[str, Any]) -> str:
    """The report on canaries as lines of text."""
    t = texts()
    lines = [t("eval_drift.canaries", runs=report["runs"], within=report["within"])]
    lines += [
        t(
            "eval_drift.canary_row",
            drift=row["drift"],
            noise=f"{100 * row['noise']:.0f}",
            before=row["before"],
            share=f"{100 * row['share']:.0f}",
            found=_share(row["found"]),
            median="–" if row["median_calls"] is None else f"{row['median_calls']:g}",
        )
        for row in report["rows"]
    ]
    lines += [
        t(
            "eval_drift.canary_quiet",
            noise=f"{100 * row['noise']:.0f}",
            alarms=row["alarms"],
            years=row["years"],
        )
        for row in report["without_drift"]
    ]
    return "\n".join(lines)


def format_drift_report(report: Mapping[str, Any]) -> str:
    """The report as lines of text."""
    t = texts()
    lines = [t("eval_drift.title", runs=report["runs"], within=report["within"])]
    lines += [
        t(
            "eval_drift.row",
            base=f"{100 * row['base']:.0f}",
            before=row["before"],
            rate=row["calls_a_day"],
            prompts=t(f"eval_drift.{row['prompts']}"),
            found=_share(row["found"]),
            baseline=_share(row["baseline"]["found"]),
        )
        for row in report["rows"]
    ]
    lines += [
        t("eval_drift.kind", drift=row["drift"], found=_share(row["found"]), right=_share(row["right"]))
        for row in report["kinds"]
    ]
    lines += [
        t(
            "eval_drift.quiet",
            base=f"{100 * row['base']:.0f}",
            prompts=t(f"eval_drift.{row['prompts']}"),
            alarms=row["alarms"],
            years=row["years"],
        )
        for row in report["without_drift"]
    ]
    return "\n".join(lines)


def _share(share: Mapping[str, Any]) -> str:
    low, high = share["interval"]
    return f"{share['k']}/{share['n']} ({100 * low:.0f}–{100 * high:.0f} %)"
