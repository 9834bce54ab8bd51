"""`safelight lists`: owner, source and review of the shipped lists and of your own."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Annotated

import typer

from .language import texts, translate
from .operations import Result, command
from .output import Exit, printable

if TYPE_CHECKING:
    from safelight.app.container import Container
    from safelight.detectors.list_origins import ListRecord

app = typer.Typer(no_args_is_help=True)

#: Review period of an operator's list, in days.
_DEFAULT_REVIEW_DAYS = 180


@command(app)
def check(container: Container) -> Result:
    """Name the lists that are stale or lack an owner or a source, shipped ones and yours.

    Exit code 1: there are such lists.
    """
    records = read_lists(container)
    problems = [one for one in records if one.problems]
    words = texts("console")
    lines = [_format(one) for one in problems]
    lines.append(words("lists.sum", n=len(records), problems=len(problems)))
    if problems:
        lines.append(words("lists.remedy"))
    return Result({"ok": not problems, "lists": records}, lines, Exit.ERROR if problems else Exit.OK)


@command(app)
def set_(
    container: Container,
    name: Annotated[str, typer.Argument(help="The list, such as names/own.")],
    owner: Annotated[str, typer.Option(help="The person or team who answers for the list.")],
    source: Annotated[str, typer.Option(help="Where its entries come from.")],
    review_days: Annotated[
        int, typer.Option(min=1, help="Days after which it has to be reviewed again.")
    ] = _DEFAULT_REVIEW_DAYS,
) -> Result:
    """Record owner and source of one of your lists, and that it was reviewed today."""
    from safelight.detectors.list_folder import ListOrigin
    from safelight.detectors.list_origins import split_name

    kind, rest = split_name(name)
    origin = ListOrigin(
        owner=owner.strip(), source=source.strip(), reviewed=_today().isoformat(), review_days=review_days
    )
    dict(container.core.list_folders)[kind].set_origin(rest, origin)
    record = next(one for one in read_lists(container) if one.name == name)
    return Result(record, _format(record))


def read_lists(container: Container) -> tuple[ListRecord, ...]:
    """Every shipped list and every list of the operator, with its problems today."""
    from safelight.detectors.list_origins import check_lists

    return check_lists(container.core.list_folders, today=_today())


def _format(one: ListRecord) -> str:
    t = texts()
    line = t(
        "lists.line",
        name=one.name,
        owner=one.owner or "–",
        source=translate(one.source) or "–",
        day=one.date or "–",
        days=one.review_days,
    )
    if one.problems:
        words = texts("console")
        problems = t("separator").join(words(f"lists.problem.{problem.value}") for problem in one.problems)
        line = t("lists.problems", line=line, problems=problems)
    return printable(line)


def _today() -> dt.date:
    return dt.datetime.now(dt.UTC).date()
