"""`safelight feedback`: what people without an account wrote about answers on the origin of a file."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from .language import texts
from .operations import Result, command
from .output import format_time, printable

if TYPE_CHECKING:
    from safelight.app.container import Container

app = typer.Typer(add_completion=False)


@command(app)
def feedback(container: Container) -> Result:
    """List what people wrote about answers of the page that verifies files, newest first.

    Each line: time, answer, evidence, contact, text. The text is not checked. It is kept for 180 days.
    """
    from safelight.videos.registry import CheckFeedback

    found = CheckFeedback(container.persistence.database).list()
    lines = [
        printable(
            f"{format_time(one.created_at)}  {one.answer}  {one.ground}  {one.contact or '-'}  {one.text}"
        )
        for one in found
    ]
    return Result({"feedback": found}, "\n".join(lines) or texts()("feedback.none"))
