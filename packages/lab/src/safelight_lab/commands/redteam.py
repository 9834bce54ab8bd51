"""`safelight redteam`: attack the own filter, and count what passes."""

from __future__ import annotations

import itertools
import shutil
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from safelight.cli.commands import load_container
from safelight.cli.language import texts
from safelight.cli.output import Exit, ProgressBar, emit, printable
from safelight.core.errors import InvalidField

from .policies import AskPeers, PolicyName, load_policies
from .redteam_clips import clips
from .result_files import describe_run, format_report, write_text

if TYPE_CHECKING:
    from safelight_lab.redteam.targets import Target

app = typer.Typer(no_args_is_help=True)
app.command()(clips)

Out = Annotated[
    Path,
    typer.Option("--out", help="The folder of the red team, outside of git work trees or ignored in them."),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
_OUT = Path("redteam")
_FINISHED = "finished"


@app.callback()
def redteam() -> None:
    """Attack this filter, or that of a server that agrees, and count what passes."""


@app.command()
def challenge(
    url: Annotated[str, typer.Argument(help="Base URL of the server: https, or http on this machine.")],
    out: Out = _OUT,
    as_json: Json = False,
) -> int:
    """Make the token by which the operator of a server agrees to `run --against`, for 24 hours."""
    from safelight_lab.redteam.ownership import make_challenge
    from safelight_lab.redteam.successes import prepare_folder

    prepare_folder(out)
    made = make_challenge(url, out, now=time.time())
    payload = {"url": made.url, "token": made.token, "answer_url": made.answer_url}
    emit(payload, as_json, texts()("redteam.challenge", token=made.token, url=made.answer_url))
    return Exit.OK


@app.command()
def run(
    ctx: typer.Context,
    rounds: Annotated[
        list[str] | None,
        typer.Option("--round", help="The disguises of this round only; repeatable. [default: all rounds]"),
    ] = None,
    attacks: Annotated[
        int, typer.Option("--attacks", min=1, help="Attacks of each round, and seeds of --search.")
    ] = 300,
    seed: Annotated[
        int, typer.Option("--seed", help="Draws the texts, the disguises and their details.")
    ] = 1,
    seeds: Annotated[
        Path | None,
        typer.Option(
            "--seeds",
            help="A JSONL file of harmful texts, as for `eval prompts --data`. [default: the shipped sets]",
        ),
    ] = None,
    policy: PolicyName = "",
    against: Annotated[
        str,
        typer.Option(
            "--against",
            help="Test the moderations of this server, which answered `safelight redteam challenge`.",
        ),
    ] = "",
    key: Annotated[
        str, typer.Option("--key", envvar="SAFELIGHT_API_KEY", help="The key for the server of --against.")
    ] = "",
    harmless: Annotated[
        Path | None,
        typer.Option(
            "--harmless",
            help='Harmless texts that look odd, JSONL with "id", "family" and "text". '
            "[default: bench/redteam/odd.jsonl if it is there]",
        ),
    ] = None,
    search: Annotated[
        bool,
        typer.Option(
            "--search", help="Also try variants of each text, one after the other, until one passes."
        ),
    ] = False,
    budget: Annotated[int, typer.Option("--budget", min=1, help="Queries of --search for each text.")] = 20,
    peers: AskPeers = False,
    record: Annotated[
        bool,
        typer.Option(
            "--record",
            help="Record the figures as those of the release, for the system card; for maintainers.",
        ),
    ] = False,
    out: Out = _OUT,
    as_json: Json = False,
) -> int:
    """Disguise harmful texts whose plain form is stopped, and count what passes. Prints no text.

    A stopped run goes on where it was. What passed is kept with its texts in an encrypted file of the folder.
    """
    from safelight_lab.evaluation.suite.peers import find_peers
    from safelight_lab.redteam import figures, page
    from safelight_lab.redteam import seeds as seed_sets
    from safelight_lab.redteam.attacks import select_rounds
    from safelight_lab.redteam.red_team_run import (
        ODD,
        RedTeamRun,
        read_harmless,
        run_peer,
        success_rows,
    )
    from safelight_lab.redteam.shipped_figures import record_figures
    from safelight_lab.redteam.successes import load_key, prepare_folder, write_successes
    from safelight_lab.redteam.targets import Decisions, open_cache

    given = {"policy": policy, "search": search, "record": record}
    for name in (name for name, value in given.items() if against and value):
        raise InvalidField(f"--{name} is for a run in this process, not for --against.", param=name)
    if record and seeds is not None:
        raise InvalidField("--record is for the shipped sets, not for --seeds.", param="record")
    prepare_folder(out)
    kept_under = load_key(out)
    chosen = select_rounds(rounds or ())
    found = seed_sets.load_shipped() if seeds is None else seed_sets.read_seeds(seeds)
    odd = read_harmless(harmless or ODD) if harmless or ODD.is_file() else None
    target, head = _server(against, key, out) if against else _prompt_stage(ctx, policy)
    folder = out / _FINISHED / ("server" if against else "policy")
    with ProgressBar(None, "queries") as progress, open_cache(folder, target) as cache:
        done = itertools.count(1)
        decisions = Decisions(target, cache, observe=lambda: progress.update(next(done)))
        team = RedTeamRun(decisions=decisions, seeds=found.seeds, number=attacks, seed=seed)
        results = {name: team.run_round(one) for name, one in chosen.items()}
        harmless_results = team.run_harmless(odd.texts if odd else ())
        every = [one for round_ in chosen.values() for one in round_]
        searched = list(team.run_search(every, budget)) if search else []
    others = find_peers() if peers else []
    wanted = dict.fromkeys(
        text for one in itertools.chain(*results.values(), harmless_results) for text in one.texts
    )
    usable = [peer for peer in others if peer.stops is not None]
    with ProgressBar(len(usable) * len(wanted), "texts") as progress:
        done = itertools.count(1)
        compared = {
            peer.name: run_peer(peer, wanted, out / _FINISHED / "peers", lambda: progress.update(next(done)))
            for peer in usable
        }
    report = {
        **describe_run(figures.FORMAT),
        **head,
        "seed": seed,
        "seeds": {
            "name": found.name,
            "sha256": found.sha256,
            "n": len(found.seeds),
            "left_out": found.left_out + len(decisions.left_out),
        },
        "queries": decisions.queries,
        "unfinished": decisions.unfinished,
        "columns": figures.describe_columns(results, harmless_results, others, compared),
        "rounds": [figures.describe_round(name, one) for name, one in results.items()],
        "harmless": None
        if odd is None
        else {"name": odd.name, "sha256": odd.sha256, **figures.describe_harmless(harmless_results)},
        "search": figures.describe_search(searched, budget) if search else None,
    }
    write_successes(out, kept_under, success_rows(results, searched))
    write_text(out / "report.json", format_report(report))
    write_text(out / "report.md", page.markdown(report))
    if against:
        # The server may be another one tomorrow: only a run that was stopped goes on.
        shutil.rmtree(folder, ignore_errors=True)
    if record:
        record_figures(report)
    emit(report, as_json, _format(report, out))
    return Exit.OK


@app.command()
def show(out: Out = _OUT, as_json: Json = False) -> int:
    """Decrypt and print what passed in the last run, with its texts, to harden the filter."""
    from safelight_lab.redteam.successes import read_successes

    rows = read_successes(out)
    lines = [
        f"{row['round']} {row['family']} {row['attack']} {row['language']} {row['seed']}\n"
        f"  {printable(row['plain'])}\n  {printable(row['text'])}"
        for row in rows
    ]
    emit(rows, as_json, "\n".join(lines) if lines else texts()("redteam.nothing"))
    return Exit.OK


def _prompt_stage(ctx: typer.Context, policy: str) -> tuple[Target, dict[str, Any]]:
    from safelight_lab.evaluation.suite.suite_run import unhurried
    from safelight_lab.redteam.targets import PromptStageTarget

    container = load_container(ctx)
    ((name, chosen),) = load_policies(container, [policy] if policy else []).items()
    target = PromptStageTarget(
        pipeline=unhurried(container.core.text_pipeline.detectors),
        taxonomy=container.core.taxonomy,
        policy=chosen,
    )
    head = {
        "policy": {"name": name, "sha256": chosen.sha256},
        "model_hash": target.model_hash,
        "server": None,
    }
    return target, head


def _server(against: str, key: str, out: Path) -> tuple[Target, dict[str, Any]]:
    from safelight_lab.redteam.ownership import check_ownership
    from safelight_lab.redteam.targets import ServerTarget

    answered = check_ownership(against, out, now=time.time())
    return ServerTarget(answered, key), {"policy": None, "model_hash": "", "server": answered.url}


def _format(report: Mapping[str, Any], out: Path) -> str:
    from safelight_lab.redteam.page import format_rate

    t = texts()
    lines = [
        t("redteam.round", name=one["name"], rate=format_rate(one["bypassed"])) for one in report["rounds"]
    ]
    if report["harmless"] is not None:
        lines.append(t("redteam.harmless", rate=format_rate(report["harmless"]["stopped"])))
    if report["search"] is not None:
        lines += [
            t("redteam.within", queries=one["queries"], rate=format_rate(one))
            for one in report["search"]["within"]
        ]
    lines += [f"{one['name']}: {one['state']}" for one in report["columns"] if one["state"] != "measured"]
    return "\n".join([*lines, t("redteam.written", page=out / "report.md", queries=report["queries"])])
