"""The verbs and their one line each, so that help needs none of their files."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

if TYPE_CHECKING:
    from safelight.bootstrap import Container

#: Verb and line, in the order of help. The command `foo-bar` is `app` in the module `foo_bar`.
COMMANDS = {
    "init": "Write safelight.toml, make the data directory, and say what is missing.",
    "serve": "Run the gateway, its workers and its pages.",
    "check": "Judge a prompt against the policy; nothing is generated.",
    "explain-error": "Say what a provider's error means: who refused, charged or not, and what now.",
    "scan": "Judge a video or picture file: every frame, and the sound.",
    "verify": "Say whether a file was delivered from here, and whether it was changed since.",
    "policy": "Write, check, compare, replay and publish policies.",
    "waivers": "Add, list and revoke waivers for coverage that is missing.",
    "consents": "Add, list and revoke consents to a likeness.",
    "protected-people": "Add, list and remove people who are protected from being shown.",
    "coverage": "Show what is checked, by which detector, and what is not.",
    "reviews": "List what waits for a person, and decide it.",
    "webhooks": "Add, list, try, rotate and remove webhook endpoints.",
    "keys": "Create, list and revoke API keys.",
    "audit": "Read and verify the append-only log.",
    "doctor": "Look at everything an installation needs, and say how to mend it.",
    "models": "List, fetch and check detector models.",
    "name-lists": "Import, list and remove names of your own.",
    "logos": "Enrol, list and remove marks to look for in pictures.",
    "hash-lists": "Import, list and remove hash lists of known content.",
    "train": "Build the heads for prompts from the committed examples, and more.",
    "eval": "Measure detectors on a data set.",
    "version": "Print the version.",
}


def _load(name: str) -> Any:
    module = importlib.import_module(f"safelight.cli.{name.replace('-', '_')}")
    loaded = get_command(module.app)
    loaded.name = name
    return loaded


class _Verbs(TyperGroup):
    """All verbs with their line; the called one is replaced by its file's app."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        for name, line in COMMANDS.items():
            self.add_command(TyperCommand(name, help=line))

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        name, found, rest = super().resolve_command(ctx, args)
        return name, found if name is None else _load(name), rest


def _version(asked: bool) -> None:
    if asked:
        from .version import line

        typer.echo(line())
        raise typer.Exit


def command() -> Any:
    """The whole command line as one command object."""
    app = typer.Typer(cls=_Verbs, add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False)

    @app.callback()
    def safelight(
        ctx: typer.Context,
        config: Annotated[
            Path | None,
            typer.Option(
                "--config",
                envvar="SAFELIGHT_CONFIG",
                help="The settings file. [default: safelight.toml here, if there is one]",
            ),
        ] = None,
        _asked: Annotated[
            bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
        ] = False,
    ) -> None:
        """The content-safety stack for AI video generation, self-hosted, for any generator."""
        ctx.obj = config

    return get_command(app)


def config_path(ctx: typer.Context) -> Path | None:
    """The settings file named by `--config` or the environment, or None."""
    return ctx.obj if isinstance(ctx.obj, Path) else None


def load_container(ctx: typer.Context) -> Container:
    """The installation this command works on; raises `ConfigurationError` where its settings do not hold."""
    from safelight.bootstrap import load

    container = load(config_path(ctx))
    ctx.call_on_close(container.likeness.close_embedders)
    return container
