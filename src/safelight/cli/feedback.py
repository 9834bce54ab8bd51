"""`safelight feedback`: what people without an account wrote about answers on the origin of a file."""

from __future__ import annotations

from typing import Annotated

import typer

from .commands import load_container
from .language import texts
from .output import Exit, emit, format_time, printable

app = typer.Typer(add_completion=False)


@app.command()
def feedback(
    ctx: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> int:
    """List what people wrote about answers of the page that verifies files, newest first.

    Each line: time, answer, evidence, contact, text. The text is not checked. It is kept for 180 days.
    """
    from safelight.videos.registry import CheckFeedback

    found = CheckFeedback(load_container(ctx).persistence.database).list()
    lines = [
        printable(
            f"{format_time(one.created_at)}  {one.answer}  {one.ground}  {one.contact or '-'}  {one.text}"
        )
        for one in found
    ]
    emit({"feedback": found}, as_json, "\n".join(lines) or texts()("feedback.none"))
    return Exit.OK
