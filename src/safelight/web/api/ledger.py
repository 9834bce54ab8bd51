"""Routes of the ledger: its entries, as JSON or CSV, and their sums."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import Response

from safelight.accounts import KeyScope, Principal
from safelight.accounts.ledger import ENTRY_COLUMNS, EntryKind, LedgerFilter, SumBy, entry_object, sum_object
from safelight.providers.attempts.export import write_csv, write_jsonl
from safelight.web.auth import app_state, requires
from safelight.web.create_request import require_writable
from safelight.web.responses import COMMON_ERRORS, JsonResponse, errors, list_object

from .standing import standing_services

Admin = Annotated[Principal, Depends(requires(KeyScope.ADMIN))]

router = APIRouter(prefix="/v1/safelight/ledger", tags=["ledger"], responses=errors(*COMMON_ERRORS, 404))


class LedgerEntryObject(BaseModel):
    id: str
    at: float
    kind: Literal["charge", "credit", "cost"] = Field(
        description="`charge` and `credit`: what the end user pays. `cost`: what the generator charged us."
    )
    reason: str
    amount_micros: int | None = Field(
        description="Millionths of the currency. Null: the generator charged an unknown amount."
    )
    currency: str
    video_id: str
    attempt_id: str | None
    account: str
    safety_identifier: str | None


class LedgerEntryList(BaseModel):
    object: Literal["list"]
    data: list[LedgerEntryObject]
    has_more: bool


class SumObject(BaseModel):
    group: str
    currency: str
    charged_micros: int
    credited_micros: int
    due_micros: int
    cost_micros: int
    unknown_costs: int = Field(description="Attempts of which the generator did not say what it charged.")


class SumList(BaseModel):
    object: Literal["list"]
    data: list[SumObject]


def _wanted(
    account: Annotated[str | None, Query(max_length=80)] = None,
    safety_identifier: Annotated[str | None, Query(max_length=128)] = None,
    video_id: Annotated[str | None, Query(max_length=80)] = None,
    kind: EntryKind | None = None,
    since: Annotated[float, Query(ge=0, description="Unix seconds.")] = 0.0,
    until: Annotated[float | None, Query(ge=0, description="Unix seconds, not included.")] = None,
) -> LedgerFilter:
    for name, value in (
        ("account", account),
        ("safety_identifier", safety_identifier),
        ("video_id", video_id),
    ):
        require_writable(value or "", name)
    return LedgerFilter(
        account=account,
        end_user=safety_identifier,
        video_id=video_id,
        kinds=() if kind is None else (kind,),
        since=since,
        until=until,
    )


Wanted = Annotated[LedgerFilter, Depends(_wanted)]


@router.get(
    "",
    summary="List ledger entries, oldest first",
    responses={200: {"model": LedgerEntryList, "content": {"text/csv": {}, "application/jsonl": {}}}},
)
async def list_entries(
    request: Request,
    principal: Admin,
    wanted: Wanted,
    after: Annotated[str | None, Query(max_length=80)] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    form: Annotated[Literal["json", "jsonl", "csv"], Query(alias="format")] = "json",
) -> Response:
    threads, ledger = app_state(request).threads, standing_services(request).ledger
    entries, more = await threads.run(ledger.list, principal, wanted, after=after, limit=limit)
    rows = [entry_object(one) for one in entries]
    if form == "csv":
        return Response(write_csv(rows, ENTRY_COLUMNS), media_type="text/csv; charset=utf-8")
    if form == "jsonl":
        return Response(write_jsonl(rows), media_type="application/jsonl; charset=utf-8")
    return JsonResponse(list_object(rows, has_more=more))


@router.get("/sums", summary="Sums of the ledger", responses={200: {"model": SumList}})
async def sums(request: Request, principal: Admin, wanted: Wanted, by: SumBy = SumBy.TENANT) -> Response:
    threads, ledger = app_state(request).threads, standing_services(request).ledger
    found = await threads.run(ledger.sums, principal, by, wanted)
    return JsonResponse(list_object(map(sum_object, found)))


@router.get(
    "/own",
    summary="Own charges and credits, or those of an end user, newest first",
    responses={200: {"model": LedgerEntryList}},
)
async def own_charges(
    request: Request,
    principal: Annotated[Principal, Depends(requires(KeyScope.VIDEOS_READ))],
    safety_identifier: Annotated[str | None, Query(max_length=128)] = None,
    after: Annotated[str | None, Query(max_length=80)] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> Response:
    require_writable(safety_identifier or "", "safety_identifier")
    threads, ledger = app_state(request).threads, standing_services(request).ledger
    entries, more = await threads.run(ledger.list_own, principal, safety_identifier, after=after, limit=limit)
    return JsonResponse(list_object(map(entry_object, entries), has_more=more))
