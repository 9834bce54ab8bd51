"""The pages of batches: all of them with a form for a new one, and one with its progress, rows and report."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

from safelight.accounts import KeyScope, Principal
from safelight.core.errors import InvalidField, NotFound, SafelightError
from safelight.core.i18n import Messages, load_messages
from safelight.store.pages import Page
from safelight.videos.batches.models import ACTIVE, Batch, BatchState, Row, RowState, Totals
from safelight.videos.models import Video
from safelight.web.batch_request import read_batch_request, read_limits
from safelight.web.request_body import Body, read_body
from safelight_client.money import format_money, usd

from .form_key import FORM_ID, form_key, new_form_id
from .render import NOTHING_TYPED, Form, PageHandler, text_fields
from .studio import StudioForm
from .translations import Translations, format_age, format_datetime, format_duration, format_iso, truncate
from .video_card import video_card

# What the pages of batches show: one batch with its figures and plan, and its rows.

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


BATCHES_PER_PAGE = 25
ROWS_PER_PAGE = 25
#: Bytes of a form with its file. A batch has at most 8,000,000 characters.
_MAX_BODY_BYTES = 33_000_000
_EXAMPLE = "id,prompt,seconds\ntram,A tram crosses a bridge at dusk,4\n"
_LIMITS = ("max_usd", "max_jobs", "max_refusals")


@dataclass(frozen=True, kw_only=True)
class _Found:
    """A batch with one page of its rows and their videos."""

    batch: Batch
    totals: Totals
    page: Page[Row]
    videos: Mapping[str, Video]


class BatchesPages(PageHandler):
    refusals = (SafelightError,)

    async def add(self, request: Request, principal: Principal) -> Response:
        """Store a batch from a file or from text, and open its page."""
        limit = min(self.services.max_body_bytes, _MAX_BODY_BYTES)
        async with read_body(request, replace(self.services, max_body_bytes=limit)) as body:
            form = request.state.form = text_fields(body)
            fields, key = await self.run(_batch_fields, form, body)
            wanted = await self.run(
                partial(read_batch_request, max_prompt_chars=self.services.max_prompt_chars), fields, key
            )
            batch, _, _ = await self.run(self.services.batches.create, principal, wanted)
        return self.redirect(f"/videos/batches/{batch.id}")

    async def change(self, request: Request, principal: Principal) -> Response:
        """Run, stop, cancel or delete a batch, or send one of its failed rows again."""
        form = await self.read_form(request)
        batch_id = request.path_params["batch_id"]
        await self.run(self._action(principal, batch_id, form))
        here = f"/videos/batches/{batch_id}"
        return self.redirect("/videos/batches" if form["action"] == "delete" else here)

    def _action(self, principal: Principal, batch_id: str, form: Mapping[str, str]) -> Callable[[], object]:
        batches, action = self.services.batches, form.get("action", "")
        if action in ("run", "resume"):
            limits = _limit_fields(form)
            shown = BatchState.PLANNED if action == "run" else BatchState.STOPPED
            return lambda: self._run(principal, batch_id, limits, shown)
        if action == "retry":
            number = form.get("number", "")
            if not number.isdecimal() or len(number) > 9:
                raise InvalidField("This row does not exist.", param="number")
            given = form.get("sent", "")
            sent = int(given) if given.isdecimal() and len(given) <= 9 else None
            return lambda: batches.retry(principal, batch_id, int(number), sent=sent)
        plain = {"stop": batches.stop, "cancel": batches.cancel, "delete": batches.delete}
        if action not in plain:
            raise InvalidField("This action is unknown.", param="action")
        return lambda: plain[action](principal, batch_id)

    def _run(self, principal: Principal, batch_id: str, limits: Mapping[str, Any], shown: BatchState) -> None:
        """Run or continue the batch if it is still in the state that the page showed."""
        batches = self.services.batches
        # A second click on the same button starts nothing.
        if batches.get(principal, batch_id)[0].state not in ACTIVE:
            batches.run(principal, batch_id, lambda now: read_limits(limits, now), only_from=shown)

    def _find(self, principal: Principal, batch_id: str, after: int, state: RowState | None) -> _Found:
        batches = self.services.batches
        batch, totals = batches.get(principal, batch_id)
        page = batches.rows(principal, batch_id, after=after, limit=ROWS_PER_PAGE, state=state)
        videos = {row.video_id: video for row in page.items if (video := self._video(principal, row))}
        return _Found(batch=batch, totals=totals, page=page, videos=videos)

    def _video(self, principal: Principal, row: Row) -> Video | None:
        if not row.video_id:
            return None
        try:
            return self.services.videos.get(principal, row.video_id)
        except NotFound:
            # The video was deleted; the row stays.
            return None

    async def show(
        self,
        request: Request,
        principal: Principal,
        *,
        problem: SafelightError | None = None,
        form: Form = NOTHING_TYPED,
    ) -> Response:
        """The batches, newest first. Query: `after` (the last id of the previous page)."""
        t, now = self.translations(request), self.console.clock()
        b = load_messages("batches", t.tag)
        after = request.query_params.get("after") or None
        page = await self.run(
            partial(self.services.batches.list, after=after, limit=BATCHES_PER_PAGE), principal
        )
        return await self.render_page(
            request,
            "batches.html",
            principal,
            b=b,
            batches=[batch_view(batch, totals, now, t, b) for batch, totals in page.items],
            may_add=principal.has_scope(KeyScope.VIDEOS_WRITE),
            models=StudioForm(self.services).priced_models(t),
            form={"content": _EXAMPLE, **form},
            form_id=new_form_id(),
            problem=problem,
            first=after is None,
            more=f"/videos/batches?after={page.items[-1][0].id}" if page.has_more else None,
        )

    async def show_one(
        self, request: Request, principal: Principal, *, problem: SafelightError | None = None
    ) -> Response:
        """One batch. A script gets only the part that changes.

        Query: `state` (only rows in this state), `after` (the last number of the previous page).
        """
        query, batch_id = request.query_params, request.path_params["batch_id"]
        chosen = query.get("state", "")
        state = RowState(chosen) if chosen in frozenset(RowState) else None
        given = query.get("after", "")
        after = int(given) if given.isdecimal() and len(given) <= 9 else 0
        found = await self.run(self._find, principal, batch_id, after, state)
        t, now = self.translations(request), self.console.clock()
        b = load_messages("batches", t.tag)
        batch, rows = found.batch, found.page.items
        here = f"/videos/batches/{batch_id}"
        address = {"state": state.value} if state is not None else {}
        return await self.render_page(
            request,
            "batch_progress.html" if self.wants_fragment(request) else "batch.html",
            principal,
            b=b,
            batch=batch_view(batch, found.totals, now, t, b),
            state=batch.state.value,
            rows=[row_view(row, batch, found.videos.get(row.video_id), now, t, b) for row in rows],
            filters=[
                (name, found.totals.states.get(name, 0), f"{here}?{urlencode({'state': name})}")
                for name in RowState
                if found.totals.states.get(name, 0) or name is state
            ],
            chosen=address.get("state", ""),
            source=f"{here}?{request.url.query}",
            actions=batch_actions(batch, principal),
            limits=batch.limits,
            may_write=principal.has_scope(KeyScope.VIDEOS_WRITE),
            problem=problem,
            first=not after,
            start=f"{here}?{urlencode(address)}",
            more=f"{here}?{urlencode({**address, 'after': rows[-1].number})}"
            if found.page.has_more
            else None,
        )


def _batch_fields(form: Mapping[str, str], body: Body) -> tuple[dict[str, Any], str | None]:
    """The fields of a new batch as in the API, and the idempotency key of the form."""
    files = [upload for upload in body.uploads if upload.path.stat().st_size]
    kind, content = "csv", form.get("content", "")
    if files:
        kind = "jsonl" if files[0].filename.lower().endswith((".jsonl", ".ndjson")) else "csv"
        try:
            content = files[0].path.read_text("utf-8")
        except UnicodeDecodeError:
            raise InvalidField("The file is not text in UTF-8.", param="file") from None
    # The key includes what was sent, because another file with the same form is another batch.
    key = form_key({**form, "content": content}) if form.get(FORM_ID) else None
    fields: dict[str, Any] = {kind: content, "two_phase": form.get("two_phase") == "1", **_limit_fields(form)}
    if form.get("model"):
        fields["model"] = form["model"]
    if fields["two_phase"] and form.get("draft_model"):
        fields["draft_model"] = form["draft_model"]
    return fields, key


def _limit_fields(form: Mapping[str, str]) -> dict[str, Any]:
    """The limits that were filled in. A text that is not a number is refused with the other fields."""
    found: dict[str, Any] = {}
    for name in _LIMITS:
        text = form.get(name, "").strip()
        try:
            found |= {name: float(text)} if text else {}
        except ValueError:
            found[name] = text
    return found
