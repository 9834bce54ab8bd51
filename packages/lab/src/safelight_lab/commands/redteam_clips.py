"""`safelight redteam clips`: attacks on pictures, video and sound."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from safelight.cli.commands import load_container
from safelight.cli.language import texts
from safelight.cli.output import Exit, emit
from safelight.core.errors import SafelightError

from .policies import PolicyName, load_policies
from .result_files import describe_run, format_report, write_text


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
    from safelight_lab.redteam import media_report

    from .clip_runs import check_payloads, open_run

    check_payloads(payload or ())
    configured = load_container(ctx)
    ((policy_name, chosen),) = load_policies(configured, [policy] if policy else []).items()
    sheet_folder = out / "sheets" if sheets else None
    _make_folder(sheet_folder or out)
    with open_run(
        ctx,
        configured,
        chosen,
        payload or (),
        count=attacks,
        seed=seed,
        folder=out / "finished",
        sheets=sheet_folder,
    ) as prepared:
        results = prepared.decide()
    report = {
        **describe_run(media_report.FORMAT),
        "policy": {"name": policy_name, "sha256": chosen.sha256},
        "detectors": dict(prepared.versions),
        "model_hash": prepared.model_hash,
        "seed": seed,
        **media_report.build_figures(results, prepared.missing),
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
