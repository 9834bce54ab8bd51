"""The options of a command are the fields of its input records."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer
from typer.main import get_command

from safelight.cli.operations import Result, command
from safelight.core.records import About

if TYPE_CHECKING:
    from safelight.app.container import Container


@dataclass(frozen=True, kw_only=True)
class Who:
    by: Annotated[str, About(help="Who.")] = "operator"
    all: Annotated[bool, About(help="All.", option="--everything")] = False


@dataclass(frozen=True, kw_only=True)
class Asked:
    thing: Annotated[str, About(help="The thing.", option="thing")]
    reason: Annotated[str | None, About(help="Why.")] = None
    inner: int = 3


def test_required_options_come_first_and_flags_of_records_last() -> None:
    app = typer.Typer()

    @command(app)
    def change(container: Container, who: Who, asked: Asked) -> Result:
        """Change it."""
        return Result(None, "")

    made = get_command(app)
    assert made.help == "Change it."
    assert [one.opts for one in made.params if one.name not in ("install_completion", "show_completion")] == [
        ["thing"],
        ["--by"],
        ["--reason"],
        ["--everything"],
        ["--json"],
    ]
