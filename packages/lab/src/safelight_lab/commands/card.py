"""`safelight card`: the system card of an installation, made from its facts."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from safelight.cli.commands import load_container
from safelight.cli.language import texts
from safelight.cli.output import Exit, emit
from safelight_lab.governance.system_card import Edition

app = typer.Typer()


@app.callback(invoke_without_command=True)
def card(
    ctx: typer.Context,
    edition: Annotated[
        Edition,
        typer.Option("--edition", help="For the public, or for staff and auditors: with waivers and names."),
    ] = Edition.PUBLIC,
    waivers: Annotated[
        bool, typer.Option("--waivers", help="List the waivers in full in the public edition, too.")
    ] = False,
    evaluation: Annotated[
        Path | None,
        typer.Option("--evaluation", help="The report.json of `safelight eval all`, for its figures."),
    ] = None,
    bias: Annotated[
        Path | None,
        typer.Option(
            "--bias", help="The report.json of `safelight eval bias`. [default: that of the release]"
        ),
    ] = None,
    redteam: Annotated[
        Path | None,
        typer.Option(
            "--redteam", help="The report.json of `safelight redteam run`. [default: that of the release]"
        ),
    ] = None,
    against: Annotated[
        Path | None,
        typer.Option("--against", help="An earlier card, made with --json: print what changed since."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> int:
    """Print the system card of this installation as Markdown: policy, checks, waivers, models, limits.

    Everything in it is read from the installation. It shows no prompt and no video.
    """
    from safelight_lab.governance.card_page import changes, markdown
    from safelight_lab.governance.system_card import make_card, read_card

    old = None if against is None else read_card(against)
    container = load_container(ctx)
    made = make_card(
        container,
        edition=edition,
        lists_waivers=waivers,
        evaluation=evaluation,
        bias=bias,
        redteam=redteam,
        at=container.persistence.database.clock(),
    )
    if old is None:
        emit(made, as_json, markdown(made))
        return Exit.OK
    found = changes(old, made, container.core.taxonomy)
    emit({"changes": found, "card": made}, as_json, "\n".join(found) or texts()("card.unchanged"))
    return Exit.OK
