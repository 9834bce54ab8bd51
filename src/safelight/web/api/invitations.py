"""Routes of invitations, by which an account gives one more person a key."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import Response

from safelight.accounts import KeyScope, Principal
from safelight.accounts.invitations import AccountInvitation
from safelight.accounts.managed_tenants import TenantChoice
from safelight.web.auth import app_state, no_account, requires
from safelight.web.request_body import read_body, required_text
from safelight.web.responses import BODY_ERRORS, COMMON_ERRORS, JsonResponse, errors, list_object

from .access import TENANT_FIELD, read_tenant_choice
from .field_schemas import describe_body
from .standing import standing_services

Reader = Annotated[Principal, Depends(requires(KeyScope.VIDEOS_READ))]
Writer = Annotated[Principal, Depends(requires(KeyScope.VIDEOS_WRITE))]
Admin = Annotated[Principal, Depends(requires(KeyScope.ADMIN))]

router = APIRouter(prefix="/v1/safelight", tags=["access"], responses=errors(404))


class InvitationObject(BaseModel):
    id: str
    object: Literal["invitation"]
    state: Literal["open", "accepted", "expired", "revoked"]
    created_at: int
    expires_at: int
    key_id: str | None = Field(description="The key that was made with it.")
    token: str | None = Field(default=None, description="Only when the invitation is made.")
    tenant: Literal["own", "shared"] = Field(description="The tenant of the key.")
    tenant_id: str | None = Field(
        default=None, description="The tenant of its own. Only in the list of the tenant."
    )
    invited_by: str | None = Field(default=None, description="Only in the list of the tenant.")


class InvitationList(BaseModel):
    object: Literal["list"]
    data: list[InvitationObject]


class AcceptedInvitation(BaseModel):
    object: Literal["key"]
    id: str
    name: str
    key: str


@router.post(
    "/invitations",
    summary="Invite one person",
    responses={200: {"model": InvitationObject}, **errors(*BODY_ERRORS, *COMMON_ERRORS, 409)},
    openapi_extra=describe_body([], {"tenant": TENANT_FIELD}),
)
async def invite(request: Request, principal: Writer) -> Response:
    app, services = app_state(request), standing_services(request)
    choice = TenantChoice.OWN
    if "content-type" in request.headers:  # The body is optional.
        async with read_body(request, app.services) as body:
            choice = read_tenant_choice(body.fields)
    token, made = await app.threads.run(services.invitations.invite, principal, choice)
    return JsonResponse({**invitation_object(made), "token": token})


@router.get(
    "/invitations",
    summary="List own invitations, open ones first, then the newest",
    responses={200: {"model": InvitationList}, **errors(*COMMON_ERRORS)},
)
async def list_own(request: Request, principal: Reader) -> Response:
    threads, services = app_state(request).threads, standing_services(request)
    found = await threads.run(services.invitations.list, principal)
    return JsonResponse(list_object(map(invitation_object, found)))


@router.get(
    "/invitations/all",
    summary="List the invitations of all accounts, open ones first, then the newest",
    responses={200: {"model": InvitationList}, **errors(*COMMON_ERRORS)},
)
async def list_all(request: Request, principal: Admin) -> Response:
    threads, services = app_state(request).threads, standing_services(request)
    found = await threads.run(partial(services.invitations.list, principal, everyone=True))
    data = [
        {**invitation_object(one), "invited_by": one.invited_by, "tenant_id": one.own_tenant} for one in found
    ]
    return JsonResponse(list_object(data))


@router.delete(
    "/invitations/{invitation_id}",
    summary="Revoke an invitation",
    responses={200: {"model": InvitationObject}, **errors(*COMMON_ERRORS, 409)},
)
async def revoke(request: Request, principal: Writer, invitation_id: str) -> Response:
    threads, services = app_state(request).threads, standing_services(request)
    revoked = await threads.run(services.invitations.revoke, principal, invitation_id)
    return JsonResponse(invitation_object(revoked))


@router.post(
    "/invitations/accept",
    summary="Accept an invitation: a new key, once",
    dependencies=[Depends(no_account)],
    responses={200: {"model": AcceptedInvitation}, **errors(*BODY_ERRORS)},
    openapi_extra=describe_body(
        ["token", "name"],
        {
            "token": {"type": "string", "minLength": 1, "maxLength": 100},
            "name": {"type": "string", "minLength": 1, "maxLength": 100},
        },
    ),
)
async def accept(request: Request) -> Response:
    app, services = app_state(request), standing_services(request)
    async with read_body(request, app.services) as body:
        token, name = required_text(body.fields, "token"), required_text(body.fields, "name")
    record, key = await app.threads.run(partial(services.invitations.accept, token, name=name))
    return JsonResponse({"object": "key", "id": record.id, "name": record.name, "key": key})


def invitation_object(one: AccountInvitation) -> dict[str, Any]:
    return {
        "id": one.id,
        "object": "invitation",
        "state": one.state.value,
        "created_at": int(one.created_at),
        "expires_at": int(one.expires_at),
        "key_id": one.key_id,
        "tenant": one.tenant.value,
    }
