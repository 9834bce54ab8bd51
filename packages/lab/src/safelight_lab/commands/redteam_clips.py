"""`safelight redteam clips`: attacks on pictures, video and sound."""

from __future__ import annotations

import itertools
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from safelight.cli.commands import load_container
from safelight.cli.language import texts
from safelight.cli.output import Exit, ProgressBar, emit
from safelight.core.errors import InvalidField, SafelightError

from .policies import PolicyName, load_policies
from .result_files import describe_run, format_report, write_text

if TYPE_CHECKING:
    from safelight.app.container import Container


def clips(
    ctx: typer.Context,
    policy: PolicyName = "",
    payload: Annotated[
        list[str] | None,
        typer.Option(
            "--payload",
            help="A payload: card, words, known-picture, known-clip, logo, tones, speech; repeatable. "
            "[default: all]",
        ),
    ] = None,
    attacks: Annotated[
        int | None,
        typer.Option(
            "--attacks",
            min=1,
            help="At most so many attacks on each payload, drawn by --seed. [default: all]",
        ),
    ] = None,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Draws the attacks and their details.")] = 1,
    out: Annotated[
        Path, typer.Option("--out", help="The folder for the report and finished clips, without content.")
    ] = Path("redteam"),
    sheets: Annotated[
        bool,
        typer.Option(
            "--sheets",
            help="Also write contact sheets and sounds of what passed, so that a person can check that the "
            "payload is still there.",
        ),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> int:
    """Attack payloads in pictures, video and sound, scan them like generated videos, and count what passes.

    The payloads are drawn or synthesized and harmless. The same attacks on harmless twins are counted beside
    them. Checks that no installed detector does are waived.
    """
    from safelight.policy.tenant_policy import TenantPolicy
    from safelight.policy.verdicts import WaiverTerms
    from safelight_lab.evaluation import assessments
    from safelight_lab.evaluation.prompt_eval import hash_of_versions
    from safelight_lab.redteam import media_report, payloads
    from safelight_lab.redteam.media_clip import media_attacks
    from safelight_lab.redteam.media_run import MediaRun

    if unknown := [name for name in payload or () if name not in payloads.NAMES]:
        raise InvalidField(
            f"Unknown payload {unknown[0]!r}; payloads: {', '.join(payloads.NAMES)}.", param="payload"
        )
    configured = load_container(ctx)
    ((policy_name, chosen),) = load_policies(configured, [policy] if policy else []).items()
    judged = TenantPolicy(
        tenant="",
        taxonomy=configured.core.taxonomy,
        policy=chosen,
        waivers=(WaiverTerms(id="redteam", name="redteam", categories=("*",)),),
    )
    sheet_folder = out / "sheets" if sheets else None
    _make_folder(sheet_folder or out)
    with tempfile.TemporaryDirectory() as folder:
        container = _with_enrolled(ctx, configured, Path(folder))
        enrolled = payloads.enrol(container.core.hash_lists, container.core.logos)
        stages = container.pipeline.stages

        def is_stopped(text: str) -> bool:
            return assessments.is_stopped(stages.prompt.screen({"prompt": text}, judged).verdict)

        made = payloads.make_payloads(dict.fromkeys(payload or payloads.NAMES), is_stopped)
        versions = {plugin.name: plugin.version for plugin in container.core.detectors.plugins}
        model_hash = hash_of_versions(versions)
        run = MediaRun(
            stages=stages,
            policy=judged,
            payloads=made.made,
            attacks=list(media_attacks()),
            count=attacks,
            seed=seed,
            judge=(chosen.sha256, model_hash, enrolled),
            folder=out / "finished",
            sheets=sheet_folder,
        )
        with ProgressBar(run.total, "clips") as progress:
            done = itertools.count(1)
            results = run.run(observe=lambda: progress.update(next(done)))
    report = {
        **describe_run(media_report.FORMAT),
        "policy": {"name": policy_name, "sha256": chosen.sha256},
        "detectors": versions,
        "model_hash": model_hash,
        "seed": seed,
        **media_report.build_figures(results, made.missing),
    }
    page = out / "report-clips.md"
    for path, written in {
        out / "report-clips.json": format_report(report),
        page: media_report.markdown(report),
    }.items():
        write_text(path, written)
    emit(report, as_json, _format(report, page))
    return Exit.OK


def _make_folder(path: Path) -> None:
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SafelightError(f"{path} cannot be written: {error.strerror}.") from error


def _with_enrolled(ctx: typer.Context, configured: Container, folder: Path) -> Container:
    """The installation, with lists and logos of this folder in place of its own."""
    from safelight.app.container import Container
    from safelight_lab.redteam.payloads import enrolled_options

    settings = configured.core.settings
    detectors: dict[str, Any] = dict(settings.detectors)
    for name, options in enrolled_options(folder).items():
        own = detectors.get(name, {})
        if own is not False:
            detectors[name] = {**(own if isinstance(own, dict) else {}), **options}
    # Scans need a data directory for unfinished files.
    data = settings.data if settings.data.exists() else folder / "data"
    data.mkdir(exist_ok=True)
    made = Container(settings.model_copy(update={"detectors": detectors, "data": data}))
    ctx.call_on_close(made.likeness.close_embedder)
    ctx.call_on_close(made.persistence.close)
    return made


def _format(report: dict[str, Any], page: Path) -> str:
    from safelight_lab.redteam.media_report import format_share

    t = texts()
    lines = [
        t(
            "redteam_clips.family",
            family=one["name"],
            medium=t(f"redteam_clips.{one['medium']}"),
            passed=format_share(one["passed"]),
            twins=format_share(one["twins_stopped"]),
            unchecked=one["not_checked"],
        )
        for one in report["families"]
    ]
    lines += [
        t("redteam_clips.left_out", payload=one["payload"], medium=t(f"redteam_clips.{one['medium']}"))
        for one in report["payloads"]
        if not one["counts"]
    ]
    lines += [t("redteam_clips.missing", payload=name, why=why) for name, why in report["missing"].items()]
    return "\n".join([*lines, t("redteam_clips.written", page=page)])
