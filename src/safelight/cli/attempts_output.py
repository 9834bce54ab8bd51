"""Attempts as text of the command line."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from .output import format_time, printable

if TYPE_CHECKING:
    from safelight.attempts.models import AttemptRecord
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


def format_attempt(attempt: AttemptRecord, t: Messages) -> str:
    """One attempt with all its fields."""
    return "\n".join(
        [attempt.id, *(f"  {t(f'field.{name}')}{t('colon')}{value}" for name, value in _rows(attempt, t))]
    )


def format_charge(charge: Charge, t: Messages) -> str:
    """Whether it was charged, with the amount if it is known."""
    if charge.amount is not None and charge.charged.value == "yes":
        return t("charge.amount", amount=f"{charge.amount:g}", currency=charge.currency)
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
        amount = f"{attempt.refunded_amount:g} {attempt.charge.currency}"
        yield "refunded", amount if attempt.refunded_amount else t("yes")
    if attempt.request_id:
        yield "request_id", printable(attempt.request_id)
    if attempt.video_id:
        yield "video_id", attempt.video_id


def _provider(attempt: AttemptRecord) -> str:
    return printable("/".join(part for part in (attempt.provider, attempt.model) if part))
