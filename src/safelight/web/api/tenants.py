"""Routes of the tenants that a tenant manages: those of applicants and invited people."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import Response

from safelight.accounts import KeyScope, Principal
from safelight.accounts.models import tenant_object
from safelight.cases.reviews.managed_cases import TenantCount
from safelight.web.auth import app_state, requires
from safelight.web.request_body import read_body, required_text
from safelight.web.responses import (
    BODY_ERRORS,
    COMMON_ERRORS,
    JsonResponse,
    errors,
    list_object,
    whole_seconds,
)

from .field_schemas import describe_body
from .standing import standing_services

Admin = Annotated[Principal, Depends(requires(KeyScope.ADMIN))]
Manager = Annotated[Principal, Depends(requires(any_of=(KeyScope.REVIEW, KeyScope.VAULT, KeyScope.ADMIN)))]

#: These routes need the own tenant: with the header `Safelight-Tenant` they answer 403 or 404.
TENANTS_PATH = "/v1/safelight/tenants"

router = APIRouter(prefix=TENANTS_PATH, tags=["access"], responses=errors(404))


class TenantObject(BaseModel):
    id: str
    object: Literal["tenant"]
    name: str
    created_at: int
    closed_at: int | None = Field(description="Since then it has no keys. Its data stays.")
    origin: str | None = Field(description="The access request or invitation that it was made for.")
    open_cases: int | None = Field(default=None, description="Cases that you may see. Only in the list.")
    late_cases: int | None = Field(default=None, description="Those whose due time is over.")
    oldest_case_at: int | None = Field(default=None, description="When the oldest was opened.")


def _counted(count: TenantCount | None) -> dict[str, Any]:
    return {
        "open_cases": count.number if count else 0,
        "late_cases": count.late if count else 0,
        "oldest_case_at": whole_seconds(count.oldest_at if count else None),
    }


class TenantList(BaseModel):
    object: Literal["list"]
    data: list[TenantObject]


@router.get(
    "",
    summary="List up to 200 of the tenants that your tenant manages, newest first",
    responses={200: {"model": TenantList}, **errors(*COMMON_ERRORS)},
)
async def list_tenants(request: Request, principal: Manager, after: str | None = None) -> Response:
    app, services = app_state(request), standing_services(request)
    found = await app.threads.run(partial(app.services.accounts.managed.list, principal, after=after))
    waiting = await app.threads.run(services.managed_cases.count, principal)
    data = [{**tenant_object(one), **_counted(waiting.get(one.id))} for one in found]
    return JsonResponse(list_object(data))


@router.post(
    "/{tenant_id}/close",
    summary="Close a managed tenant: its keys are revoked, its data stays",
    responses={200: {"model": TenantObject}, **errors(*BODY_ERRORS, *COMMON_ERRORS, 409)},
    openapi_extra=describe_body(
        ["reason"],
        {
            "reason": {
                "type": "string",
                "minLength": 1,
                "maxLength": 2000,
                "description": "The applicant reads it.",
            }
        },
    ),
)
async def close_tenant(request: Request, principal: Admin, tenant_id: str) -> Response:
    app = app_state(request)
    async with read_body(request, app.services) as body:
        reason = required_text(body.fields, "reason")
    close = partial(app.services.accounts.managed.close, principal, tenant_id, reason=reason)
    return JsonResponse(tenant_object(await app.threads.run(close)))


@router.post(
    "/{tenant_id}/reopen",
    summary="Let a closed tenant get keys again",
    responses={200: {"model": TenantObject}, **errors(*COMMON_ERRORS, 409)},
)
async def reopen_tenant(request: Request, principal: Admin, tenant_id: str) -> Response:
    app = app_state(request)
    reopened = await app.threads.run(app.services.accounts.managed.reopen, principal, tenant_id)
    return JsonResponse(tenant_object(reopened))
