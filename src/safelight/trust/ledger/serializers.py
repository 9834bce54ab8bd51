"""Ledger entries and sums as plain values, for the API and the command line."""

from __future__ import annotations

from typing import Any

from .models import LedgerEntry, LedgerSum

#: The fields of an entry, in their order.
ENTRY_COLUMNS = (
    *("id", "at", "kind", "reason", "amount_micros", "currency", "video_id", "attempt_id", "account"),
    "safety_identifier",
)


def entry_object(entry: LedgerEntry) -> dict[str, Any]:
    return {
        "id": entry.id,
        "at": entry.at,
        "kind": entry.kind.value,
        "reason": entry.reason.value,
        "amount_micros": entry.amount_micros,
        "currency": entry.currency,
        "video_id": entry.work.video_id,
        "attempt_id": entry.work.attempt_id,
        "account": entry.work.account,
        "safety_identifier": entry.work.end_user,
    }


def sum_object(one: LedgerSum) -> dict[str, Any]:
    return {
        "group": one.group,
        "currency": one.currency,
        "charged_micros": one.charged_micros,
        "credited_micros": one.credited_micros,
        "due_micros": one.due_micros,
        "cost_micros": one.cost_micros,
        "unknown_costs": one.unknown_costs,
    }
