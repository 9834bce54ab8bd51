"""`safelight eval`: measure detectors and policies on labelled data."""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TextIO

import typer

from safelight.cli.commands import load_container
from safelight.cli.language import category_name, texts
from safelight.cli.output import Exit, ProgressBar, emit
from safelight.cli.prompt_checker import make_pipeline
from safelight.core.errors import ConfigurationError, InvalidField, SafelightError
from safelight.providers.advice.prompt_advice import BlockedAt

from .eval_all import evaluate_all
from .eval_bias import bias
from .eval_drift import drift
from .eval_output import format_advice_report, format_clip_report, format_prompt_report
from .eval_provenance import provenance
from .policies import PolicyName, load_policies
from .result_files import write_text

if TYPE_CHECKING:
    from safelight.app.container import Container
    from safelight_lab.evaluation.advice_eval import AdviceEvaluation
    from safelight_lab.evaluation.datasets import DataSet
    from safelight_lab.evaluation.protocol import CaseOutcome

app = typer.Typer(no_args_is_help=True)
app.command()(provenance)
app.command()(drift)
app.command()(bias)
app.command("all")(evaluate_all)


@app.callback()
def evaluate() -> None:
    """Measure detectors on labelled data."""


@app.command()
def prompts(
    ctx: typer.Context,
    data: Annotated[
        list[Path], typer.Option("--data", help="A JSONL file of prompts, one per line; repeatable.")
    ],
    rows: Annotated[
        Path | None,
        typer.Option(
            "--rows", help="Write what the first policy decided for each row, with its text, to a JSONL file."
        ),
    ] = None,
    policy: Annotated[
        list[str] | None,
        typer.Option("--policy", help="A policy to evaluate; repeatable. [default: policy in force]"),
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
    markdown: Annotated[
        Path | None,
        typer.Option("--markdown", help="Also write the summary and the confusion table as Markdown."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> int:
    """Screen prompts and report what was stopped, found and wrong, with intervals. Prints no prompt.

    A row may say what it expects. Exit code 1 if a row differs from that under the first policy.
    """
    from safelight_lab.evaluation import datasets, holdout_log, prompt_eval, protocol, reports
    from safelight_lab.evaluation.confusion import Confusion
    from safelight_lab.evaluation.expectations import Expectations
    from safelight_lab.evaluation.rate_summary import RateSummary

    container = load_container(ctx)
    sets = [datasets.read(path) for path in data]
    log = holdout_log.log_for((one.sha256 for one in sets), log)
    known = protocol.load_installed(protocol.ATTACKS, protocol.Attack)  # type: ignore[type-abstract]
    for name in attack or ():
        if name not in known:
            raise InvalidField(f"Unknown attack {name!r}; attacks: {', '.join(known)}.", param="attack")
    attacks = [known[name] for name in attack or ()]
    metrics = protocol.load_installed(protocol.METRICS, protocol.Metric)  # type: ignore[type-abstract]
    policies = load_policies(container, policy or ())
    first = next(iter(policies))
    total = sum(1 for _ in prompt_eval.cases(sets, attacks, attack_safe=attack_safe))
    evaluation = prompt_eval.PromptEvaluation(
        pipeline=make_pipeline(container),
        taxonomy=container.core.taxonomy,
        policies=policies,
        metrics=[*metrics.values(), RateSummary(first), Confusion(first), Expectations(first)],
    )
    with ProgressBar(total, "prompts") as progress, _RowWriter(rows, first, container) as writer:

        def observe(outcome: CaseOutcome) -> None:
            writer.write(outcome)
            progress.update(writer.count)

        report = evaluation.run(sets, attacks=attacks, attack_safe=attack_safe, observe=observe).as_json()
    if log is not None:
        holdout_log.append(log, holdout_log.format_entry(report, now=dt.datetime.now(dt.UTC)))
    if html is not None:
        write_text(html, reports.html(report))
    if markdown is not None:
        write_text(markdown, reports.markdown(report))
    emit(report, as_json, format_prompt_report(report))
    return Exit.ERROR if report["metrics"]["expectations"]["differ"] else Exit.OK


class _RowWriter:
    """Counts outcomes and, if a path is given, writes a line for each."""

    def __init__(self, path: Path | None, policy: str, container: Container) -> None:
        self.count = 0
        self._path, self._policy, self._taxonomy = path, policy, container.core.taxonomy
        self._file: TextIO | None = None

    def __enter__(self) -> _RowWriter:
        if self._path is not None:
            try:
                self._file = self._path.open("w", encoding="utf-8", errors="surrogatepass")
            except OSError as error:
                raise SafelightError(f"{self._path} cannot be written: {error.strerror}.") from error
        return self

    def write(self, outcome: CaseOutcome) -> None:
        from safelight_lab.evaluation.row_results import format_row

        self.count += 1
        if self._file is not None:
            try:
                self._file.write(format_row(outcome, self._policy, self._taxonomy) + "\n")
            except OSError as error:
                raise SafelightError(f"{self._path} cannot be written: {error.strerror}.") from error

    def __exit__(self, *_error: object) -> None:
        if self._file is not None:
            self._file.close()


@app.command()
def advice(
    ctx: typer.Context,
    data: Annotated[
        list[Path] | None, typer.Option("--data", help="A JSONL file of prompts, one per line; repeatable.")
    ] = None,
    simulated: Annotated[
        bool,
        typer.Option(
            "--simulated", help="Also measure the estimated risk on simulated filters; takes two minutes."
        ),
    ] = False,
    rewrites: Annotated[
        bool,
        typer.Option(
            "--rewrites",
            help="Also measure whether suggestions pass simulated filters, on prompts of a scene grammar and "
            "on the harmless English prompts of --data; takes minutes.",
        ),
    ] = False,
    blocked: Annotated[
        BlockedAt | None,
        typer.Option("--blocked", help="A provider has blocked the prompts of --data, or their outputs."),
    ] = None,
    rewriter: Annotated[
        bool,
        typer.Option(
            "--rewriter",
            help="Also ask the language model of the settings for rewrites, and count what becomes of them. "
            "The prompts are sent there.",
        ),
    ] = False,
    policy: PolicyName = "",
    log: Annotated[
        Path | None,
        typer.Option("--log", help="Append the counts of this run to a file; some sets require it."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> int:
    """Count the prompts that get suggestions and those that are refused help. Prints no prompt."""
    from safelight_lab.evaluation import advice_eval, datasets, holdout_log, risk_eval

    if not (data or simulated or rewrites):
        raise InvalidField(
            "There is nothing to evaluate. Give --data, --simulated or --rewrites.", param="data"
        )
    container = load_container(ctx)
    if rewriter and container.core.rewriter is None:
        raise InvalidField("There is no language model. Set advice.rewriter.url and model.", param="rewriter")
    sets = [datasets.read(path) for path in data or ()]
    log = holdout_log.log_for((one.sha256 for one in sets), log)
    (chosen,) = load_policies(container, [policy] if policy else []).values()
    evaluation = advice_eval.AdviceEvaluation(
        pipeline=make_pipeline(container),
        taxonomy=container.core.taxonomy,
        policy=chosen,
        blocked_at=blocked,
        rewriter=container.core.rewriter if rewriter else None,
        embedder=container.core.search_embedder if rewriter else None,
    )
    with ProgressBar(sum(len(one.cases) for one in sets), "prompts") as progress:
        done = itertools.count(1)
        report = evaluation.run(sets, observe=lambda _outcome: progress.update(next(done)))
    if simulated:
        with ProgressBar(risk_eval.FITS, "models") as progress:
            fits = itertools.count(1)
            report["simulated"] = {
                "risk": risk_eval.run_risk_eval(observe=lambda: progress.update(next(fits)))
            }
    if rewrites:
        report.setdefault("simulated", {})["rewrites"] = _run_rewrites(evaluation, sets)
    if log is not None:
        holdout_log.append(log, advice_eval.format_log_entry(report, now=dt.datetime.now(dt.UTC)))
    emit(report, as_json, format_advice_report(report))
    return Exit.OK


def _run_rewrites(evaluation: AdviceEvaluation, sets: Sequence[DataSet]) -> dict[str, Any]:
    from safelight_lab.evaluation.rewrite_eval import RewriteEvaluation

    texts = [case.text for each in sets for case in each.cases if case.label == "safe" and case.lang == "en"]
    done = itertools.count(1)
    rewriting = RewriteEvaluation(
        suggest=evaluation.suggest, data=texts, observe=lambda: progress.update(next(done))
    )
    with ProgressBar(rewriting.cells, "filters") as progress:
        return rewriting.run()


@app.command()
def guard(
    ctx: typer.Context,
    data: Annotated[list[Path], typer.Option("--data", help="A JSONL file of labelled prompts; repeatable.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> int:
    """Measure the configured guard model on labelled prompts, and store dated rates for coverage."""
    from safelight.detectors.remote import text_guard as measurements
    from safelight.detectors.remote.text_guard import GuardDetector
    from safelight.detectors.text.pipeline import TextPipeline
    from safelight_lab.evaluation import datasets, guard_eval, metrics, prompt_eval

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
        done = itertools.count(1)
        report = evaluation.run(sets, observe=lambda _outcome: progress.update(next(done)))
    figure: measurements.GuardMeasurements = report.results["guard"]
    if detector.measurements is not None:
        try:
            measurements.write_measurements(detector.measurements, figure)
        except OSError as error:
            raise SafelightError(f"{detector.measurements} cannot be written: {error.strerror}.") from error
    times = report.results["latency_ms"]
    t = texts()
    lines = [
        t("eval.guard_found", name=category_name(name), share=share.describe())
        for name, share in figure.categories.items()
    ] + [
        t("eval.guard_alarms", share=figure.harmless.describe()),
        t("eval.guard_unanswered", n=figure.unanswered, all=times["n"]),
        f"p50 {times['p50']} ms, p99 {times['p99']} ms",
        t("eval.guard_stored", path=detector.measurements),
    ]
    payload = {**asdict(figure), "latency_ms": times, "rows": report.results["rates"]}
    emit(payload, as_json, "\n".join(lines))
    return Exit.OK


@app.command()
def clips(
    ctx: typer.Context,
    data: Annotated[Path, typer.Option("--data", help="A folder of labelled clips with `clips.jsonl`.")],
    policy: PolicyName = "",
    html: Annotated[
        Path | None, typer.Option("--html", help="Also write the report as an HTML page.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> int:
    """Scan and evaluate labelled clips like generated videos, and report what was found and missed.

    Waivers in force apply and are named. Prints no image and no text of a clip.
    """
    from safelight.policy.documents import load
    from safelight.policy.tenant_policy import TenantPolicy
    from safelight_lab.evaluation import clip_eval, clip_report
    from safelight_lab.evaluation import clips as clip_sets

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
        write_text(html, clip_report.html(report))
    emit(report, as_json, format_clip_report(report))
    return Exit.OK
