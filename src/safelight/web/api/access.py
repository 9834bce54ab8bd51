"""Routes by which people without an account ask for a key, and others decide."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, Literal

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import Response

from safelight.accounts.access_requests import AccessRequest
from safelight.accounts.models import AccessState
from safelight.accounts.terms import NO_TERMS, Terms
from safelight.core.errors import InvalidField
from safelight.web.auth import no_account
from safelight.web.request_body import required_text
from safelight.web.responses import (
    BODY_ERRORS,
    COMMON_ERRORS,
    JsonResponse,
    describe_response,
    errors,
    list_object,
    whole_seconds,
)

from .parameters import Admin, App, read_fields
from .request_bodies import describe_body
from .standing import TERM_FIELDS, read_terms

router = APIRouter(prefix="/v1/safelight", tags=["access"], responses=errors(404))
_ACTIONS = ("approve", "decline", "withdraw")


class AccessRequestObject(BaseModel):
    id: str
    object: Literal["access_request"]
    state: Literal["waiting", "approved", "declined", "collected", "withdrawn"]
    created_at: int
    decided_at: int | None
    reason: str | None = Field(description="The reason of the decision.")
    token: str | None = Field(default=None, description="Only when the request is made: keep it.")
    key: str | None = Field(default=None, description="The new API key, once.")
    name: str | None = Field(default=None, description="Only for staff, as the next two fields.")
    contact: str | None = None
    purpose: str | None = None


class AccessRequestList(BaseModel):
    object: Literal["list"]
    data: list[AccessRequestObject]


@router.post(
    "/access-requests",
    summary="Ask for access, without an account",
    dependencies=[Depends(no_account)],
    responses=describe_response(AccessRequestObject, *BODY_ERRORS, 429),
    openapi_extra=describe_body("access_request"),
)
async def request_access(request: Request, app: App) -> Response:
    services = app.services.require_standing()
    services.addresses.allow(request.client.host if request.client else "")
    fields = await read_fields(request)
    texts = {field: required_text(fields, field) for field in ("name", "contact", "purpose")}

    def make() -> tuple[AccessRequest, str]:
        return services.access.request(services.tenant(), **texts)

    made, token = await app.threads.run(make)
    return JsonResponse({**request_object(made), "token": token})


@router.post(
    "/access-requests/collect",
    summary="Read the decision on a request, and collect the key once",
    dependencies=[Depends(no_account)],
    responses=describe_response(AccessRequestObject, *BODY_ERRORS),
    openapi_extra=describe_body("access_request_token"),
)
async def collect_key(request: Request, app: App) -> Response:
    services = app.services.require_standing()
    token = required_text(await read_fields(request), "token")
    found, key = await app.threads.run(services.access.collect, token)
    return JsonResponse({**request_object(found), "key": key})


@router.get(
    "/access-requests",
    summary="List requests for access, newest first; those that wait, oldest first",
    responses=describe_response(AccessRequestList, *COMMON_ERRORS),
)
async def list_requests(
    app: App, principal: Admin, state: AccessState | None = None, after: str | None = None
) -> Response:
    services = app.services.require_standing()
    found = await app.threads.run(
        partial(services.access.list, principal, *([state] if state else []), after=after)
    )
    return JsonResponse(list_object(map(staff_object, found)))


@router.post(
    "/access-requests/{request_id}/decision",
    summary="Approve or decline a request for access, or withdraw the access",
    responses=describe_response(AccessRequestObject, *BODY_ERRORS, *COMMON_ERRORS, 409),
    openapi_extra=describe_body("access_request_decision", ACTIONS=_ACTIONS, TERM_FIELDS=TERM_FIELDS),
)
async def decide(request: Request, app: App, principal: Admin, request_id: str) -> Response:
    access = app.services.require_standing().access
    fields = await read_fields(request)
    action, reason = required_text(fields, "action"), required_text(fields, "reason")
    terms = _terms(fields)
    if action not in _ACTIONS:
        raise InvalidField("action must be approve, decline or withdraw.", param="action")
    if action == "approve":
        decision = partial(access.approve, principal, request_id, reason=reason, terms=terms)
    else:
        decide = access.decline if action == "decline" else access.withdraw
        decision = partial(decide, principal, request_id, reason=reason)
    return await app.show(staff_object, decision)


def _terms(fields: Mapping[str, Any]) -> Terms:
    if "tenant" in fields:
        raise InvalidField(
            "tenant was removed: the key belongs to your tenant.",
            param="tenant",
            remedy="For another organisation: safelight keys create NAME --new-tenant NAME",
        )
    terms = fields.get("terms")
    if terms is None:
        return NO_TERMS
    if not isinstance(terms, dict):
        raise InvalidField("terms must be an object.", param="terms")
    return read_terms(terms)


def request_object(made: AccessRequest) -> dict[str, Any]:
    """A request as its applicant sees it."""
    return {
        "id": made.id,
        "object": "access_request",
        "state": made.state.value,
        "created_at": int(made.created_at),
        "decided_at": whole_seconds(made.decided_at),
        "reason": made.reason,
    }


def staff_object(made: AccessRequest) -> dict[str, Any]:
    return {**request_object(made), "name": made.name, "contact": made.contact, "purpose": made.purpose}
