"""The report of a batch in the form of the client's report, from which its CSV and HTML are made. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from safelight_client.batch import PromptCheck
from safelight_client.money import usd

from .models import Batch, Row, RowState, Totals


def build_report(batch: Batch, totals: Totals, rows: Iterable[Row]) -> dict[str, Any]:
    """Everything about a batch so far. `cost_usd` is None if the cost is not known."""
    found = tuple(rows)
    return {
        "id": batch.id,
        "state": batch.state.value,
        "states": dict(sorted(totals.states.items())),
        "stopped": batch.stop_reason,
        "spent_usd": usd(totals.spent),
        "unknown_usd": usd(totals.unknown),
        "reserved_usd": usd(totals.reserved),
        "limit_usd": None if batch.limits.max_amount is None else usd(batch.limits.max_amount),
        "creates": totals.creates,
        "unsettled": [
            {
                "line": row.source.line,
                "video_id": entry.key,
                "model": entry.model,
                "worst_usd": None if entry.worst is None else usd(entry.worst),
            }
            for row in found
            for entry in row.entries
            if entry.state != "ended" or entry.outcome == "submit_unknown"
        ],
        "rows": [row_object(row) for row in found],
    }


def row_object(row: Row) -> dict[str, Any]:
    """One row with its plan, its result and its cost so far."""
    is_known = all(entry.state == "ended" and entry.cost is not None for entry in row.entries)
    plan, found = row.plan, row.found or PromptCheck()
    delivered = row.state is RowState.DELIVERED
    return {
        "number": row.number,
        "line": row.source.line,
        "id": row.source.name,
        "state": row.state.value,
        "cost_usd": usd(sum(entry.cost or 0 for entry in row.entries)) if is_known else None,
        "worst_usd": usd(sum(entry.counted for entry in row.entries)),
        "planned_usd": None if plan is None or plan.total is None else usd(plan.total),
        "model": str(row.source.fields.get("model", "")) if plan is None else plan.model,
        "prompt": row.source.prompt,
        "message": row.message or found.reason,
        "risk": found.risk,
        "answer": found.answer,
        "problems": list(row.source.problems),
        "duplicate_of": None if plan is None else plan.duplicate_of,
        "near_duplicate_of": None if plan is None else plan.near_duplicate_of,
        "neighbour_of": None if plan is None else plan.neighbour_of,
        "video_id": row.video_id,
        "sha256": row.sha256,
        "file": f"/v1/videos/{row.video_id}/content" if delivered else "",
        "videos": [
            {
                "id": entry.key,
                "phase": entry.phase,
                "outcome": entry.outcome or entry.state,
                "charged": entry.charged,
                "cost_usd": None if entry.cost is None else usd(entry.cost),
            }
            for entry in row.entries
        ],
    }
