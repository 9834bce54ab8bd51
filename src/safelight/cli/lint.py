"""`safelight lint`: check the prompts in files."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from safelight.core.errors import InvalidField
from safelight.core.i18n import DEFAULT, load_messages
from safelight.linting.lint_finding import LintLevel, LintRule, LintSummary
from safelight.linting.prompt_file import PromptFormat, find_files

from .commands import load_container
from .language import language
from .lint_output import (
    GithubReporter,
    JsonReporter,
    LineReporter,
    LintFormat,
    LintReporter,
    SarifReporter,
    format_changes,
)
from .output import Exit
from .prompt_checker import FIELD, PromptChecker, find_policy
from .provider_names import require_known_provider

if TYPE_CHECKING:
    from collections.abc import Sequence

    from safelight.linting.fixed_file import ChangedLine
    from safelight.linting.lint_run import LintRun

app = typer.Typer(add_completion=False)

_STDIN = Path("-")


class LintFailure(StrEnum):
    """The least level of findings that makes the exit code nonzero."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


@app.command()
def lint(
    ctx: typer.Context,
    files: Annotated[list[Path], typer.Argument(help="Files or folders; `-` reads standard input.")],
    provider: Annotated[
        str | None,
        typer.Option(
            "--provider", help="Also report what this provider or model may refuse: veo, runway ..."
        ),
    ] = None,
    policy: Annotated[
        str | None, typer.Option("--policy", help="Another policy: a built-in name or a document.")
    ] = None,
    field: Annotated[
        str, typer.Option("--field", help="The key or the column that contains the prompt.")
    ] = FIELD,
    input_: Annotated[
        PromptFormat | None,
        typer.Option(
            "--input", help="Format of the named files and of standard input. [default: by the ending]"
        ),
    ] = None,
    format_: Annotated[
        LintFormat, typer.Option("--format", help="text, github (annotations), sarif, or json (as --json).")
    ] = LintFormat.TEXT,
    fail_on: Annotated[
        LintFailure, typer.Option("--fail-on", help="The least level that makes the exit code nonzero.")
    ] = LintFailure.ERROR,
    fix: Annotated[
        bool, typer.Option("--fix", help="Replace light synonyms in the files, and print the diff.")
    ] = False,
    diff: Annotated[
        bool, typer.Option("--diff", help="Print the diff of --fix, and change nothing.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> int:
    """Check all prompts in files: text, Markdown, JSON lines, YAML, CSV. Nothing is generated or recorded.

    Exit code 0: no finding of the level of --fail-on. 3: a prompt would be blocked. 4: one would be held.
    5: a part could not be read, or nothing was checked. 1: other findings of this level.
    """
    # Not at the top, so that the completion of a shell imports no detector.
    from safelight.linting.lint_run import FixMode, LintRun, LintTask
    from safelight.linting.prompt_linter import LintOptions, PromptLinter

    provider = (provider or "").strip()
    if provider:
        require_known_provider(provider)
    if fix and diff:
        raise InvalidField("Use either --fix or --diff.", param="diff")
    if _STDIN in files and (input_ is None or fix or diff):
        raise InvalidField(
            "Standard input needs --input with its format, and cannot be fixed.", param="input"
        )
    container = load_container(ctx)
    chosen = LintFormat.JSON if as_json else format_
    locale = language() if chosen is LintFormat.TEXT else DEFAULT
    options = LintOptions(
        provider=provider,
        drivers=fix or diff,
        locale=locale,
        max_characters=container.core.settings.server.max_prompt_characters,
        demands_template=find_policy(container, policy).policy.demands_template,
    )
    linter = PromptLinter(PromptChecker(container, policy).check, container.core.taxonomy, options)

    def show_changes(file: str, lines: list[ChangedLine]) -> None:
        # Beside JSON and annotations, the diff goes to standard error.
        stream = sys.stdout if chosen is LintFormat.TEXT else sys.stderr
        stream.write(format_changes(file, lines))

    mode = FixMode.WRITE if fix else FixMode.SHOW if diff else FixMode.OFF
    run = LintRun(linter, LintTask(field=field, fix=mode, show_changes=show_changes))
    reporter = _reporter(chosen, locale)
    reporter.begin()
    try:
        _lint_all(run, reporter, files, input_)
    except KeyboardInterrupt:
        run.summary.interrupted = True
    reporter.end(run.summary)
    return _exit_of(run.summary, fail_on)


def _reporter(chosen: LintFormat, locale: str) -> LintReporter:
    write = sys.stdout.write
    match chosen:
        case LintFormat.TEXT:
            return LineReporter(write, load_messages("lint", locale))
        case LintFormat.GITHUB:
            return GithubReporter(write)
        case LintFormat.SARIF:
            return SarifReporter(write)
        case LintFormat.JSON:
            return JsonReporter(write)


def _lint_all(run: LintRun, reporter: LintReporter, paths: Sequence[Path], kind: PromptFormat | None) -> None:
    for path in paths:
        if path == _STDIN and kind is not None:
            for finding in run.lint_stream("-", sys.stdin.buffer, kind):
                reporter.add(finding)
            continue
        before = run.summary.files
        for file in find_files(path, kind):
            for finding in run.lint_file(file):
                reporter.add(finding)
        if run.summary.files == before:
            reporter.add(run.no_files(str(path)))


def _exit_of(summary: LintSummary, fail_on: LintFailure) -> int:
    """The worst exit code of the findings."""
    rules = summary.rules
    if summary.interrupted:
        return Exit.INTERRUPTED
    if rules[LintRule.POLICY_BLOCK]:
        return Exit.BLOCKED
    if rules[LintRule.POLICY_HOLD]:
        return Exit.HELD
    if summary.has_unchecked or not summary.prompts:
        return Exit.NOT_COVERED
    levels = list(LintLevel)
    counted = levels[: levels.index(LintLevel(fail_on.value)) + 1]
    return Exit.ERROR if any(summary.levels[level] for level in counted) else Exit.OK
