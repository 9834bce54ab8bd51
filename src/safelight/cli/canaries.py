"""`safelight canaries`: prompts that have always passed, sent on a schedule to find drift of a provider."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from safelight.core.envelopes import deleted_object, list_object
from safelight.core.i18n import load_messages
from safelight_client.money import format_money

from .commands import load_container
from .key_owner import acting_principal
from .language import language
from .output import Exit, emit, printable

if TYPE_CHECKING:
    from safelight.accounts import Principal
    from safelight.core.i18n import Messages
    from safelight.providers.attempts.canaries.models import CanaryReport
    from safelight.providers.attempts.canaries.service import Canaries

app = typer.Typer(no_args_is_help=True)

CanaryId = Annotated[str, typer.Argument(help="The canary's id.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
#: Largest amount of an option, in US dollars; a larger one is a mistake.
_MAX_USD = 1e6


@app.command("list")
def list_(ctx: typer.Context, as_json: Json = False) -> int:
    """List canaries with their price, what they have spent, and why one stopped."""
    canaries, principal = _open(ctx)
    found = canaries.list(principal)
    lines = "\n".join(_format(one) for one in found)
    emit(list_object(one.as_json() for one in found), as_json, lines or _texts()("canary.none"))
    return Exit.OK


@app.command()
def add(
    ctx: typer.Context,
    entry: Annotated[str, typer.Argument(help="The id of an entry of the library.")],
    model: Annotated[str, typer.Option("--model", help="The model that the prompt has always passed at.")],
    max_per_month: Annotated[
        float,
        typer.Option(
            "--max-per-month", min=0, max=_MAX_USD, help="The most US dollars that 31 days may cost."
        ),
    ],
    per_day: Annotated[int, typer.Option("--per-day", help="Calls a day, 1 to 24.")] = 1,
    price: Annotated[
        float | None,
        typer.Option(
            "--price",
            min=0,
            max=_MAX_USD,
            help="US dollars of one call, if the settings have no price of the model.",
        ),
    ] = None,
    as_json: Json = False,
) -> int:
    """Add a canary, switched off, and show what it costs. Nothing is sent."""
    from safelight.providers.attempts.canaries.models import NewCanary
    from safelight_client.money import micro

    canaries, principal = _open(ctx)
    new = NewCanary(
        entry_id=entry,
        model=model,
        per_day=per_day,
        ceiling_micros=micro(max_per_month),
        price_micros=None if price is None else micro(price),
    )
    _emit(canaries.add(principal, new), as_json=as_json)
    return Exit.OK


@app.command()
def on(
    ctx: typer.Context,
    canary: CanaryId,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask: the price is only shown.")] = False,
    as_json: Json = False,
) -> int:
    """Show the price of a month, ask, and switch a canary on. A running gateway sends its calls."""
    canaries, principal = _open(ctx)
    shown = canaries.get(principal, canary)
    offer = _price(shown)
    if yes:
        typer.echo(offer, err=True)
    else:
        typer.confirm(f"{offer} {_texts()('canary.switch_on')}", abort=True, err=True)
    _emit(canaries.switch_on(principal, canary, month_micros=shown.canary.month_micros), as_json=as_json)
    return Exit.OK


@app.command()
def off(ctx: typer.Context, canary: CanaryId, as_json: Json = False) -> int:
    """Switch a canary off. A call that runs goes on."""
    canaries, principal = _open(ctx)
    _emit(canaries.switch_off(principal, canary), as_json=as_json)
    return Exit.OK


@app.command()
def run(ctx: typer.Context, canary: CanaryId, as_json: Json = False) -> int:
    """Ask for one call of a canary that is on. A running gateway sends it, within the ceiling."""
    canaries, principal = _open(ctx)
    _emit(canaries.run(principal, canary), as_json=as_json)
    return Exit.OK


@app.command()
def remove(ctx: typer.Context, canary: CanaryId, as_json: Json = False) -> int:
    """Remove a canary. Its calls stay among the attempts, without the prompt."""
    canaries, principal = _open(ctx)
    canaries.remove(principal, canary)
    emit(deleted_object(canary, "canary"), as_json, _texts()("canary.removed"))
    return Exit.OK


def _open(ctx: typer.Context) -> tuple[Canaries, Principal]:
    container = load_container(ctx)
    return container.canaries, acting_principal(container, use_key=False)


def _texts() -> Messages:
    return load_messages("attempts", language())


def _emit(report: CanaryReport, *, as_json: bool) -> None:
    emit(report.as_json(), as_json, _format(report))


def _price(report: CanaryReport) -> str:
    told = report.as_json()
    names = ("usd_per_month", "usd_per_call", "max_usd_per_month")
    amounts = {name: format_money(told[name]) for name in names}
    return _texts()("canary.price", per_day=told["per_day"], **amounts)


def _format(report: CanaryReport) -> str:
    t, told = _texts(), report.as_json()
    state = t(f"canary.state.{told['state']}")
    if told["reason"]:
        state = t("canary.because", state=state, reason=t(f"canary.reason.{told['reason']}"))
    spent = t("canary.spent", spent=format_money(told["spent_usd"]))
    counts = {name: told[name] for name in ("passes", "calls", "refused", "failed")}
    return "\n".join(
        [
            f"{told['id']}  {printable(told['provider'])}/{printable(told['model'])}  {state}",
            f"  {printable(told['prompt'] or t('withheld'))}",
            f"  {_price(report)} {spent}",
            f"  {t('canary.counts', since=told['passed_since'], **counts)}",
        ]
    )
