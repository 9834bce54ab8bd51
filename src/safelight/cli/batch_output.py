"""What `safelight batch` prints: the plan, the progress of a run, and its result."""

from __future__ import annotations

import sys
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from safelight_client.money import format_at_most, format_money, usd

from .language import translate_lines
from .output import make_table, printable, progress_console

if TYPE_CHECKING:
    from rich.console import Console
    from rich.live import Live
    from rich.table import Table

    from safelight_client.batch import BatchPlan, BatchRunner, PlannedRow

#: Rows that a table shows; the JSON and the report have all.
_MAX_ROWS = 50
_MAX_PROMPT = 40


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
    notes = [planned.check.reason] if planned.check.reason else []
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
