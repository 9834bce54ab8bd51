"""`safelight ledger`: what end users were charged, and what generators charged us."""

from __future__ import annotations

from typing import Annotated

import typer

from safelight.core.envelopes import list_object
from safelight_client.money import format_money

from .commands import load_container
from .demo import operator
from .language import texts
from .output import Exit, emit, format_day, printable

app = typer.Typer(no_args_is_help=True)

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command("list")
def list_(
    ctx: typer.Context,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV.")] = False,
    as_json: Json = False,
) -> int:
    """List all entries, oldest first. Amounts are in millionths of the currency."""
    from safelight.accounts.ledger import ENTRY_COLUMNS, Ledger, entry_object
    from safelight.providers.attempts.export import write_csv

    container = load_container(ctx)
    entries = Ledger(container.persistence.database).read_all(operator(container))
    rows = [entry_object(one) for one in entries]
    if as_csv:
        typer.echo(write_csv(rows, ENTRY_COLUMNS), nl=False)
        return Exit.OK
    lines = [
        printable(
            f"{format_day(row['at'])}  {row['kind']:<6}  {_amount(row['amount_micros'], row['currency'])}  "
            f"{row['video_id']}  {row['reason']}"
        )
        for row in rows
    ]
    emit(list_object(rows, has_more=False), as_json, "\n".join(lines) or texts()("ledger.none"))
    return Exit.OK


@app.command()
def sums(
    ctx: typer.Context,
    by: Annotated[str, typer.Option("--by", help="tenant, account or end_user.")] = "tenant",
    as_json: Json = False,
) -> int:
    """Sum the entries of each tenant, account or end user, by currency."""
    from safelight.accounts.ledger import Ledger, SumBy, sum_object
    from safelight.core.errors import InvalidField

    if by not in list(SumBy):
        raise InvalidField(f"{by[:40]!r} is not possible.", param="by", remedy="tenant, account or end_user.")
    container, t = load_container(ctx), texts()
    found = Ledger(container.persistence.database).sums(operator(container), SumBy(by))
    lines = [
        printable(
            t(
                "ledger.sum",
                group=one.group or "-",
                charged=_amount(one.charged_micros, one.currency),
                credited=_amount(one.credited_micros, one.currency),
                due=_amount(one.due_micros, one.currency),
                cost=_amount(one.cost_micros, one.currency),
                unknown=one.unknown_costs,
            )
        )
        for one in found
    ]
    emit(list_object(map(sum_object, found)), as_json, "\n".join(lines) or t("ledger.none"))
    return Exit.OK


def _amount(micros: int | None, currency: str) -> str:
    return texts()("try.unknown") if micros is None else format_money(micros / 1_000_000, currency)
