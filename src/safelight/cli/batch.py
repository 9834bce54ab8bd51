"""`safelight batch`: plan and run many generation requests from one file."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import quote

import typer
import yaml

from safelight.core.errors import ConfigurationError, SafelightError
from safelight.core.yaml_loader import Loader
from safelight_client import BatchError, Client
from safelight_client.money import format_at_most, format_money, usd

from .check import run_check
from .client_version import require_same_client
from .commands import load_container
from .key_owner import acting_principal
from .language import language, translate_lines
from .operations import Json
from .output import Exit, emit, make_console, make_table, printable, progress_console
from .prompt_checker import find_policy, has_data

if TYPE_CHECKING:
    from rich.console import Console
    from rich.live import Live
    from rich.table import Table

    from safelight.app.container import Container
    from safelight.videos.templates import Template
    from safelight_client import AsyncClient
    from safelight_client.batch import (
        BatchPlan,
        BatchRunner,
        PlannedRow,
        PlanOptions,
        PromptCheck,
        RunLimits,
        TemplateRenderer,
    )
    from safelight_client.steps import Answer, Call


#: Rows that a table shows; the JSON and the report have all.
_MAX_ROWS = 50
_MAX_PROMPT = 40
_CORRECT_FILE = "Correct the file, then plan it again."
_CORRECT_ROW = "Correct the row, then plan the batch again."

# What `safelight batch` prints: the plan, the progress of a run, and its result.


def say(sentence: str) -> str:
    """A sentence in the language in use."""
    return translate_lines(sentence)


def print_plan(console: Console, plan: BatchPlan) -> None:
    """The rows that need attention and the totals."""
    notable = [each for each in plan.rows if each.skipped or _note(each)]
    shown = (notable or list(plan.rows))[:_MAX_ROWS]
    table = make_table(console, *map(say, ("Line", "Prompt", "At most", "Note")))
    for each in shown:
        price = "-" if each.skipped else say(format_money(usd(each.total) if each.is_priced else None))
        cells = (str(each.row.line), printable(each.row.prompt)[:_MAX_PROMPT], price, printable(_note(each)))
        table.add_row(*cells)
        if not console.is_terminal:
            console.print("  ".join(cells).rstrip())
    if console.is_terminal:
        console.print(table)
    if len(notable) > len(shown):
        console.print(say(f"{len(notable) - len(shown)} more rows with notes: see --json."))
    totals = plan.totals()
    console.print(
        say(
            f"{totals['rows']} rows, {totals['to_send']} to send, "
            f"{format_at_most(totals['worst_usd'], totals['unknown_prices'])}. "
            f"Not sent: {totals['invalid']} wrong, {totals['expected_refusals']} refused by the policy, "
            f"{totals['neighbours']} near those, {totals['duplicates']} repeated."
        )
    )
    if totals["unknown_prices"]:
        console.print(
            say(f"The price of {totals['unknown_prices']} rows is not known: state it with --price.")
        )


def _note(planned: PlannedRow) -> str:
    if planned.problems:
        return " ".join(say(problem) for problem in planned.problems)
    if planned.skipped:
        return say(planned.skipped)
    said = planned.check.reason or planned.check.no_help
    notes = [said] if said else []
    if planned.near_duplicate_of is not None:
        notes.append(say(f"Nearly the same as line {planned.near_duplicate_of}."))
    if planned.check.risk in ("medium", "high"):
        notes.append(say(f"Risk at the provider: {planned.check.risk}."))
    return " ".join(notes)


class BatchDisplay:
    """The progress of a run on stderr: a live table on a terminal, otherwise one line per row that ended."""

    runner: BatchRunner

    def __init__(self) -> None:
        self._console = progress_console()
        self._live: Live | None = None
        self._known: dict[int, str] = {}

    def __enter__(self) -> BatchDisplay:
        self._known = {number: line.state for number, line in self.runner.lines.items()}
        if self._console.is_terminal:
            from rich.live import Live

            self._live = Live(self._table(), console=self._console, transient=True, refresh_per_second=4)
            self._live.start()
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        if self._live is not None:
            self._live.stop()

    def update(self) -> None:
        """Shows what has changed."""
        if self._live is not None:
            self._live.update(self._table())
            return
        for number, line in self.runner.lines.items():
            if self._known.get(number) != line.state:
                self._known[number] = line.state
                state = say(line.state)
                text = f"{self.runner.line_of(number)}: {state} {say(line.message)}".rstrip()
                self._console.print(printable(text))

    def _table(self) -> Table:
        runner = self.runner
        table = make_table(self._console, *map(say, ("Line", "Prompt", "Progress")))
        for planned in runner.working:
            percent = runner.progress.get(planned.row.number, 0)
            table.add_row(str(planned.row.line), printable(planned.row.prompt)[:_MAX_PROMPT], f"{percent} %")
        table.caption = "\n".join(_summary(runner))
        return table


def _summary(runner: BatchRunner) -> list[str]:
    from safelight_client.batch.report import describe_sums

    states = ", ".join(f"{say(state)} {count}" for state, count in sorted(runner.counts.items()))
    return [states, *map(say, describe_sums(runner.all_entries, runner.ceiling.reserved))]


def print_result(console: Console, runner: BatchRunner, folder: Path) -> None:
    """What became of the rows, what may still be charged, and where the report is."""
    for line in _summary(runner):
        console.print(line)
    if runner.stop_reason:
        console.print(printable(say(f"Stopped: {runner.stop_reason}")))
    for line in describe_unsettled(runner):
        console.print(line)
    console.print(printable(say(f"Report: {folder / 'report.html'}")))
    sys.stdout.flush()


def describe_unsettled(runner: BatchRunner) -> list[str]:
    """What may go on at the provider, one line per video, and what it costs together."""
    lines, entries = [], runner.unsettled
    for entry in entries:
        price = format_at_most(usd(entry.worst or 0), int(entry.worst is None))
        place, name = runner.line_of(entry.number), entry.video_id or entry.key
        verb = "goes on" if entry.state == "accepted" else "may exist"
        lines.append(f"Line {place}: {name} {verb} at the provider: {price}.")
    if entries:
        worst = usd(sum(entry.worst or 0 for entry in entries))
        unpriced = sum(entry.worst is None for entry in entries)
        lines.append(f"Together: {format_at_most(worst, unpriced)}.")
    elif runner.is_interrupted:
        lines.append("Nothing goes on at the provider, and nothing more is charged.")
    return [printable(say(line)) for line in lines]


# What `safelight batch` adds to the client: the check of each prompt with our policy, and YAML files.


def make_checker(container: Container) -> Callable[[Mapping[str, Any]], PromptCheck]:
    """A function that checks the texts of one row with the policy in force. Records nothing."""
    from safelight.policy.verdicts import Action
    from safelight.providers.advice.check_result import summarize_check
    from safelight.providers.advice.prompt_advice import AdviceOptions
    from safelight.providers.advice.provider_rules import document_for
    from safelight.screening.text_parts import NEGATED_FIELDS
    from safelight_client.batch import PromptCheck

    def check(fields: Mapping[str, Any]) -> PromptCheck:
        texts = {name: str(fields[name]) for name in ("prompt", *NEGATED_FIELDS) if fields.get(name)}
        stages, _ = run_check(container, texts, None, negated=NEGATED_FIELDS)
        provider = str(fields.get("model", ""))
        options = AdviceOptions(provider=provider if provider and document_for(provider) else "")
        found = summarize_check(stages, container.core.taxonomy, texts=texts, options=options)
        advice = found.prompt_advice.as_wire(language())
        is_blocked = found.action is Action.BLOCK
        return PromptCheck(
            is_blocked=is_blocked,
            reason=found.explanation.sentence if found.action.severity >= Action.HOLD.severity else "",
            risk=str(advice["risk_level"]) if options.provider and not is_blocked else "",
            answer=advice["answer"],
            no_help=(advice["no_suggestions"] or {}).get("text", ""),
        )

    return check


def read_yaml_rows(text: str) -> Iterator[tuple[int, object]]:
    """The entries of a YAML list with their lines. Raises `BatchError`."""
    try:
        _check_events(text)
        loader = Loader(text)
        node = loader.get_single_node()
        if not isinstance(node, yaml.SequenceNode):
            raise BatchError("A batch in YAML is a list of rows.", _CORRECT_FILE)
        for entry in node.value:
            line = entry.start_mark.line + 1
            repeated = _repeated_key(entry)
            yield (
                line,
                f"The row has a field twice: {repeated}."
                if repeated
                else _listless(loader.construct_document(entry)),
            )
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark is not None else 1
        raise BatchError(f"The YAML cannot be read: line {line}.", _CORRECT_FILE) from None


def _check_events(text: str) -> None:
    """Raises `BatchError` for aliases and deep nesting, at which the loader in C would crash."""
    from safelight_client.batch.rows import MAX_DEPTH

    depth = 0
    for event in yaml.parse(text, Loader=Loader):
        if isinstance(event, yaml.AliasEvent):
            raise BatchError("A batch in YAML cannot have aliases.", _CORRECT_FILE)
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > MAX_DEPTH + 1:  # With the list of the rows.
            place = event.start_mark
            raise BatchError(
                f"The YAML is nested too deeply: line {place.line + 1 if place else 1}.", _CORRECT_FILE
            )


def _repeated_key(node: yaml.Node) -> str:
    """The first field that an object of the row has twice; of two values, YAML would take the last."""
    if isinstance(node, yaml.MappingNode):
        from safelight_client.batch.rows import find_repeated

        names = (str(key.value) for key, _ in node.value if isinstance(key, yaml.ScalarNode))
        return find_repeated(names) or next(
            filter(None, (_repeated_key(value) for _, value in node.value)), ""
        )
    if isinstance(node, yaml.SequenceNode):
        return next(filter(None, map(_repeated_key, node.value)), "")
    return ""


def _listless(entry: object) -> object:
    """A row that is text would be taken for a problem."""
    return entry if isinstance(entry, Mapping) else None


# The prompts of batch rows that name a template: of the gateway, or of the local data directory.

#: Finds a version by its name and number; without a number the newest approved one.
_TemplateFinder = Callable[[str, "int | None"], "Template"]


def gateway_renderer(url: str, key: str) -> TemplateRenderer:
    """Renders with the templates of a gateway. Each version is fetched once."""

    def find(name: str, version: int | None) -> Template:
        with Client(url, key) as client:
            return _read_template(client.run(_fetch(name, version)))

    return _renderer(find)


def local_renderer(container: Container) -> TemplateRenderer | None:
    """Renders with the templates of the data directory; None without one."""
    if not has_data(container):
        return None
    principal = acting_principal(container, use_key=False)
    return _renderer(lambda name, version: container.templates.get(principal, name, version))


def _renderer(find: _TemplateFinder) -> TemplateRenderer:
    from safelight.videos.templates.rendering import render_call
    from safelight.web.create_request import read_template_call
    from safelight_client.batch import RenderedTemplate

    known: dict[tuple[str, int | None], Template] = {}

    def render(given: Mapping[str, Any]) -> RenderedTemplate:
        try:
            call = read_template_call(given)
            key = (call.name, call.version)
            if key not in known:
                known[key] = find(*key)
            made = render_call(known[key], call)
        except SafelightError as error:
            raise BatchError(error.message, error.remedy or _CORRECT_ROW) from None
        return RenderedTemplate(prompt=made.text, version=made.use.version, approved=made.use.approved)

    return render


def _fetch(name: str, version: int | None) -> Call[Mapping[str, Any]]:
    """The version as the gateway states it, as a call of the client. Raises `BatchError`."""
    from safelight_client.responses import api_error
    from safelight_client.steps import Send

    query = {} if version is None else {"version": str(version)}
    path = f"/safelight/templates/{quote(name, safe='')}"
    answer: Answer = yield Send(method="GET", path=path, query=query)
    if answer.status == 404:
        which = "" if version is None else f" with a version {version}"
        raise BatchError(f"The gateway has no template {name[:80]!r}{which}.", _CORRECT_ROW)
    if not answer.is_ok:
        raise api_error(answer)
    body = answer.json()
    return body if isinstance(body, Mapping) else {}


def _read_template(given: Mapping[str, Any]) -> Template:
    from safelight.videos.templates import Template, TemplateState
    from safelight.videos.templates.documents import read_document

    try:
        return Template(
            id=str(given["id"]),
            version=int(given["version"]),
            state=TemplateState(given["state"]),
            source=str(given["source"]),
            document=read_document(str(given["source"])),
            author="",
            author_name=str(given["author"]),
            created_at=float(given["created_at"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise BatchError(
            f"The gateway describes a template in another form: {error}.", _CORRECT_ROW
        ) from None


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


@app.callback()
def _batch() -> None:
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
    as_json: Json = False,
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
    as_json: Json = False,
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
                "answer": each.check.answer,
                "problems": list(each.problems),
                "duplicate_of": each.duplicate_of,
                "near_duplicate_of": each.near_duplicate_of,
                "neighbour_of": each.neighbour_of,
                "worst_usd": usd(each.total) if each.is_priced else None,
            }
            for each in plan.rows
        ],
    }
