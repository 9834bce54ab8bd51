"""`safelight eval`: measure detectors and policies on labelled data."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from safelight.errors import ConfigurationError, InvalidField, SafelightError

from .commands import load_container
from .exit_codes import Exit
from .output import ProgressBar, emit

app = typer.Typer(no_args_is_help=True)

_POLICIES = ("starter", "strict")


@app.callback()
def evaluate() -> None:
    """Measure detectors on labelled data."""


@app.command()
def prompts(
    ctx: typer.Context,
    data: Annotated[list[Path], typer.Option("--data", help="A JSONL file of labelled prompts; repeatable.")],
    policy: Annotated[
        list[str] | None,
        typer.Option("--policy", help="A policy to evaluate; repeatable. [default: starter, strict]"),
    ] = None,
    attack: Annotated[
        list[str] | None,
        typer.Option("--attack", help="Rewrite unsafe prompts with this attack; repeatable."),
    ] = None,
    attack_safe: Annotated[bool, typer.Option("--attack-safe", help="Also rewrite safe prompts.")] = False,
    log: Annotated[
        Path | None,
        typer.Option("--log", help="Append the counts of this run to a file; some sets require it."),
    ] = None,
    html: Annotated[
        Path | None, typer.Option("--html", help="Also write the report as an HTML page.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> int:
    """Screen labelled prompts and report the rates found and blocked, with intervals. Prints no prompt."""
    from safelight.evaluation import datasets, holdout_log, prompt_eval, protocol, reports
    from safelight.policy.documents import load

    container = load_container(ctx)
    sets = [datasets.read(path) for path in data]
    log = holdout_log.log_for((one.sha256 for one in sets), log)
    known = protocol.load_installed(protocol.ATTACKS, protocol.Attack)  # type: ignore[type-abstract]
    for name in attack or ():
        if name not in known:
            raise InvalidField(f"Unknown attack {name!r}; attacks: {', '.join(known)}.", param="attack")
    attacks = [known[name] for name in attack or ()]
    metrics = protocol.load_installed(protocol.METRICS, protocol.Metric)  # type: ignore[type-abstract]
    total = sum(1 for _ in prompt_eval.cases(sets, attacks, attack_safe=attack_safe))
    with ProgressBar(total, "prompts") as progress:
        evaluation = prompt_eval.PromptEvaluation(
            pipeline=container.core.text_pipeline,
            taxonomy=container.core.taxonomy,
            policies={name: load(name, container.core.taxonomy) for name in policy or _POLICIES},
            metrics=metrics.values(),
        )
        report = evaluation.run(
            sets, attacks=attacks, attack_safe=attack_safe, progress=progress.update
        ).as_json()
    if log is not None:
        holdout_log.append(log, holdout_log.format_entry(report, now=dt.datetime.now(dt.UTC)))
    if html is not None:
        _write_page(html, reports.html(report))
    emit(report, as_json, _format_prompt_report(report))
    return Exit.OK


@app.command()
def guard(
    ctx: typer.Context,
    data: Annotated[list[Path], typer.Option("--data", help="A JSONL file of labelled prompts; repeatable.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> int:
    """Measure the configured guard model on labelled prompts, and store dated rates for coverage."""
    from safelight.detectors.remote import measurements
    from safelight.detectors.remote.text_guard import GuardDetector
    from safelight.detectors.text.pipeline import TextPipeline
    from safelight.evaluation import datasets, guard_eval, metrics, prompt_eval

    container = load_container(ctx)
    found = [one for one in container.core.text_pipeline.detectors if isinstance(one, GuardDetector)]
    if not found:
        sentences = [one.sentence for one in container.core.detectors.missing if one.name == "text-guard"]
        raise ConfigurationError(sentences[0] if sentences else "The text guard is disabled in the settings.")
    detector = found[0]
    sets = [datasets.read(path) for path in data]
    measured = guard_eval.GuardFigures(
        detector.version,
        (one.category for one in detector.capabilities),
        [one.sha256 for one in sets],
        dt.datetime.now(dt.UTC).date(),
    )
    with ProgressBar(sum(len(one.cases) for one in sets), "prompts") as progress:
        evaluation = prompt_eval.PromptEvaluation(
            pipeline=TextPipeline([detector.always()], budget_s=container.core.settings.scan.text_timeout_s),
            taxonomy=container.core.taxonomy,
            policies={},
            metrics=[metrics.RATES, metrics.LATENCY, measured],
        )
        report = evaluation.run(sets, progress=progress.update)
    figure: measurements.GuardMeasurements = report.results["guard"]
    if detector.measurements is not None:
        try:
            measurements.write_measurements(detector.measurements, figure)
        except OSError as error:
            raise SafelightError(f"{detector.measurements} cannot be written: {error.strerror}.") from error
    times = report.results["latency_ms"]
    lines = [f"{name}: {share.describe()} found" for name, share in figure.categories.items()] + [
        f"harmless prompts with a false alarm: {figure.harmless.describe()}",
        f"no usable response: {figure.unanswered} of {times['n']}",
        f"p50 {times['p50']} ms, p99 {times['p99']} ms",
        f"stored in {detector.measurements}; coverage shows these rates after the next start",
    ]
    payload = {**asdict(figure), "latency_ms": times, "rows": report.results["rates"]}
    emit(payload, as_json, "\n".join(lines))
    return Exit.OK


@app.command()
def clips(
    ctx: typer.Context,
    data: Annotated[Path, typer.Option("--data", help="A folder of labelled clips with `clips.jsonl`.")],
    policy: Annotated[
        str, typer.Option("--policy", help="The policy to evaluate. [default: policy in force]")
    ] = "",
    html: Annotated[
        Path | None, typer.Option("--html", help="Also write the report as an HTML page.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> int:
    """Scan and evaluate labelled clips like generated videos, and report what was found and missed.

    Waivers in force apply and are named. Prints no image and no text of a clip.
    """
    from safelight.evaluation import clip_eval, clip_report
    from safelight.evaluation import clips as clip_sets
    from safelight.moderation.tenant_policy import TenantPolicy
    from safelight.policy.documents import load

    container = load_container(ctx)
    found = clip_sets.read(data)
    chosen = (
        load(policy, container.core.taxonomy)
        if policy
        else container.persistence.active_policy(container.persistence.tenant)
    )
    waivers = container.persistence.waivers_in_force(container.persistence.tenant)
    tenant_policy = TenantPolicy(
        tenant=container.persistence.tenant,
        taxonomy=container.core.taxonomy,
        policy=chosen,
        waivers=tuple(waiver.terms for waiver in waivers),
    )
    with ProgressBar(len(found.clips) * 100, "clips") as progress:
        seen = list(
            clip_eval.evaluate_clips(
                found,
                container.pipeline.stages.output,
                tenant_policy,
                progress=lambda number, percent: progress.update(100 * number + percent),
            )
        )
    report = clip_eval.build_report(
        found,
        seen,
        taxonomy=container.core.taxonomy,
        policy={chosen.name: chosen.sha256},
        waivers=(waiver.id for waiver in waivers),
    )
    if html is not None:
        _write_page(html, clip_report.html(report))
    emit(report, as_json, _format_clip_report(report))
    return Exit.OK


def _write_page(path: Path, page: str) -> None:
    try:
        path.write_text(page, encoding="utf-8")
    except OSError as error:
        raise SafelightError(f"{path} cannot be written: {error.strerror}.") from error


def _format_clip_report(report: Mapping[str, Any]) -> str:
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


def _format_prompt_report(report: Mapping[str, Any]) -> str:
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
    lines.append(f"model {report['model_hash'][:16]}")
    return "\n".join(lines)
