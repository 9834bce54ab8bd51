"""The routes of `/v1/safelight/batches`: many generation requests, planned and run within a ceiling."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query
from fastapi import Path as ApiPath
from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import Response

from safelight.accounts import KeyScope, Principal
from safelight.core.errors import SafelightError
from safelight.videos.batches.models import Batch, BatchState, RowState, Totals
from safelight.videos.batches.reports import build_report, row_object
from safelight.web.auth import AppState, app_state, requires
from safelight.web.batch_request import BATCH_BODY, LIMITS_BODY, read_batch_request, read_limits
from safelight.web.request_body import read_body
from safelight.web.responses import (
    BODY_ERRORS,
    COMMON_ERRORS,
    NOT_MODIFIED,
    JsonResponse,
    deleted_object,
    errors,
    list_object,
    page_object,
    revalidated_response,
    whole_seconds,
)
from safelight_client.batch.report import describe_sums, report_csv, report_html
from safelight_client.money import usd

from . import schemas
from .submission import REPLAYED

Reader = Annotated[Principal, Depends(requires(KeyScope.VIDEOS_READ))]
Writer = Annotated[Principal, Depends(requires(KeyScope.VIDEOS_WRITE))]

router = APIRouter(prefix="/v1/safelight/batches", tags=["batches"], responses=errors(*COMMON_ERRORS))


class BatchPlanObject(BaseModel):
    rows: int
    to_send: int
    invalid: int
    expected_refusals: int
    neighbours: int
    duplicates: int
    near_duplicates: int
    unknown_prices: int
    worst_usd: float = Field(description="The highest price of all rows that would be sent.")


class BatchLimitsObject(BaseModel):
    max_usd: float | None
    max_jobs: int | None
    concurrency: int
    max_refusals: int


class BatchOptionsObject(BaseModel):
    model: str
    two_phase: bool
    draft_model: str
    draft_seconds: str
    send_duplicates: bool


class BatchObject(BaseModel):
    id: str
    object: Literal["batch"]
    state: Literal[*BatchState]  # type: ignore[valid-type]
    created_at: int
    ended_at: int | None
    run: bool = Field(description="Whether the run begins, or began, after the plan.")
    total: int = Field(description="The number of rows.")
    rows: dict[str, int] = Field(description="The number of rows by their state.")
    plan: BatchPlanObject | None = Field(description="Null until every row is checked.")
    options: BatchOptionsObject
    limits: BatchLimitsObject
    spent_usd: float
    unknown_usd: float = Field(
        description="What videos whose submission was lost may have been charged. Not in `spent_usd`."
    )
    reserved_usd: float
    creates: int
    stopped: str | None = Field(description="Why no further row is sent.")
    waiting: str | None = Field(description="What the batch waits for, such as a limit of checks.")


class BatchList(BaseModel):
    object: Literal["list"]
    data: list[BatchObject]
    first_id: str | None
    last_id: str | None
    has_more: bool


class BatchVideoObject(BaseModel):
    id: str
    phase: Literal["draft", "video"]
    outcome: str
    charged: Literal["yes", "no", "unknown"]
    cost_usd: float | None


class BatchRowObject(BaseModel):
    number: int
    line: int
    id: str
    state: Literal[*RowState]  # type: ignore[valid-type]
    cost_usd: float | None
    worst_usd: float = Field(
        description="What counts as spent: the highest price where the cost is not known."
    )
    planned_usd: float | None = Field(description="The highest price of the draft and the video in the plan.")
    model: str
    prompt: str
    message: str
    risk: str
    problems: list[str]
    duplicate_of: int | None
    near_duplicate_of: int | None
    neighbour_of: int | None
    video_id: str
    sha256: str
    file: str
    videos: list[BatchVideoObject] = Field(description="The videos that were made for it, in their order.")


class BatchRowList(BaseModel):
    object: Literal["list"]
    data: list[BatchRowObject]
    has_more: bool


class DeletedBatch(BaseModel):
    id: str
    object: Literal["batch.deleted"]
    deleted: Literal[True]


@router.post(
    "",
    summary="Plan, and run, many generation requests",
    responses={200: {"model": BatchObject}, **errors(*BODY_ERRORS, 409)},
    openapi_extra={"requestBody": BATCH_BODY, "parameters": [schemas.IDEMPOTENCY]},
)
async def create(request: Request, principal: Writer) -> Response:
    """Stores the batch and answers at once. Its rows are then checked; poll it for the plan."""
    state = app_state(request)
    async with read_body(request, state.services) as body:
        wanted = await state.threads.run(
            partial(read_batch_request, max_prompt_chars=state.services.max_prompt_chars),
            body.fields,
            request.headers.get("idempotency-key"),
        )
    batch, totals, replayed = await state.threads.run(state.services.batches.create, principal, wanted)
    return JsonResponse(batch_object(batch, totals), headers={REPLAYED: "true"} if replayed else {})


@router.get("", summary="List batches", responses={200: {"model": BatchList}, **NOT_MODIFIED, **errors(404)})
async def list_batches(
    request: Request,
    principal: Reader,
    after: Annotated[str | None, Query(description="List the batches after this id.")] = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
) -> Response:
    """The newest first."""
    state = app_state(request)
    page = await state.threads.run(state.services.batches.list, principal, after=after, limit=limit)
    data = [batch_object(batch, totals) for batch, totals in page.items]
    return revalidated_response(request, page_object(data, has_more=page.has_more))


@router.get(
    "/{batch_id}",
    summary="Retrieve a batch",
    responses={200: {"model": BatchObject}, **NOT_MODIFIED, **errors(404)},
)
async def retrieve(request: Request, principal: Reader, batch_id: str) -> Response:
    state = app_state(request)
    batch, totals = await state.threads.run(state.services.batches.get, principal, batch_id)
    return revalidated_response(request, batch_object(batch, totals))


@router.get(
    "/{batch_id}/rows",
    summary="List the rows of a batch",
    responses={200: {"model": BatchRowList}, **NOT_MODIFIED, **errors(404)},
)
async def rows(
    request: Request,
    principal: Reader,
    batch_id: str,
    after: Annotated[int, Query(ge=0, le=2**31, description="List the rows after this number.")] = 0,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    state: Annotated[RowState | None, Query(description="List only the rows in this state.")] = None,
) -> Response:
    app = app_state(request)
    batches = app.services.batches
    page = await app.threads.run(batches.rows, principal, batch_id, after=after, limit=limit, state=state)
    found = list_object(map(row_object, page.items), has_more=page.has_more)
    return revalidated_response(request, found)


@router.post(
    "/{batch_id}/run",
    summary="Run a planned batch, or continue a stopped one",
    responses={200: {"model": BatchObject}, **errors(*BODY_ERRORS, 404, 409)},
    openapi_extra={"requestBody": LIMITS_BODY},
)
async def run(request: Request, principal: Writer, batch_id: str) -> Response:
    """Limits that are left out stay as they are."""
    state = app_state(request)
    fields: Mapping[str, Any] = {}
    if request.headers.get("content-type"):
        async with read_body(request, state.services) as body:
            fields = body.fields
    batch, totals = await state.threads.run(
        state.services.batches.run, principal, batch_id, lambda limits: read_limits(fields, limits)
    )
    return JsonResponse(batch_object(batch, totals))


@router.post(
    "/{batch_id}/cancel",
    summary="Cancel a batch",
    responses={200: {"model": BatchObject}, **errors(404)},
)
async def cancel(request: Request, principal: Writer, batch_id: str) -> Response:
    """Sends nothing more. Videos that are under way go on, and may be charged."""
    state = app_state(request)
    batch, totals = await state.threads.run(state.services.batches.cancel, principal, batch_id)
    return JsonResponse(batch_object(batch, totals))


@router.post(
    "/{batch_id}/stop", summary="Stop a batch", responses={200: {"model": BatchObject}, **errors(404)}
)
async def stop(request: Request, principal: Writer, batch_id: str) -> Response:
    """Sends nothing more until `run` continues it. Videos that are under way go on, and may be charged."""
    state = app_state(request)
    batch, totals = await state.threads.run(state.services.batches.stop, principal, batch_id)
    return JsonResponse(batch_object(batch, totals))


@router.post(
    "/{batch_id}/rows/{number}/retry",
    summary="Send a failed row of a batch once more",
    responses={200: {"model": BatchObject}, **errors(404, 409)},
)
async def retry(
    request: Request, principal: Writer, batch_id: str, number: Annotated[int, ApiPath(ge=1, le=2**31 - 1)]
) -> Response:
    """Only failed rows, never blocked ones. A completed batch runs again; a stopped one waits for `run`."""
    state = app_state(request)
    batch, totals = await state.threads.run(state.services.batches.retry, principal, batch_id, number)
    return JsonResponse(batch_object(batch, totals))


@router.delete(
    "/{batch_id}",
    summary="Delete a batch",
    responses={200: {"model": DeletedBatch}, **errors(404, 409)},
)
async def delete(request: Request, principal: Writer, batch_id: str) -> Response:
    """Deletes its rows and its report. Its videos stay. A batch that is planned or run now is not deleted."""
    state = app_state(request)
    await state.threads.run(state.services.batches.delete, principal, batch_id)
    return JsonResponse(deleted_object(batch_id, "batch"))


@router.get(
    "/{batch_id}/report",
    summary="Report of a batch",
    response_class=Response,
    responses={
        200: {
            "description": "The report so far",
            "content": {"application/json": {}, "text/csv": {}, "text/html": {}},
        },
        **errors(404),
    },
)
async def report(
    request: Request,
    principal: Reader,
    batch_id: str,
    format: Literal["json", "csv", "html"] = "json",  # noqa: A002
) -> Response:
    """HTML has the thumbnails in it, so that the file can be passed on. CSV is made for a spreadsheet."""
    state = app_state(request)
    found = await state.threads.run(_read_report, state, principal, batch_id, format)
    if isinstance(found, dict):
        return JsonResponse(found)
    kind = "text/csv" if format == "csv" else "text/html"
    name = f'attachment; filename="{batch_id}.{format}"'
    return Response(found, media_type=f"{kind}; charset=utf-8", headers={"content-disposition": name})


def _read_report(state: AppState, principal: Principal, batch_id: str, wanted: str) -> dict[str, Any] | bytes:
    batches = state.services.batches
    batch, totals = batches.get(principal, batch_id)
    rows = tuple(batches.all_rows(principal, batch_id))
    found = build_report(batch, totals, rows)
    if wanted == "json":
        return found
    if wanted == "csv":
        text = report_csv(found)
    else:
        sums = describe_sums((entry for row in rows for entry in row.entries), totals.reserved)
        text = report_html(found, sums, lambda row, most: _read_thumbnail(state, principal, row, most))
    return text.encode("utf-8", "replace")


def _read_thumbnail(state: AppState, principal: Principal, row: Mapping[str, Any], most: int) -> bytes:
    """The thumbnail of a delivered row; empty without one, as after its retention, or above `most` bytes."""
    if not row["file"]:
        return b""
    try:
        content = state.services.videos.content(principal, row["video_id"], "thumbnail")
        return b"".join(content.chunks(0, content.size)) if content.size <= most else b""
    except SafelightError:
        return b""


def batch_object(batch: Batch, totals: Totals) -> dict[str, Any]:
    limits, options = batch.limits, batch.options
    return {
        "id": batch.id,
        "object": "batch",
        "state": batch.state.value,
        "created_at": int(batch.created_at),
        "ended_at": whole_seconds(batch.ended_at),
        "run": batch.runs,
        "total": batch.row_count,
        "rows": dict(sorted(totals.states.items())),
        "plan": None if batch.plan is None else dict(batch.plan),
        "options": {
            "model": options.model,
            "two_phase": options.two_phase,
            "draft_model": options.draft_model,
            "draft_seconds": options.draft_seconds,
            "send_duplicates": options.send_duplicates,
        },
        "limits": {
            "max_usd": None if limits.max_amount is None else usd(limits.max_amount),
            "max_jobs": limits.max_jobs,
            "concurrency": limits.concurrency,
            "max_refusals": limits.max_refusals,
        },
        "spent_usd": usd(totals.spent),
        "unknown_usd": usd(totals.unknown),
        "reserved_usd": usd(totals.reserved),
        "creates": totals.creates,
        "stopped": batch.stop_reason or None,
        "waiting": batch.wait_reason or None,
    }
