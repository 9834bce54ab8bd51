"""Entries and sums of the ledger as the pages show them."""

from __future__ import annotations

from typing import Any

from safelight.jobs.quota import QuotaUse
from safelight.trust.ledger import MICROS, LedgerEntry, LedgerSum
from safelight_client.money import format_money

from .translations import Translations, format_datetime


def entry_row(entry: LedgerEntry, t: Translations) -> dict[str, Any]:
    return {
        "at": format_datetime(entry.at, t),
        "kind": entry.kind.value,
        "reason": entry.reason.value,
        "amount": _amount(entry.amount_micros, entry.currency, t),
        "video_id": entry.work.video_id,
        "account": entry.work.account,
        "end_user": entry.work.end_user or "",
    }


def sum_row(one: LedgerSum) -> dict[str, Any]:
    return {
        "group": one.group,
        "charged": format_money(one.charged_micros / MICROS, one.currency),
        "credited": format_money(one.credited_micros / MICROS, one.currency),
        "due": format_money(one.due_micros / MICROS, one.currency),
        "cost": format_money(one.cost_micros / MICROS, one.currency),
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
        shown = {name: format_money(micros / MICROS, "") for name, micros in amounts.items()}
        rows.append({"name": "cost", **shown})
    return rows


def _amount(micros: int | None, currency: str, t: Translations) -> str:
    return t("studio.cost_unknown") if micros is None else format_money(micros / MICROS, currency)
