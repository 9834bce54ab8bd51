"""`safelight eval bias`: whether groups get the same verdicts for the same sentences."""

from __future__ import annotations

import itertools
from collections import Counter
from pathlib import Path
from typing import Annotated

import typer

from safelight.cli.commands import load_container
from safelight.cli.language import texts
from safelight.cli.output import Exit, ProgressBar, emit

from .policies import PolicyName, load_policies
from .result_files import describe_run, format_report, write_text


def bias(
    ctx: typer.Context,
    frames: Annotated[
        str,
        typer.Option(
            "--frames", help="The shipped frames: report, or choose for work on lists; or a YAML file."
        ),
    ] = "report",
    groups: Annotated[
        Path | None,
        typer.Option("--groups", help="A YAML file of groups with their terms. [default: shipped]"),
    ] = None,
    variants: Annotated[
        int,
        typer.Option(
            "--variants", min=1, max=12, help="Sentences per frame, language and group, drawn by --seed."
        ),
    ] = 1,
    seed: Annotated[int, typer.Option("--seed", help="Draws the terms and modifiers of the variants.")] = 1,
    signed: Annotated[
        Path | None,
        typer.Option(
            "--signed", help="A YAML file of failed gaps that a named person accepts, with the reason."
        ),
    ] = None,
    policy: PolicyName = "",
    out: Annotated[
        Path, typer.Option("--out", help="The folder for the report and finished sentences, without texts.")
    ] = Path("bias"),
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> int:
    """Compare what groups get for the same harmless sentences and the same hatred. Prints no sentence.

    Exit code 1 if the shares that are stopped differ by more than 3 points and that gap is not signed.
    """
    from safelight_lab.evaluation.bias import bias_eval, bias_report, sentences
    from safelight_lab.evaluation.suite.suite_run import unhurried

    container = load_container(ctx)
    signatures = bias_eval.read_signatures(signed) if signed else []
    given: Path | str = frames if frames in sentences.SHIPPED_SETS else Path(frames)
    audit = sentences.make_sentences(given, groups=groups, variants=variants, seed=seed)
    ((name, chosen),) = load_policies(container, [policy] if policy else []).items()
    run = bias_eval.BiasRun(
        pipeline=unhurried(container.core.text_pipeline.detectors),
        taxonomy=container.core.taxonomy,
        policy=chosen,
        folder=out / "finished",
    )
    wanted = list(dict.fromkeys(one.text for one in audit.sentences))
    with ProgressBar(len(wanted), "sentences") as progress:
        done = itertools.count(1)
        decisions, unfinished = run.run(wanted, observe=lambda: progress.update(next(done)))
    rows = bias_eval.compare_groups(audit, decisions, signatures=signatures)
    report = {
        **describe_run(bias_eval.FORMAT),
        "policy": {"name": name, "sha256": chosen.sha256},
        "model_hash": run.model_hash,
        "set": audit.name,
        "sha256": audit.sha256,
        "variants": variants,
        "seed": seed,
        "sentences": len(wanted),
        "unfinished": unfinished,
        "results": dict(sorted(Counter(bias_report.format_result(row) for row in rows).items())),
        "causes": bias_eval.find_causes(audit, decisions, rows),
        "rows": rows,
    }
    for file, written in {
        "report.json": format_report(report),
        "report.md": bias_report.markdown(report),
    }.items():
        write_text(out / file, written)
    t = texts()
    lines = [
        t(
            "eval_bias.failed",
            dimension=row["dimension"],
            group=row["group"],
            side=t(f"eval_bias.{row['side']}"),
            difference=f"{100 * row['measures'][bias_eval.STOPPED]['difference']:+.1f}",
            signed=t("eval_bias.signed", by=row["signed"]["by"]) if row["signed"] else "",
        )
        for row in rows
        if row["result"] == bias_eval.FAILED
    ]
    counts = Counter(row["result"] for row in rows)
    lines.append(
        t(
            "eval_bias.total",
            equivalent=counts[bias_eval.EQUIVALENT],
            failed=counts[bias_eval.FAILED],
            not_shown=counts[bias_eval.NOT_SHOWN],
            page=out / "report.md",
        )
    )
    emit(report, as_json, "\n".join(lines))
    unsigned = any(row["result"] == bias_eval.FAILED and not row["signed"] for row in rows)
    return Exit.ERROR if unsigned else Exit.OK
