"""Entries and sums of the ledger as the pages show them."""

from __future__ import annotations

from typing import Any

from safelight.jobs.quota import QuotaUse
from safelight.trust.ledger import MICROS, LedgerEntry, LedgerSum

from .formatting import format_datetime
from .translations import Translations


def entry_row(entry: LedgerEntry, t: Translations) -> dict[str, Any]:
    return {
        "at": format_datetime(entry.at, t),
        "kind": entry.kind.value,
        "reason": entry.reason.value,
        "amount": format_micros(entry.amount_micros, entry.currency),
        "video_id": entry.work.video_id,
        "account": entry.work.account,
        "end_user": entry.work.end_user or "",
    }


def sum_row(one: LedgerSum) -> dict[str, Any]:
    return {
        "group": one.group,
        "charged": format_micros(one.charged_micros, one.currency),
        "credited": format_micros(one.credited_micros, one.currency),
        "due": format_micros(one.due_micros, one.currency),
        "cost": format_micros(one.cost_micros, one.currency),
        "unknown": one.unknown_costs,
    }


def quota_rows(use: QuotaUse) -> list[dict[str, Any]]:
    """What is used and left of each daily quota; of the cost only if there is a limit."""
    used, limits = use.used, use.limits
    rows: list[dict[str, Any]] = [
        {
            "name": name,
            "used": taken,
            "limit": limit,
            "left": None if limit is None else max(0, limit - taken),
        }
        for name, taken, limit in (
            ("videos", used.videos, limits.videos),
            ("seconds", used.seconds, limits.seconds),
        )
    ]
    if limits.cost_micros is not None:
        left = max(0, limits.cost_micros - used.cost_micros)
        amounts = {"used": used.cost_micros, "limit": limits.cost_micros, "left": left}
        rows.append({"name": "cost", **{name: format_amount(micros) for name, micros in amounts.items()}})
    return rows


def format_micros(micros: int | None, currency: str) -> str:
    """`0.40 USD`, exact; a question mark for an unknown amount."""
    return f"? {currency}" if micros is None else f"{format_amount(micros)} {currency}"


def format_amount(micros: int) -> str:
    """`0.40`, with as many decimals as the amount has, at least two."""
    whole, rest = divmod(abs(micros), MICROS)
    decimals = f"{rest:06}".rstrip("0").ljust(2, "0")
    return f"{'-' if micros < 0 else ''}{whole}.{decimals}"
