"""A claim as Markdown, for the support of a provider, and as rows for CSV."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from safelight.core.i18n import Messages
from safelight_client.money import format_money

from .claim import Claim, ClaimRow
from .models import format_moment

CLAIM_COLUMNS = (
    *("status", "reason", "provider", "request_id", "time", "model", "seconds", "size", "file_came"),
    *("charged", "amount", "currency", "source", "refunded", "reported", "error", "prompt", "id"),
)
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def write_markdown(claim: Claim, t: Messages, *, withhold_prompts: bool) -> str:
    lines = [f"# {t('claim.title')}", "", t("claim.made", time=format_moment(claim.created_at)), ""]
    for total in claim.totals:
        amounts = {"left": total.left, "charged": total.charged, "refunded": total.refunded}
        shown = {name: format_money(amount, total.currency) for name, amount in amounts.items()}
        lines.append(f"- {t('claim.total', count=_count(claim, total.currency), **shown)}")
    if not claim.rows:
        lines.append(t("claim.none"))
    for number, row in enumerate(claim.rows, 1):
        lines += ["", f"## {number}. {_heading(row)}", "", *_row(row, t, withhold_prompts)]
    if claim.unknown:
        lines += ["", f"## {t('claim.unknown_title')}", "", t("claim.unknown")]
        for number, row in enumerate(claim.unknown, 1):
            lines += ["", f"### {number}. {_heading(row)}", "", *_row(row, t, withhold_prompts)]
    if claim.incomplete:
        lines += ["", t("claim.incomplete")]
    if claim.left_out:
        lines += ["", f"## {t('claim.left_out_title')}", ""]
        lines += [f"- {t(f'claim.left_out.{why.value}')}{t('colon')}{n}" for why, n in claim.left_out.items()]
    return "\n".join(lines) + "\n"


def claim_table(claim: Claim, *, withhold_prompts: bool) -> list[dict[str, Any]]:
    """One row per attempt. Rows with an unknown charge have the status `unknown` and no amount."""
    table = []
    for status, rows in (("claimed", claim.rows), ("unknown", claim.unknown)):
        for row in rows:
            values = {**row.as_json(withhold_prompt=withhold_prompts), "status": status}
            table.append({name: values[name] for name in CLAIM_COLUMNS})
    return table


def _count(claim: Claim, currency: str) -> int:
    return sum(row.attempt.charge.currency == currency for row in claim.rows)


def _heading(row: ClaimRow) -> str:
    return _line(row.attempt.request_id or row.attempt.id)


def _row(row: ClaimRow, t: Messages, withhold_prompts: bool) -> Iterator[str]:
    attempt, charge = row.attempt, row.attempt.charge
    values = {
        "reason": t(f"claim.reason.{row.reason.value}"),
        "provider": attempt.provider,
        "request_id": attempt.request_id or t("claim.not_known"),
        "time": format_moment(attempt.at),
        "model": attempt.model or t("claim.not_known"),
        "video": " ".join(part for part in (_length(attempt.seconds), attempt.size) if part),
        "file": t("claim.not_known")
        if attempt.file_came is None
        else t("yes" if attempt.file_came else "no"),
        "charge": t("charge.unknown")
        if charge.charged.value == "unknown"
        else format_money(charge.amount, charge.currency)
        if charge.amount is not None
        else t("charge.yes"),
        "source": charge.source or t("claim.not_known"),
        "refunded": format_money(attempt.refunded_amount, charge.currency) if attempt.refunds else "",
        "origin": t(f"origin.{attempt.origin.value}"),
    }
    for name, value in values.items():
        if value:
            yield f"- {t(f'field.{name}')}{t('colon')}{_line(value)}"
    prompt = None if withhold_prompts else attempt.prompt
    yield f"- {t('field.prompt')}{t('colon')}{t('withheld') if prompt is None else ''}".rstrip()
    if prompt is not None:
        yield from ("", *_fenced(prompt), "")
    error = attempt.provider_error(withhold_prompt=withhold_prompts)
    yield f"- {t('field.error')}{t('colon')}{'' if error else t('claim.not_known')}".rstrip()
    if error:
        yield from ("", *_fenced(error))


def _length(seconds: float | None) -> str:
    return f"{seconds:g} s" if seconds else ""


def _fenced(text: str) -> list[str]:
    """The text unchanged, in a block that it cannot end."""
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return [f"{fence}text", _CONTROL.sub("\ufffd", text.replace("\r\n", "\n")), fence]


def _line(text: str) -> str:
    """The text on one line, without characters that Markdown or a browser reads as markup."""
    plain = " ".join(_CONTROL.sub("\ufffd", text).split())
    return re.sub(r"([\\`*_{}\[\]<>|#])", r"\\\1", plain)
