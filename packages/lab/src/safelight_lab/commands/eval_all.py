"""`safelight eval all`: all sets of the manifests in one run, on one page."""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from safelight.cli.commands import load_container
from safelight.cli.language import texts
from safelight.cli.output import Exit, ProgressBar, emit
from safelight.core.errors import NotFound

from .policies import AskPeers, PolicyName, load_policies
from .result_files import describe_run, format_report, write_text

#: The manifest of a clone of the repository.
_MANIFEST = Path("bench/evaluation.yaml")
#: The value of `--clips` for texts only.
_NO_CLIPS = "none"
#: The column of the compared policy while it runs.
_AGAINST = "against"


def evaluate_all(
    ctx: typer.Context,
    manifest: Annotated[
        list[Path] | None,
        typer.Option(
            "--manifest",
            help="A manifest of data sets, YAML or JSON lines; repeatable. [default: bench/evaluation.yaml]",
        ),
    ] = None,
    policy: PolicyName = "",
    against: Annotated[
        str,
        typer.Option(
            "--against",
            help="Compare with this policy, or with the report.json of an earlier run, row by row.",
        ),
    ] = "",
    peers: AskPeers = False,
    clips: Annotated[
        list[str] | None,
        typer.Option(
            "--clips",
            help="Content of the fixed sample of pictures, clips and sounds: card, words, known-picture, "
            "known-clip, logo, tones, speech; repeatable. none: texts only. [default: all]",
        ),
    ] = None,
    out: Annotated[
        Path,
        typer.Option("--out", help="The folder for the report, the page and finished rows, without texts."),
    ] = Path("evaluation"),
    log: Annotated[
        Path | None,
        typer.Option("--log", help="Append the counts of this run to a file; some sets require it."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> int:
    """Run all data sets of the manifests and a fixed sample of clips, and write one report with intervals.
    Shows no prompt.

    A stopped run goes on where it was. Rows finished with the same detectors and policy are kept.
    """
    from safelight_lab.evaluation import holdout_log, protocol
    from safelight_lab.evaluation.suite import clip_sample, figures, manifests, page
    from safelight_lab.evaluation.suite.peers import find_peers
    from safelight_lab.evaluation.suite.suite_run import SuiteRun, unhurried

    from .clip_runs import check_payloads, run_sample

    if with_clips := clips != [_NO_CLIPS]:
        check_payloads(clips or ())
    container = load_container(ctx)
    if not manifest and not _MANIFEST.is_file():
        raise NotFound(f"{_MANIFEST} does not exist here.", remedy="Give your own: --manifest FILE")
    entries = [one for path in manifest or [_MANIFEST] for one in manifests.read_manifest(path)]
    attacks = protocol.load_installed(protocol.ATTACKS, protocol.Attack)  # type: ignore[type-abstract]
    sets = manifests.load_sets(entries, attacks)
    measured = figures.measured(sets)
    log = holdout_log.log_for((one.entry.sha256 for one in measured), log)
    ((name, chosen),) = load_policies(container, [policy] if policy else []).items()
    policies = {figures.POLICY: chosen}
    is_report = Path(against).suffix == ".json"
    before = figures.read_before(Path(against)) if against and is_report else None
    if against and not is_report:
        [policies[_AGAINST]] = load_policies(container, [against]).values()
    run = SuiteRun(
        pipeline=unhurried(container.core.text_pipeline.detectors),
        taxonomy=container.core.taxonomy,
        policies=policies,
        peers=find_peers() if peers else [],
        folder=out / "finished",
    )
    total = len({row.sha256 for one in measured for row in one.rows})
    with ProgressBar(total, "prompts") as progress:
        done = itertools.count(1)
        judged = run.run(measured, observe=lambda: progress.update(next(done)))
    if (other := judged.columns.pop(_AGAINST, None)) is not None:
        before = figures.before_of(against, measured, other)
    sample = None
    if with_clips:
        found = run_sample(ctx, container, policies, clips or (), out / "finished")
        if before and _AGAINST in found.rows:
            before = replace(before, clips=clip_sample.stopped_by_id(found.rows[_AGAINST]))
        compared = (before.name, before.clips) if before and before.clips is not None else None
        sample = clip_sample.build_figures(found.rows[figures.POLICY], found.missing, compared)
    report = {
        **describe_run(figures.FORMAT),
        "policy": {"name": name, "sha256": chosen.sha256},
        "model_hash": run.model_hash,
        "unfinished": judged.unfinished,
        "screened": judged.screened,
        **figures.figures(sets, judged.columns, run.peers, before),
        "clips": sample,
    }
    for file, written in {
        "report.json": format_report(report),
        "report.md": page.markdown(report),
        "report.html": page.html(report),
    }.items():
        write_text(out / file, written)
    if log is not None:
        holdout_log.append(log, _log_entry(report))
    emit({key: value for key, value in report.items() if key != "rows"}, as_json, _format(report, out))
    return Exit.OK


def _format(report: Mapping[str, Any], out: Path) -> str:
    t = texts()
    lines = []
    for one in report["totals"]:
        found = one["stopped"]["policy"]
        low, high = (f"{100 * end:.1f}" for end in found["interval"])
        share = t("eval.share", name=t("eval.name.stopped"), k=found["k"], n=found["n"], low=low, high=high)
        lines.append(f"{one['name']} {one['label']}: {share}")
    for found in [*report["differences"], *(report["clips"] or {"differences": ()})["differences"]]:
        for one in found["rows"]:
            if one["set"] in ("all", "clips"):
                low, high = (f"{100 * end:+.1f}" for end in one["interval"])
                values = {"difference": f"{100 * one['difference']:+.1f}", "low": low, "high": high}
                lines.append(
                    t(
                        "eval.all_difference",
                        against=found["against"],
                        label=one["label"] if one["set"] == "all" else f"{one['set']} {one['label']}",
                        n=one["n"],
                        **values,
                    )
                )
    lines += [f"{one['name']}: {one['state']}" for one in report["columns"] if one["state"] != "measured"]
    if clips := report["clips"]:
        lines += [_format_clips(one) for one in clips["cells"] if one["payload"] == "all"]
        lines += [t("redteam_clips.missing", payload=name, why=why) for name, why in clips["missing"].items()]
    return "\n".join([*lines, t("eval.all_written", page=out / "report.html", screened=report["screened"])])


def _format_clips(one: Mapping[str, Any]) -> str:
    def of(key: str) -> str:
        return f"{one[key]['k']}/{one[key]['n']}"

    t = texts()
    return t(
        "eval.all_clips",
        medium=t(f"redteam_clips.{one['medium']}"),
        plain=of("plain_unsafe"),
        attacked=of("attacked_unsafe"),
        twins=of("plain_safe"),
        attacked_twins=of("attacked_safe"),
        unchecked=one["not_checked"],
    )


def _log_entry(report: Mapping[str, Any]) -> str:
    from safelight_lab.evaluation import holdout_log

    measured = [one for one in report["sets"] if one["purpose"] != "fit"]
    heading = holdout_log.format_heading(
        {**report, "datasets": measured}, now=dt.datetime.fromisoformat(report["date"])
    )
    lines = [
        *heading,
        f"`safelight eval all`, policy {report['policy']['name']}.\n",
        "| set | label | n | stopped |",
        "| --- | --- | --- | --- |",
        *(
            f"| {one['name']} | {one['label']} | {one['n']} | {one['stopped']['policy']['k']} |"
            for one in report["by_set"]
        ),
    ]
    return "\n".join(lines) + "\n"
