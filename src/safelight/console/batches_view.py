"""What the pages of batches show: one batch with its figures and plan, and its rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from safelight.i18n import Messages
from safelight.jobs.batches.models import ACTIVE, Batch, BatchState, Row, RowState, Totals
from safelight.jobs.models import Video
from safelight.trust.accounts import KeyScope, Principal
from safelight_client.money import format_money, usd

from .formatting import format_age, format_datetime, format_duration, format_iso, truncate
from .translations import Translations
from .video_card import video_card

#: Colour and icon of a state; `none` for all others.
_BATCH_TONES = {BatchState.COMPLETED: "allow", BatchState.STOPPED: "hold"}
_ROW_TONES = {
    RowState.DELIVERED: "allow",
    RowState.BLOCKED: "block",
    RowState.FAILED: "error",
    RowState.SUBMIT_UNKNOWN: "hold",
}
_NOT_ENDED = (RowState.UNCHECKED, RowState.PENDING, RowState.OPEN)
_PROMPT_CHARACTERS = 160


@dataclass(frozen=True, kw_only=True)
class BatchView:
    id: str
    href: str
    tone: str
    state: str
    #: True while the background part works on it.
    active: bool
    age: str
    at: str
    iso: str
    by: str
    ended: int
    total: int
    progress: str
    cost: str
    ceiling: str
    time: str
    creates: int
    stopped: str
    waiting: str
    #: Label and value of each figure of the plan; empty before the plan is complete.
    plan: tuple[tuple[str, str], ...]


def batch_view(batch: Batch, totals: Totals, now: float, t: Translations, b: Messages) -> BatchView:
    active = batch.state in ACTIVE
    stopping = active and bool(batch.stop_reason)
    ended = batch.row_count - sum(totals.states.get(state.value, 0) for state in _NOT_ENDED)
    limit = batch.limits.max_amount
    return BatchView(
        id=batch.id,
        href=f"/videos/batches/{batch.id}",
        tone="hold" if stopping else _BATCH_TONES.get(batch.state, "none"),
        state=b(f"state.{'stopping' if stopping else batch.state.value}"),
        active=active,
        age=format_age(batch.created_at, now, t),
        at=format_datetime(batch.created_at, t),
        iso=format_iso(batch.created_at),
        by=batch.principal.name,
        ended=ended,
        total=batch.row_count,
        progress=b("progress_text", ended=ended, total=batch.row_count),
        cost=_cost(totals, b),
        ceiling=b("no_ceiling") if limit is None else _money(limit),
        time=format_duration(max(0.0, (batch.ended_at or now) - batch.created_at), t),
        creates=totals.creates,
        stopped=batch.stop_reason,
        waiting=batch.wait_reason,
        plan=() if batch.plan is None else tuple(_plan_figures(batch.plan, b)),
    )


def batch_actions(batch: Batch, principal: Principal) -> tuple[str, ...]:
    """What this person may do with the batch now."""
    if not principal.has_scope(KeyScope.VIDEOS_WRITE):
        return ()
    if batch.state in ACTIVE:
        return () if batch.cancelled else ("cancel",) if batch.stop_reason else ("stop", "cancel")
    if batch.state is BatchState.PLANNED:
        return ("run", "cancel", "delete")
    return ("resume", "cancel", "delete") if batch.state is BatchState.STOPPED else ("delete",)


def row_view(
    row: Row, batch: Batch, video: Video | None, now: float, t: Translations, b: Messages
) -> dict[str, Any]:
    """One row of the table. `video`: its last one, if it exists."""
    plan, found = row.plan, row.found
    notes = [row.message or (found.reason if found is not None else ""), *row.source.problems]
    withheld = video is not None and video.vaulted
    known = all(entry.cost is not None for entry in row.entries)
    return {
        "number": row.number,
        "line": row.source.line,
        "name": row.source.name,
        "prompt": b("withheld") if withheld else truncate(row.source.prompt, _PROMPT_CHARACTERS),
        "state": b(f"row_state.{row.state.value}"),
        "tone": _ROW_TONES.get(row.state, "none"),
        "notes": [note for note in dict.fromkeys(notes) if note],
        "near": _nearness(row, b),
        "model": plan.model if plan is not None else str(row.source.fields.get("model", "")),
        "cost": _money(sum(entry.cost or 0 for entry in row.entries)) if row.entries and known else "–",
        "sent": b("sent", count=len(row.entries)) if len(row.entries) > 1 else "",
        "href": f"/videos/{row.video_id}" if video is not None else "",
        "thumbnail_url": video_card(video, now, t).thumbnail_url if video is not None else None,
        "entries": len(row.entries),
        "may_retry": row.state is RowState.FAILED
        and plan is not None
        and plan.neighbour_of is None
        and not batch.cancelled,
    }


def _nearness(row: Row, b: Messages) -> str:
    if row.plan is None:
        return ""
    if row.plan.duplicate_of is not None:
        return b("duplicate_of", row=row.plan.duplicate_of)
    near = row.plan.neighbour_of or row.plan.near_duplicate_of
    return "" if near is None else b("neighbour_of", row=near)


def _plan_figures(plan: Mapping[str, Any], b: Messages) -> list[tuple[str, str]]:
    """The number of rows to send and the highest price, and the other figures that are not 0."""
    figures = [
        (b("plan_rows"), str(plan["to_send"])),
        (b("plan_worst"), format_money(float(plan["worst_usd"]))),
    ]
    for label, name in (
        ("plan_wrong", "invalid"),
        ("plan_refusals", "expected_refusals"),
        ("plan_neighbours", "neighbours"),
        ("plan_duplicates", "duplicates"),
        ("plan_unknown", "unknown_prices"),
    ):
        if plan[name]:
            figures.append((b(label), str(plan[name])))
    return figures


def _cost(totals: Totals, b: Messages) -> str:
    cost = b("cost_text", spent=_money(totals.spent), reserved=_money(totals.reserved))
    return b("cost_lost", cost=cost, amount=_money(totals.unknown)) if totals.unknown else cost


def _money(amount: int) -> str:
    return format_money(usd(amount))
