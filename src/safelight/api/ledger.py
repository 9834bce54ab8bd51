"""Routes of the ledger: its entries, as JSON or CSV, and their sums."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import Response

from safelight.attempts.export import write_csv
from safelight.trust.accounts import KeyScope, Principal
from safelight.trust.ledger import SumBy, entry_object, sum_object
from safelight.web.auth import requires
from safelight.web.error_responses import COMMON_ERRORS, errors
from safelight.web.json_response import JsonResponse
from safelight.web.state import app_state

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


@router.get(
    "",
    summary="List ledger entries, oldest first",
    responses={200: {"model": LedgerEntryList, "content": {"text/csv": {}}}},
)
async def list_entries(
    request: Request,
    principal: Admin,
    after: Annotated[str | None, Query(max_length=80)] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    kind: Annotated[Literal["json", "csv"], Query(alias="format")] = "json",
) -> Response:
    threads, ledger = app_state(request).threads, standing_services(request).ledger
    entries, more = await threads.run(ledger.list, principal, after=after, limit=limit)
    if kind == "csv":
        rows = [entry_object(one) for one in entries]
        return Response(
            write_csv(rows, list(LedgerEntryObject.model_fields)), media_type="text/csv; charset=utf-8"
        )
    return JsonResponse({"object": "list", "data": [entry_object(one) for one in entries], "has_more": more})


@router.get("/sums", summary="Sums of the ledger", responses={200: {"model": SumList}})
async def sums(
    request: Request,
    principal: Admin,
    by: SumBy = SumBy.TENANT,
    since: Annotated[float, Query(ge=0, description="Unix seconds.")] = 0.0,
    until: Annotated[float | None, Query(ge=0, description="Unix seconds, not included.")] = None,
) -> Response:
    threads, ledger = app_state(request).threads, standing_services(request).ledger
    found = await threads.run(ledger.sums, principal, by, since=since, until=until)
    return JsonResponse({"object": "list", "data": [sum_object(one) for one in found]})
