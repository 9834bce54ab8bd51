"""The routes of `/v1/safelight/canaries`: prompts that have always passed, sent to find drift."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Path
from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import Response

from safelight.accounts import KeyScope, Principal
from safelight.core.errors import InvalidField, NotFound
from safelight.providers.attempts.canaries.models import (
    CanaryReport,
    CanaryState,
    NewCanary,
    PriceSource,
    StopReason,
)
from safelight.providers.attempts.canaries.schedule import MAX_PER_DAY
from safelight.providers.attempts.canaries.service import Canaries
from safelight.providers.attempts.fields import read_amount
from safelight.providers.attempts.models import AttemptOutcome
from safelight.web.auth import app_state, requires
from safelight.web.request_body import optional_flag, read_body, required_text
from safelight.web.responses import (
    BODY_ERRORS,
    COMMON_ERRORS,
    JsonResponse,
    deleted_object,
    errors,
    list_object,
)
from safelight_client.money import micro

from .field_schemas import describe_body

Reader = Annotated[Principal, Depends(requires(KeyScope.VIDEOS_READ))]
Admin = Annotated[Principal, Depends(requires(KeyScope.ADMIN))]
#: What spends money needs what a request for a video needs. Switching off does not, so the service asks.
Spender = Annotated[Principal, Depends(requires(KeyScope.ADMIN, KeyScope.VIDEOS_WRITE))]
CanaryId = Annotated[str, Path(max_length=80)]

router = APIRouter(prefix="/v1/safelight/canaries", tags=["canaries"], responses=errors(*COMMON_ERRORS))


class CanaryObject(BaseModel):
    object: Literal["canary"]
    id: str
    entry_id: str
    prompt: str | None = Field(description="Null after the entry was removed from the library.")
    provider: str
    model: str
    per_day: int
    state: Literal[*CanaryState]  # type: ignore[valid-type]
    reason: Literal[*StopReason] | None = Field(  # type: ignore[valid-type]
        description="Why it stopped."
    )
    passes: int = Field(description="How often the prompt had passed when the canary was added.")
    passed_since: str
    usd_per_call: float
    price_source: Literal[*PriceSource]  # type: ignore[valid-type]
    usd_per_month: float = Field(description="The price of the calls of 31 days.")
    max_usd_per_month: float = Field(description="The ceiling: no more is spent in 31 days.")
    spent_usd: float = Field(description="What the calls of the last 31 days cost at most.")
    calls: int
    refused: int
    failed: int
    last_call_at: str | None
    last_outcome: Literal[*AttemptOutcome] | None  # type: ignore[valid-type]
    run_requested: bool


class CanaryList(BaseModel):
    object: Literal["list"]
    data: list[CanaryObject]


class CanaryDeleted(BaseModel):
    id: str
    object: Literal["canary.deleted"]
    deleted: bool


_MONEY: dict[str, Any] = {"type": "number", "minimum": 0}
_ADD = describe_body(
    ["entry_id", "model", "per_day", "max_usd_per_month"],
    {
        "entry_id": {"type": "string", "description": "An entry of the library."},
        "model": {"type": "string"},
        "per_day": {"type": "integer", "minimum": 1, "maximum": MAX_PER_DAY},
        "max_usd_per_month": {**_MONEY, "description": "The most that the calls of 31 days may cost."},
        "usd_per_call": {**_MONEY, "description": "The price, for a model without a known price."},
    },
)
_SWITCH = describe_body(
    ["on"],
    {
        "on": {"type": "boolean"},
        "usd_per_month": {**_MONEY, "description": "To switch on: the price of a month that was shown."},
    },
)


@router.get("", summary="List canaries", responses={200: {"model": CanaryList}})
async def list_canaries(request: Request, principal: Reader) -> Response:
    found = await app_state(request).threads.run(_canaries(request).list, principal)
    return JsonResponse(list_object(one.as_json() for one in found))


@router.post(
    "",
    summary="Add a canary, switched off",
    responses={200: {"model": CanaryObject}, **errors(*BODY_ERRORS, 404, 409)},
    openapi_extra=_ADD,
)
async def add(request: Request, principal: Spender) -> Response:
    """The prompt must have passed at this model at least 5 times, and never been refused there."""
    app, canaries = app_state(request), _canaries(request)
    async with read_body(request, app.services) as body:
        fields = body.fields
    per_day = fields.get("per_day")
    if not isinstance(per_day, int) or isinstance(per_day, bool):
        raise InvalidField("`per_day` must be a whole number.", param="per_day")
    new = NewCanary(
        entry_id=required_text(fields, "entry_id"),
        model=required_text(fields, "model"),
        per_day=per_day,
        ceiling_micros=_required_money(fields, "max_usd_per_month"),
        price_micros=_money(fields, "usd_per_call"),
    )
    return _answer(await app.threads.run(canaries.add, principal, new))


@router.get(
    "/{canary_id}", summary="Retrieve a canary", responses={200: {"model": CanaryObject}, **errors(404)}
)
async def retrieve(request: Request, principal: Reader, canary_id: CanaryId) -> Response:
    return _answer(await app_state(request).threads.run(_canaries(request).get, principal, canary_id))


@router.post(
    "/{canary_id}",
    summary="Switch a canary on or off",
    responses={200: {"model": CanaryObject}, **errors(*BODY_ERRORS, 404, 409)},
    openapi_extra=_SWITCH,
)
async def switch(request: Request, principal: Admin, canary_id: CanaryId) -> Response:
    """To switch it on, `usd_per_month` is required, so that the cost is never more than was shown, and
    the scope `videos:write`.
    """
    app, canaries = app_state(request), _canaries(request)
    async with read_body(request, app.services) as body:
        fields = body.fields
    on = optional_flag(fields, "on", default=None)
    if on is None:
        raise InvalidField("`on` is missing.", param="on")
    if not on:
        return _answer(await app.threads.run(canaries.switch_off, principal, canary_id))
    shown = _required_money(fields, "usd_per_month")
    return _answer(await app.threads.run(canaries.switch_on, principal, canary_id, month_micros=shown))


@router.post(
    "/{canary_id}/run",
    summary="Send one call of a canary now",
    responses={200: {"model": CanaryObject}, **errors(404, 409)},
)
async def run(request: Request, principal: Spender, canary_id: CanaryId) -> Response:
    """For a canary that is on, and within its ceiling. It is sent within an hour, or not at all. Until
    then, a second request does nothing.
    """
    return _answer(await app_state(request).threads.run(_canaries(request).run, principal, canary_id))


@router.delete(
    "/{canary_id}", summary="Remove a canary", responses={200: {"model": CanaryDeleted}, **errors(404)}
)
async def remove(request: Request, principal: Admin, canary_id: CanaryId) -> Response:
    """Its calls stay among the attempts, without the prompt."""
    await app_state(request).threads.run(_canaries(request).remove, principal, canary_id)
    return JsonResponse(deleted_object(canary_id, "canary"))


def _canaries(request: Request) -> Canaries:
    found = app_state(request).services.canaries
    if found is None:
        raise NotFound("This server does not offer canaries.")
    return found


def _answer(report: CanaryReport) -> Response:
    return JsonResponse(report.as_json())


def _required_money(fields: Any, name: str) -> int:
    found = _money(fields, name)
    if found is None:
        raise InvalidField(f"`{name}` is missing.", param=name)
    return found


def _money(fields: Any, name: str) -> int | None:
    value = fields.get(name)
    return None if value is None else micro(read_amount(value, name))
