"""Attempts as text of the command line."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from safelight.advice.driver_lines import driver_name
from safelight_client.money import format_money

from .output import format_time, printable

if TYPE_CHECKING:
    from safelight.attempts.gate import GateAnswer
    from safelight.attempts.models import AttemptRecord
    from safelight.attempts.patterns import RefusalPattern
    from safelight.attempts.repeats import RepeatResult
    from safelight.generation.protocol import Charge
    from safelight.i18n import Messages

_MAX_PROMPT_CHARS = 60


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
