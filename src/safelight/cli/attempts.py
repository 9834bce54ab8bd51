"""`safelight attempts`: what was refused at any provider, by which party, and what it cost."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from safelight.core.envelopes import list_object, page_object
from safelight.core.errors import InvalidField
from safelight.providers.advice.driver_lines import driver_name
from safelight.providers.attempts.import_files import AttemptFormat
from safelight.providers.attempts.models import MAX_ATTEMPTS, AttemptFilter, AttemptOrigin, AttemptOutcome
from safelight_client.money import format_money

from .commands import load_container
from .keys import TenantOption, find_tenant
from .language import texts
from .operations import Json, Result, command
from .output import Exit, emit, format_time, printable

if TYPE_CHECKING:
    from safelight.app.container import Container
    from safelight.core.i18n import Messages
    from safelight.providers.attempts.attempt_log import AttemptLog
    from safelight.providers.attempts.gate import GateAnswer
    from safelight.providers.attempts.models import AttemptRecord
    from safelight.providers.attempts.patterns import RefusalPattern
    from safelight.providers.attempts.repeats import RepeatResult
    from safelight.providers.protocol import Charge


_MAX_PROMPT_CHARS = 60
#: The person at the terminal, in the audit log.
ACTOR = "operator"

# Attempts as text of the command line.


def format_line(attempt: AttemptRecord, t: Messages) -> str:
    """One attempt in one line."""
    parts = [
        attempt.id,
        format_time(attempt.at),
        _provider(attempt),
        t(f"outcome.{attempt.outcome.value}"),
        format_charge(attempt.charge, t),
    ]
    if attempt.prompt:
        prompt = printable(attempt.prompt)
        parts.append(t("quote", text=prompt[:_MAX_PROMPT_CHARS] + "…" * (len(prompt) > _MAX_PROMPT_CHARS)))
    return "  ".join(parts)


def format_attempt(attempt: AttemptRecord, t: Messages, gate: GateAnswer | None) -> str:
    """One attempt with all its fields, and whose gate refused it."""
    rows = [*_rows(attempt, t), *(_gate_rows(gate, t) if gate is not None else ())]
    return "\n".join([attempt.id, *(f"  {t(f'field.{name}')}{t('colon')}{value}" for name, value in rows)])


def format_pattern(pattern: RefusalPattern, t: Messages) -> str:
    """One pattern in one line, with the interval."""
    low, high = pattern.rate.interval
    line = t(
        "patterns.row",
        kind=t(f"patterns.kind.{pattern.kind}"),
        value=printable(driver_name(pattern.value, t.tag) if pattern.kind == "driver" else pattern.value),
        refused=pattern.rate.refused,
        total=pattern.rate.total,
        attempts=pattern.rate.attempts,
        low=f"{100 * low:.0f}",
        high=f"{100 * high:.0f}",
    )
    return f"{line}  {t('patterns.likely_cause')}" if pattern.is_likely_cause else line


def format_repeats(result: RepeatResult, t: Messages) -> str:
    """What it brought to send the refused requests of a provider again, in one line."""
    stage = t(f"repeats.stage.{result.stage}")
    return t("repeats.row", provider=printable(result.provider), stage=stage, text=result.text(t))


def _gate_rows(gate: GateAnswer, t: Messages) -> Iterator[tuple[str, str]]:
    said = gate.as_json(t)
    yield "gate", said["text"]
    for one in said["evidence"]:
        yield "evidence", printable(one["text"])
    yield "test", said["test"]


def format_charge(charge: Charge, t: Messages) -> str:
    """Whether it was charged, with the amount if it is known."""
    if charge.amount is not None and charge.charged.value == "yes":
        return t("charge.amount", amount=format_money(charge.amount, charge.currency))
    return t(f"charge.{charge.charged.value}")


def _rows(attempt: AttemptRecord, t: Messages) -> Iterator[tuple[str, str]]:
    yield "origin", t(f"origin.{attempt.origin.value}")
    yield "time", format_time(attempt.at)
    yield "provider", _provider(attempt)
    if attempt.seconds or attempt.size:
        length = f"{attempt.seconds:g} s" if attempt.seconds else ""
        yield "video", " ".join(part for part in (length, attempt.size) if part)
    yield "outcome", t(f"outcome.{attempt.outcome.value}")
    if attempt.file_came is not None:
        yield "file", t("yes" if attempt.file_came else "no")
    yield "prompt", printable(attempt.prompt) if attempt.prompt else t("withheld")
    if attempt.error:
        yield "error", printable(attempt.error)
    charge = format_charge(attempt.charge, t)
    source = attempt.charge.source
    yield "charge", t("charge.sourced", charge=charge, source=printable(source)) if source else charge
    if attempt.refunds:
        amount = format_money(attempt.refunded_amount, attempt.charge.currency)
        yield "refunded", amount if attempt.refunded_amount else t("yes")
    if attempt.request_id:
        yield "request_id", printable(attempt.request_id)
    if attempt.video_id:
        yield "video_id", attempt.video_id


def _provider(attempt: AttemptRecord) -> str:
    return printable("/".join(part for part in (attempt.provider, attempt.model) if part))


app = typer.Typer(no_args_is_help=True)

ProviderOption = Annotated[
    str | None, typer.Option("--provider", help="Only this provider or generator, by its exact name.")
]
ModelOption = Annotated[str | None, typer.Option("--model", help="Only this model.")]
SinceOption = Annotated[
    str | None, typer.Option("--since", help="From this time on, such as 2026-11-01T00:00:00+08:00.")
]
UntilOption = Annotated[str | None, typer.Option("--until", help="Before this time.")]
OriginOption = Annotated[AttemptOrigin | None, typer.Option("--origin", help="Only attempts of this origin.")]
AttemptId = Annotated[str, typer.Argument(help="The attempt's id.")]
Withhold = Annotated[bool, typer.Option("--withhold-prompts", help="Leave out the prompts, also in errors.")]


@command(app)
def list_(
    container: Container,
    provider: ProviderOption = None,
    model: ModelOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
    origin: OriginOption = None,
    after: Annotated[str | None, typer.Option("--after", help="The last id of the previous page.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="Maximum number of attempts.")] = 20,
    tenant: TenantOption = None,
) -> Result:
    """List attempts, newest first: those of the gateway, and those added or imported."""
    log, owner = open_log(container, tenant)
    wanted = make_filter(provider, model, since, until, origin)
    page = log.page(owner, wanted, after=after, limit=limit)
    payload = page_object([one.as_json() for one in page.items], has_more=page.has_more)
    t = messages()
    lines = [format_line(one, t) for one in page.items] or [t("list.none")]
    if page.has_more:
        lines.append(t("list.more", last=page.items[-1].id))
    return Result(payload, lines)


@command(app)
def show(container: Container, attempt: AttemptId, tenant: TenantOption = None) -> Result:
    """Show one attempt: its prompt, error, charge, refunds, and whose gate refused it."""
    log, owner = open_log(container, tenant)
    return _result(log, owner, log.get(owner, attempt))


@command(app)
def patterns(
    container: Container,
    provider: ProviderOption = None,
    model: ModelOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
    tenant: TenantOption = None,
) -> Result:
    """Show how often provider filters refuse, by driver, provider, model and length, with 95 % intervals.

    Tries of one prompt at one provider count once. Then follows what it brought and cost to send refused
    requests again unchanged. Exit code 5: no attempt passed or was refused. Only these
    are counted, at most the newest 10,000.
    """
    from safelight.providers.attempts.drift_history import DriftHistory
    from safelight.providers.attempts.patterns import find_patterns
    from safelight.providers.attempts.repeats import find_repeats

    log, owner = open_log(container, tenant)
    page = log.page(owner, make_filter(provider, model, since, until, None), limit=MAX_ATTEMPTS)
    found, repeats = find_patterns(page.items), find_repeats(page.items)
    t = messages()
    lines = [format_pattern(one, t) for one in found] or [t("patterns.none")]
    lines = [*(one.text(t) for one in DriftHistory(log).recent(owner, provider=provider or "")), *lines]
    lines += [format_repeats(one, t) for one in repeats]
    payload = list_object(
        (one.as_json() for one in found),
        repeats=[one.as_json() for one in repeats],
        has_more=page.has_more,
    )
    return Result(payload, lines, Exit.OK if found else Exit.NOT_COVERED)


@command(app)
def drift(container: Container, tenant: TenantOption = None) -> Result:
    """Show since when a provider refuses, fails or charges for refusals more or less often.

    The newest 2,000 attempts are read. Exit code 5: none of them shows what a provider answered.
    """
    from safelight.providers.attempts.drift_history import DriftHistory

    log, owner = open_log(container, tenant)
    found = DriftHistory(log).find(owner)
    t = messages()
    lines = [one.text(t) for one in found.drifts] or [t("drift.none" if found.watched else "patterns.none")]
    return Result(found.as_json(load_english()), lines, Exit.OK if found.watched else Exit.NOT_COVERED)


@command(app)
def add(
    container: Container,
    provider: Annotated[
        str | None, typer.Option("--provider", help="The provider, such as veo, kling or sora.")
    ] = None,
    prompt: Annotated[
        str | None, typer.Option("--prompt", help="The prompt; leave it out to withhold it.")
    ] = None,
    error: Annotated[str | None, typer.Option("--error", help="The provider's error, unchanged.")] = None,
    model: Annotated[str | None, typer.Option("--model", help="The model.")] = None,
    amount: Annotated[float | None, typer.Option("--amount", help="What was charged; 0: nothing.")] = None,
    currency: Annotated[
        str | None, typer.Option("--currency", help="Currency of the amount, such as USD or CREDITS.")
    ] = None,
    at: Annotated[str | None, typer.Option("--time", help="When, with the time zone. [default: now]")] = None,
    seconds: Annotated[float | None, typer.Option("--seconds", help="Length of the video.")] = None,
    size: Annotated[str | None, typer.Option("--size", help="Size of the video, such as 1280x720.")] = None,
    request_id: Annotated[
        str | None, typer.Option("--request-id", help="The provider's id of the request.")
    ] = None,
    file_came: Annotated[
        bool | None, typer.Option("--file-came/--no-file", help="Whether the provider made a file.")
    ] = None,
    refund_of: Annotated[
        str | None,
        typer.Option("--refund-of", help="Record a refund of this attempt instead; without --amount: all."),
    ] = None,
    tenant: TenantOption = None,
) -> Result:
    """Add an attempt that did not pass through this gateway, and explain its error; or record a refund.

    Nothing is sent. Without a gateway, the rows are stored in the data directory of the settings.
    """
    from safelight.providers.attempts.fields import read_amount, read_attempt, read_currency, read_time
    from safelight.providers.attempts.models import AttemptRefund

    log, owner = open_log(container, tenant)
    when = read_time(at if at is not None else log.database.clock())
    if refund_of is not None:
        if prompt or error or provider:
            raise InvalidField("--refund-of takes only --amount, --currency and --time.", param="refund-of")
        refund = AttemptRefund(
            amount=None if amount is None else read_amount(amount, "amount"),
            currency=read_currency(currency) if currency else "",
        )
        added = log.refund(owner, refund_of, refund, at=when, actor=ACTOR)
    else:
        given = read_attempt(
            {
                "time": when,
                "provider": provider,
                "prompt": prompt,
                "error": error,
                "model": model,
                "amount": amount,
                "currency": currency,
                "seconds": seconds,
                "size": size,
                "request_id": request_id,
                "file_came": file_came,
            }
        )
        result = log.add(owner, [given], origin=AttemptOrigin.REPORTED, actor=ACTOR)
        if not result.added:
            return Result(result.as_json(), messages()("import.known", count=result.known))
        added = result.added[0]
    return _result(log, owner, added)


@command(app)
def import_(
    ctx: typer.Context,
    file: Annotated[Path, typer.Argument(help="A file with attempts: JSON lines or CSV.")],
    format_: Annotated[
        AttemptFormat | None, typer.Option("--format", help="Its format. [default: from its name]")
    ] = None,
    provider: Annotated[str, typer.Option("--provider", help="The provider of rows that name none.")] = "",
    tenant: TenantOption = None,
) -> Result:
    """Import attempts of another program. Secrets are masked. If one row is wrong, nothing is stored."""
    from safelight.providers.attempts.import_files import read_file

    given = read_file(file, format_, provider=provider)
    log, owner = open_log(load_container(ctx), tenant)
    result = log.add(owner, given, origin=AttemptOrigin.IMPORTED, actor=ACTOR)
    t = messages()
    lines = [t("import.added", count=len(result.added))]
    if result.known:
        lines.append(t("import.known", count=result.known))
    return Result(result.as_json(), lines)


@app.command()
def export(
    ctx: typer.Context,
    format_: Annotated[
        AttemptFormat, typer.Option("--format", help="jsonl or csv; both can be imported.")
    ] = AttemptFormat.JSONL,
    provider: ProviderOption = None,
    model: ModelOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
    charged: Annotated[
        bool,
        typer.Option(
            "--charged", help="Only what was refused or failed, charged and not refunded: CSV for a refund."
        ),
    ] = False,
    withhold: Withhold = False,
    tenant: TenantOption = None,
    as_json: Json = False,
) -> int:
    """Write attempts to standard output, newest first, at most 10,000. `--json` is one document."""
    from safelight.providers.attempts.charges import is_owed
    from safelight.providers.attempts.export import ATTEMPT_COLUMNS, CHARGED_COLUMNS, write_csv, write_jsonl

    log, owner = open_log(load_container(ctx), tenant)
    found = log.all(owner, make_filter(provider, model, since, until, None))
    ended = [one for one in found if one.outcome is not AttemptOutcome.RUNNING]
    if charged:
        ended = list(filter(is_owed, ended))
    rows = [one.as_json(withhold_prompt=withhold) for one in ended]
    if as_json:
        emit(list_object(rows), as_json, "")
    else:
        columns = CHARGED_COLUMNS if charged else ATTEMPT_COLUMNS
        as_csv = charged or format_ is AttemptFormat.CSV
        sys.stdout.write(write_csv(rows, columns) if as_csv else write_jsonl(rows))
    return Exit.OK


def _result(log: AttemptLog, tenant: str, attempt: AttemptRecord) -> Result:
    from safelight.providers.attempts.answers import answer_gate, attempt_answer
    from safelight.providers.attempts.drift_history import DriftHistory

    gate = answer_gate(log, tenant, attempt, find_drifts=DriftHistory(log).drifts)
    answer = attempt_answer(attempt, gate, log.answer(tenant, attempt), load_english())
    return Result(answer, format_attempt(attempt, messages(), gate))


def open_log(container: Container, tenant: str | None) -> tuple[AttemptLog, str]:
    """The attempt log of the installation, and the id of the tenant."""
    from safelight.providers.attempts.attempt_log import AttemptLog

    persistence = container.persistence
    owner = find_tenant(persistence.accounts, tenant, create=True)
    return AttemptLog(persistence.database), owner.id


def make_filter(
    provider: str | None,
    model: str | None,
    since: str | None,
    until: str | None,
    origin: AttemptOrigin | None,
) -> AttemptFilter:
    from safelight.providers.attempts.fields import read_time

    return AttemptFilter(
        provider=provider or "",
        model=model or "",
        origin=origin,
        since=None if since is None else read_time(since),
        until=None if until is None else read_time(until),
    )


def load_english() -> Any:
    """The messages of the attempts in English: JSON is in English."""
    from safelight.core.i18n import load_messages

    return load_messages("attempts")


def messages() -> Any:
    """The messages of the attempts in the language in use."""

    return texts("attempts")
