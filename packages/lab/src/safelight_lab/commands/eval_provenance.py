"""`safelight eval provenance`: measure the watermark on clips."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from safelight.cli.language import texts
from safelight.cli.output import Exit, ProgressBar, emit


def provenance(
    clips: Annotated[Path, typer.Option("--clips", help="A folder of video files, one subfolder per kind.")],
    attacks: Annotated[
        str, typer.Option("--attacks", help="Names of attacks, separated by commas. [default: all]")
    ] = "",
    keys: Annotated[
        int, typer.Option("--keys", min=1, help="Number of keys; each clip is marked with each.")
    ] = 1,
    results: Annotated[
        Path | None,
        typer.Option(
            "--results",
            help="The file that keeps finished rows, so that a stopped run goes on. [default: "
            "watermark-results.jsonl in the folder of clips]",
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> int:
    """Mark clips with the watermark, attack the copies and read the marks back."""
    from safelight_lab.evaluation.provenance_eval import ProvenanceEvaluation, find_clips
    from safelight_lab.evaluation.provenance_report import build_report
    from safelight_lab.evaluation.watermark_attacks import ATTACKS

    # SVT-AV1 reports its settings on stderr for every file.
    os.environ.setdefault("SVT_LOG", "1")
    names = [name.strip() for name in attacks.split(",")] if attacks else list(ATTACKS)
    evaluation = ProvenanceEvaluation(
        find_clips(clips), names, keys, results or clips / "watermark-results.jsonl"
    )
    with ProgressBar(evaluation.total, "clips") as progress:
        rows = evaluation.run(progress.update)
    report = build_report(rows)
    emit(report, as_json, format_provenance_report(report))
    return Exit.OK


def format_provenance_report(report: Mapping[str, Any]) -> str:
    t = texts()
    shown = {name: report[name] for name in ("clips", "sources", "keys")}
    lines = [t("eval_provenance.clips", **shown)]
    for row in (*report["attacks"], *report["kinds"]):
        low, high = (f"{100 * end:.1f}" for end in row["interval"])
        registry_low, registry_high = (f"{100 * end:.1f}" for end in row["interval_registry"])
        lines.append(
            t(
                "eval_provenance.recovered",
                name=row.get("attack") or row["kind"] or ".",
                share=f"{100 * row['recovered_blind']:.1f}",
                n=row["n"],
                low=low,
                high=high,
                registry=f"{100 * row['recovered_registry']:.1f}",
                registry_low=registry_low,
                registry_high=registry_high,
            )
        )
    quality, unmarked = report["quality"], report["unmarked"]
    lines.append(
        t(
            "eval_provenance.quality",
            psnr=quality["psnr_db"]["mean"],
            least_psnr=quality["psnr_db"]["least"],
            ssim=quality["ssim"]["mean"],
            least_ssim=quality["ssim"]["least"],
        )
    )
    lines.append(
        t(
            "eval_provenance.visibility",
            visibility=quality["visibility"]["mean"],
            most_visibility=quality["visibility"]["most"],
            flicker=quality["flicker"]["mean"],
            most_flicker=quality["flicker"]["most"],
        )
    )
    lines.append(t("eval_provenance.unmarked", **unmarked))
    lines.append(t("eval_provenance.seconds", **report["seconds"]))
    return "\n".join(lines)
