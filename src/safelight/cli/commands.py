"""All commands with their one-line help, so that `--help` imports no command module."""

from __future__ import annotations

import importlib
import sys
from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

from safelight.core.errors import ConfigurationError

from .language import OPTION, translate_help

if TYPE_CHECKING:
    from safelight.app.container import Container

#: Name and help line of each command, by the group in which the help lists it. The command `foo-bar` is the
#: object `app` in the module `foo_bar`.
GROUPS = {
    "Try": {
        "check": "Check a prompt against the policy; nothing is generated.",
        "explain-error": "Explain a provider's error: which party refused, the charge and the next step.",
        "triggers": "Find the words of a refused prompt that cause the refusal.",
        "scan": "Scan a video or image file: every frame and the audio.",
        "verify": "Check whether a file was delivered by this installation and is unchanged.",
        "templates": "Add prompt templates, have them approved, and render their prompts.",
        "library": "Keep proven prompts, to use them again.",
        "batch": "Plan and run many generation requests from one file.",
    },
    "Run": {
        "init": "Write safelight.toml, create the data directory and list what is missing.",
        "serve": "Run the gateway, its workers and its web pages.",
        "doctor": "Diagnose the installation and suggest fixes.",
        "keys": "Create, list and revoke API keys.",
        "people": "Invite people, change their roles, disable and reset them.",
        "tenants": "List tenants.",
        "webhooks": "Add, list, test, rotate and remove webhook endpoints.",
        "mail": "Send a test mail through the configured server.",
        "signing": (
            "Check, rotate and revoke signing keys; export roots; add timestamps; rotate watermark keys."
        ),
        "audit": "Read and verify the audit log.",
        "card": "Print the system card of this installation.",
        "evidence": "Write the evidence pack of a policy version, and verify one.",
    },
    "Decide": {
        "policy": "Create, validate, compare, replay and publish policies.",
        "coverage": "Show what is checked, by which detector, and what is not.",
        "waivers": "Add, list and revoke waivers for missing coverage.",
        "gates": "Show and lower the rollout step, and record an evaluation.",
        "halt": "Halt a model, a tenant or a category; list and end halts.",
        "incidents": "Open, list, change and close incidents.",
        "vault": "List what waits for the vault officer, and decide it.",
        "reviews": "List cases that wait for a reviewer, and decide them.",
        "replies": "Write the replies that reviewers send with decisions.",
        "quality": "Golden cases, samples of delivered videos, and how far reviewers agree.",
        "consents": "Add, list and revoke consents to show or imitate a person.",
        "protected-people": "Add, list and remove people who must not be shown or imitated.",
        "feedback": "List what people wrote about answers of the page that verifies files.",
    },
    "More": {
        "attempts": "List attempts at providers, and what they cost.",
        "models": "List, download and verify detector models.",
        "name-lists": "Import, list and remove your own names of people, characters and brands.",
        "lists": "Check owner, source and review of every list, and record those of yours.",
        "logos": "Enrol, list and remove logos to find in images.",
        "hash-lists": "Import, list and remove hash lists of known content.",
        "train": "Train the prompt classifiers from the committed examples and your own.",
        "eval": "Measure detectors on labelled data.",
        "redteam": "Attack this filter, or that of a server that agrees, and count what passes.",
        "simulate": "Run a simulated provider, to try advice and the gateway without cost.",
        "mcp": "Serve tools for an assistant: check, explain errors, request videos within limits.",
        "version": "Print the version.",
    },
}
#: Commands that were removed, and what to use instead.
REMOVED = {
    "attempts claim": "attempts export --charged",
    "canaries": "check --try --canary in a timer",
    "ledger": "attempts export",
    "tenants close": "keys revoke KEY",
    "tenants reopen": "keys create NAME --tenant TENANT",
    "lint": "check --rows FILE",
}
COMMANDS = {name: line for commands in GROUPS.values() for name, line in commands.items()}


#: The entry points of commands that are in the distribution safelight-lab.
LAB_GROUP = "safelight.commands"
_IN_LAB = frozenset({"card", "eval", "evidence", "redteam", "simulate", "train"})


def _load_command(name: str) -> Any:
    """The command with its options. Raises `ConfigurationError` if its package is not installed."""
    if name in _IN_LAB:
        app = _load_from_lab(name)
    else:
        app = importlib.import_module(f"safelight.cli.{name.replace('-', '_')}").app
    loaded = _command_of(app, COMMANDS[name])
    loaded.name = name
    return loaded


def _load_from_lab(name: str) -> Any:
    found = next(iter(entry_points(group=LAB_GROUP, name=name)), None)
    if found is None:
        raise ConfigurationError(
            f"`safelight {name}` is in the package safelight-lab, which is not installed.",
            remedy="In a clone of Safelight's repository: pip install packages/lab",
        )
    return found.load()


def _command_of(app: typer.Typer, line: str = "") -> Any:
    """The command of an app; one without a docstring has this line as its help. The help shows text in square
    brackets unchanged, and has boxes and colours only on a terminal.
    """
    mode = "markdown" if sys.stdout.isatty() else None
    for nested in (app, *(group.typer_instance for group in app.registered_groups)):
        if nested is not None:
            nested.rich_markup_mode = mode  # type: ignore[assignment]
    command = get_command(app)
    command.help = command.help or line
    _translate(command)
    return command


def _translate(command: Any) -> None:
    """Put the help of the command, its options and its subcommands into the language in use."""
    if command.help:
        command.help = translate_help(command.help)
    for parameter in (*command.params, command.get_help_option(command.context_class(command))):
        if text := getattr(parameter, "help", None):
            parameter.help = translate_help(text)
    for subcommand in getattr(command, "commands", {}).values():
        _translate(subcommand)


class _LazyGroup(TyperGroup):
    """Lists all commands, but imports the module of a command only when that command is called."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        for group, commands in GROUPS.items():
            for name, line in commands.items():
                self.add_command(TyperCommand(name, help=line, rich_help_panel=translate_help(group)))

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """The groups in the help without boxes; `rich_help_panel` has them for a terminal."""
        names = max(map(len, self.commands))
        for group, commands in GROUPS.items():
            with formatter.section(translate_help(group)):
                limit = formatter.width - 6 - names
                formatter.write_dl(
                    [(f"{name:{names}}", self.commands[name].get_short_help_str(limit)) for name in commands]
                )

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        for asked in (args[0], " ".join(args[:2])):
            if instead := REMOVED.get(asked):
                raise ConfigurationError(
                    f"No such command '{asked}'.", remedy=f"Use safelight {instead} instead."
                )
        name, found, rest = super().resolve_command(ctx, args)
        return name, found if name is None else _load_command(name), rest


def _print_version(requested: bool) -> None:
    if requested:
        from .version import version_line

        typer.echo(version_line())
        raise typer.Exit


def build_command() -> Any:
    """The root command `safelight`."""
    app = typer.Typer(cls=_LazyGroup, no_args_is_help=True, pretty_exceptions_enable=False)

    @app.callback()
    def safelight(
        ctx: typer.Context,
        config: Annotated[
            Path | None,
            typer.Option(
                "--config",
                envvar="SAFELIGHT_CONFIG",
                help="The settings file. [default: safelight.toml in the working directory, if it exists]",
            ),
        ] = None,
        _language: Annotated[
            str | None,
            typer.Option(
                OPTION,
                help="Language of the output: en, zh-Hant or zh-Hans; also accepted after the command. "
                "[default: SAFELIGHT_LANG, else the locale]",
            ),
        ] = None,
        _version: Annotated[
            bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
        ] = False,
    ) -> None:
        """The self-hosted content-safety stack for AI video generation, for any generator."""
        ctx.obj = config

    return _command_of(app)


def config_path(ctx: typer.Context) -> Path | None:
    """The settings file from `--config` or `SAFELIGHT_CONFIG`, or None."""
    return ctx.obj if isinstance(ctx.obj, Path) else None


def load_container(ctx: typer.Context) -> Container:
    """Load the configured installation and return its container. Raises `ConfigurationError` for invalid
    settings.
    """
    from safelight.app.container import load

    container = load(config_path(ctx))
    ctx.call_on_close(container.likeness.close_embedder)
    ctx.call_on_close(container.persistence.close)
    return container
