"""`safelight batch`: plan and run many generation requests from one file."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from safelight.errors import ConfigurationError

from .batch_checks import make_checker, read_yaml_rows
from .batch_output import describe_unsettled, print_plan, print_result, say
from .batch_templates import gateway_renderer, local_renderer
from .client_version import require_same_client
from .commands import load_container
from .exit_codes import Exit
from .output import emit, make_console, printable, progress_console
from .prompt_checker import find_policy

if TYPE_CHECKING:
    from safelight_client import AsyncClient
    from safelight_client.batch import BatchPlan, BatchRunner, PlanOptions, RunLimits

app = typer.Typer(add_completion=False, no_args_is_help=True)

_File = Annotated[Path, typer.Argument(help="A .jsonl, .csv, .tsv or .yaml file with one row per video.")]
_Url = Annotated[
    str,
    typer.Option(
        "--url", envvar="SAFELIGHT_URL", help="Base URL of the server with /v1. The key: SAFELIGHT_API_KEY."
    ),
]
_Model = Annotated[str, typer.Option("--model", help="The model of rows that name none.")]
_Price = Annotated[
    list[str] | None,
    typer.Option("--price", help="US dollars per second of a model, MODEL=USD; repeatable."),
]
_TwoPhase = Annotated[
    bool, typer.Option("--two-phase", help="Make a draft of each row first, the video only if it passed.")
]
_DraftModel = Annotated[
    str, typer.Option("--draft-model", help="The model of drafts, such as storyboard. [default: the row's]")
]
_DraftSeconds = Annotated[
    str, typer.Option("--draft-seconds", help="The length of drafts. [default: the shortest of the model]")
]
_Duplicates = Annotated[
    bool, typer.Option("--send-duplicates", help="Also send rows that are equal to an earlier row.")
]
_Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.callback()
def batch() -> None:
    """Plan and run many generation requests from one file."""
    require_same_client()


@app.command("plan")
def plan_command(
    ctx: typer.Context,
    file: _File,
    url: _Url = "",
    model: _Model = "",
    price: _Price = None,
    two_phase: _TwoPhase = False,
    draft_model: _DraftModel = "",
    draft_seconds: _DraftSeconds = "",
    send_duplicates: _Duplicates = False,
    as_json: _Json = False,
) -> int:
    """Check every row and its price. Nothing is generated; with --url, only the list of models is read.

    Exit code 0: all rows would be sent. 3: some would not.
    """
    from safelight_client import ClientError
    from safelight_client.batch import PlanOptions

    options = PlanOptions(
        model=model,
        prices=read_amounts(price, "--price"),
        two_phase=two_phase,
        draft_model=draft_model,
        draft_seconds=draft_seconds,
        send_duplicates=send_duplicates,
    )
    try:
        models = asyncio.run(_read_models(url)) if url else {}
        plan = _plan(ctx, file, options, url, models)
    except ClientError as error:
        raise _configuration_error(error) from None
    emit(plan_wire(plan), as_json, lambda console: print_plan(console, plan))
    return Exit.OK if len(plan.sendable) == len(plan.rows) else Exit.BLOCKED


@app.command("run")
def run_command(
    ctx: typer.Context,
    file: _File,
    url: _Url,
    model: _Model = "",
    price: _Price = None,
    two_phase: _TwoPhase = False,
    draft_model: _DraftModel = "",
    draft_seconds: _DraftSeconds = "",
    send_duplicates: _Duplicates = False,
    max_usd: Annotated[
        float | None,
        typer.Option("--max-usd", min=0, help="Most US dollars of the batch. [default: those of the plan]"),
    ] = None,
    max_jobs: Annotated[
        int | None, typer.Option("--max-jobs", min=1, help="Most creates; needed without a known price.")
    ] = None,
    concurrency: Annotated[
        int, typer.Option("--concurrency", min=1, max=256, help="How many rows are worked on at once.")
    ] = 4,
    per_minute: Annotated[
        list[str] | None,
        typer.Option("--per-minute", help="Creates per minute, N or MODEL=N; repeatable."),
    ] = None,
    max_refusals: Annotated[
        int,
        typer.Option(
            "--max-refusals",
            min=0,
            help="How many of the first 20 rows may be blocked; at a later block, that many of 50.",
        ),
    ] = 5,
    honours_keys: Annotated[
        bool, typer.Option("--honours-keys", help="The server recognises a repeated Idempotency-Key.")
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option("--out", help="Folder of videos, journal and report. [default: FILE with .batch]"),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json: _Json = False,
) -> int:
    """Show the plan, ask, and make the videos. The same command goes on after a stop or a crash.

    Ctrl-C sends nothing more and lists what goes on at the provider; a second Ctrl-C ends at once. Exit code
    0: all rows are delivered. 3: some are not. 130: stopped by Ctrl-C.
    """
    from safelight_client import ClientError
    from safelight_client.batch import PlanOptions, RunLimits, build_report

    options = PlanOptions(
        model=model,
        prices=read_amounts(price, "--price"),
        two_phase=two_phase,
        draft_model=draft_model,
        draft_seconds=draft_seconds,
        send_duplicates=send_duplicates,
    )
    limits = RunLimits(
        max_usd=max_usd,
        max_jobs=max_jobs,
        concurrency=concurrency,
        per_minute=read_amounts(per_minute, "--per-minute"),
        max_refusals=max_refusals,
    )
    try:
        plan = _plan(ctx, file, options, url, asyncio.run(_read_models(url)))
        print_plan(progress_console() if as_json else make_console(), plan)
        if not yes:
            typer.confirm(say("Send these requests?"), abort=True, err=True)
        folder = out or file.with_suffix(".batch")
        runner = asyncio.run(_run(plan, limits, url, folder, honours_keys=honours_keys or None))
    except ClientError as error:
        raise _configuration_error(error) from None
    emit(build_report(runner), as_json, lambda console: print_result(console, runner, folder))
    if runner.is_interrupted:
        return Exit.INTERRUPTED
    return Exit.OK if runner.counts["delivered"] == len(plan.rows) else Exit.BLOCKED


def read_amounts(given: Iterable[str] | None, option: str) -> dict[str, float]:
    """The numbers of `NAME=NUMBER`, by name; a number alone has the name "". Raises `ConfigurationError`."""
    found = {}
    for text in given or ():
        name, _, number = text.rpartition("=")
        try:
            amount = float(number)
        except ValueError:
            amount = -1.0
        if not 0 <= amount < 1e9:
            raise ConfigurationError(f"{option} {text} is not MODEL=NUMBER.", remedy="Example: wan-large=0.4")
        found[name] = amount
    return found


def _configuration_error(error: Any) -> ConfigurationError:
    return ConfigurationError(printable(say(str(error))), remedy=printable(say(error.next_step)))


def _client(url: str, *, honours_keys: bool | None = None) -> AsyncClient:
    from safelight_client import AsyncClient

    try:
        return AsyncClient(url, os.environ.get("SAFELIGHT_API_KEY", ""), honours_keys=honours_keys)
    except ValueError as error:
        raise ConfigurationError(f"{error}.") from None


async def _read_models(url: str) -> Mapping[str, Mapping[str, Any]]:
    """The models that the server lists; none if it does not answer, because `run` reports that."""
    async with _client(url) as client:
        await client.run(client.session.learn_server())
        return client.session.models or {}


def _plan(
    ctx: typer.Context, file: Path, options: PlanOptions, url: str, models: Mapping[str, Mapping[str, Any]]
) -> BatchPlan:
    from safelight_client.batch import plan_batch, read_rows

    from .output import ProgressBar

    rows = read_rows(file, read_yaml_rows)
    container = load_container(ctx)
    demanded = find_policy(container, None).policy.demands_template
    is_gateway = any(isinstance(one.get("safelight"), Mapping) for one in models.values())
    key = os.environ.get("SAFELIGHT_API_KEY", "")
    with ProgressBar(len(rows.rows), say("Checking")) as bar:
        return plan_batch(
            rows,
            replace(options, template_required=demanded),
            models=models,
            check=make_checker(container),
            render=gateway_renderer(url, key) if is_gateway else local_renderer(container),
            on_progress=bar.update,
        )


async def _run(
    plan: BatchPlan, limits: RunLimits, url: str, folder: Path, *, honours_keys: bool | None
) -> BatchRunner:
    from safelight_client.batch import BatchRunner, Journal, write_reports

    from .batch_output import BatchDisplay

    async with _client(url, honours_keys=honours_keys) as client:
        with Journal(folder / "journal.sqlite", digest=plan.digest, server=url.rstrip("/")) as journal:
            display = BatchDisplay()
            runner = BatchRunner(plan, journal, client, limits, folder, on_change=display.update)
            display.runner = runner
            asyncio.get_running_loop().add_signal_handler(signal.SIGINT, _interrupt, runner)
            with display:
                await runner.run()
            try:
                write_reports(runner, folder)
            except OSError as error:
                sys.stderr.write(printable(say(f"The report could not be written: {error}")) + "\n")
            return runner


def _interrupt(runner: BatchRunner) -> None:
    if runner.is_interrupted:
        sys.stderr.write("\n".join(describe_unsettled(runner)) + "\n")
        sys.stderr.flush()
        os._exit(Exit.INTERRUPTED)
    sys.stderr.write(say("Stopping. Press Ctrl-C again to end at once.") + "\n")
    runner.interrupt()


def plan_wire(plan: BatchPlan) -> dict[str, Any]:
    """The plan as JSON."""
    from safelight_client.money import usd

    return {
        "totals": plan.totals(),
        "rows": [
            {
                "line": each.row.line,
                "id": each.row.name,
                "model": each.model,
                "sent": not each.skipped,
                "reason": each.skipped,
                "risk": each.check.risk,
                "problems": list(each.problems),
                "duplicate_of": each.duplicate_of,
                "near_duplicate_of": each.near_duplicate_of,
                "neighbour_of": each.neighbour_of,
                "worst_usd": usd(each.total) if each.is_priced else None,
            }
            for each in plan.rows
        ],
    }
