"""Routes for webhook endpoints in the format of the official SDKs, plus the health of each endpoint."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response

from safelight.errors import InvalidField
from safelight.trust.accounts import KeyScope, Principal
from safelight.trust.webhooks import EventType, RegisteredEndpoint, TestResult
from safelight.web.auth import app_state, requires
from safelight.web.request_body import optional_flag, optional_text, optional_texts, read_body, required_text
from safelight.web.responses import BODY_ERRORS, COMMON_ERRORS, JsonResponse, errors, page_object

from . import schemas

Admin = Annotated[Principal, Depends(requires(KeyScope.ADMIN))]

router = APIRouter(
    prefix="/v1/webhook_endpoints",
    tags=["webhooks"],
    responses=errors(*COMMON_ERRORS),
)

_EVENTS = [event.value for event in EventType]
_WRITABLE: dict[str, Any] = {
    "name": {"type": "string", "maxLength": 100},
    "url": {"type": "string", "format": "uri"},
    "event_types": {"type": "array", "items": {"type": "string", "enum": _EVENTS}},
}


def _json_body(properties: dict[str, Any], *required: str) -> dict[str, Any]:
    described = {
        name: each if name in required else schemas.make_nullable(each) for name, each in properties.items()
    }
    schema: dict[str, Any] = {"type": "object", "properties": described}
    if required:
        schema["required"] = list(required)
    return {"requestBody": {"required": bool(required), "content": {"application/json": {"schema": schema}}}}


class EndpointHealth(BaseModel):
    failing: bool
    failing_since: int | None
    failures: int
    last_status: int | None
    last_error: str | None
    last_success_at: int | None


class WebhookEndpoint(BaseModel):
    id: str
    object: Literal["webhook_endpoint"]
    name: str
    url: str
    event_types: list[str]
    created_at: int
    updated_at: int
    signing_secret_hint: str
    safelight: EndpointHealth


class WebhookEndpointWithSecret(WebhookEndpoint):
    signing_secret: str


class WebhookEndpointList(BaseModel):
    object: Literal["list"]
    data: list[WebhookEndpoint]
    first_id: str | None
    last_id: str | None
    has_more: bool


class WebhookEndpointDeleted(BaseModel):
    id: str
    object: Literal["webhook_endpoint.deleted"]
    deleted: bool


class WebhookTest(BaseModel):
    object: Literal["webhook_endpoint.test"]
    webhook_endpoint_id: str
    event_type: str
    success: bool
    status_code: int | None
    error: str | None


@router.get("", summary="List webhook endpoints", responses={200: {"model": WebhookEndpointList}})
async def list_endpoints(request: Request, principal: Admin) -> Response:
    """All endpoints; a tenant has at most twenty."""
    app = app_state(request)
    found = await app.threads.run(app.services.webhooks.list, principal)
    data = [endpoint_object(each) for each in found]
    return JsonResponse(page_object(data, has_more=False))


@router.post(
    "",
    summary="Create a webhook endpoint",
    responses={200: {"model": WebhookEndpointWithSecret}, **errors(*BODY_ERRORS, 409)},
    openapi_extra=_json_body(_WRITABLE, "url", "event_types"),
)
async def create(request: Request, principal: Admin) -> Response:
    """Only this response and the response to a rotation contain the signing secret."""
    app = app_state(request)
    async with read_body(request, app.services) as body:
        fields = body.fields
    events = optional_texts(fields, "event_types")
    if events is None:
        raise InvalidField("`event_types` is required.", param="event_types")
    made, secret = await app.threads.run(
        app.services.webhooks.create,
        principal,
        url=required_text(fields, "url"),
        events=events,
        name=optional_text(fields, "name") or "",
    )
    return JsonResponse({**endpoint_object(made), "signing_secret": secret})


@router.get(
    "/{webhook_endpoint_id}",
    summary="Retrieve a webhook endpoint",
    responses={200: {"model": WebhookEndpoint}, **errors(404)},
)
async def retrieve(request: Request, principal: Admin, webhook_endpoint_id: str) -> Response:
    app = app_state(request)
    found = await app.threads.run(app.services.webhooks.get, principal, webhook_endpoint_id)
    return JsonResponse(endpoint_object(found))


@router.post(
    "/{webhook_endpoint_id}",
    summary="Change a webhook endpoint",
    responses={200: {"model": WebhookEndpoint}, **errors(*BODY_ERRORS, 404)},
    openapi_extra=_json_body(_WRITABLE),
)
async def update(request: Request, principal: Admin, webhook_endpoint_id: str) -> Response:
    app = app_state(request)
    async with read_body(request, app.services) as body:
        fields = body.fields
    changed = await app.threads.run(
        app.services.webhooks.update,
        principal,
        webhook_endpoint_id,
        url=optional_text(fields, "url"),
        events=optional_texts(fields, "event_types"),
        name=optional_text(fields, "name"),
    )
    return JsonResponse(endpoint_object(changed))


@router.delete(
    "/{webhook_endpoint_id}",
    summary="Delete a webhook endpoint",
    responses={200: {"model": WebhookEndpointDeleted}, **errors(404)},
)
async def delete(request: Request, principal: Admin, webhook_endpoint_id: str) -> Response:
    """Deletes the endpoint and drops its pending deliveries."""
    app = app_state(request)
    await app.threads.run(app.services.webhooks.delete, principal, webhook_endpoint_id)
    return JsonResponse({"id": webhook_endpoint_id, "object": "webhook_endpoint.deleted", "deleted": True})


@router.post(
    "/{webhook_endpoint_id}/rotate_secret",
    summary="Rotate the secret of a webhook endpoint",
    responses={200: {"model": WebhookEndpointWithSecret}, **errors(*BODY_ERRORS, 404)},
    openapi_extra=_json_body({"keep_old_secret_active_for_24_hours": {"type": "boolean", "default": True}}),
)
async def rotate(request: Request, principal: Admin, webhook_endpoint_id: str) -> Response:
    app = app_state(request)
    fields = await _read_optional_body(request)
    keep = optional_flag(fields, "keep_old_secret_active_for_24_hours", default=True)
    rotated, secret = await app.threads.run(
        app.services.webhooks.rotate, principal, webhook_endpoint_id, keep_old=keep
    )
    return JsonResponse({**endpoint_object(rotated), "signing_secret": secret})


@router.post(
    "/{webhook_endpoint_id}/test",
    summary="Send a test event now",
    responses={200: {"model": WebhookTest}, **errors(*BODY_ERRORS, 404)},
    openapi_extra=_json_body({"event_type": {"type": "string", "enum": _EVENTS}}),
)
async def test(request: Request, principal: Admin, webhook_endpoint_id: str) -> Response:
    """The result of one test event, which is sent once and signed like any event.

    `success`: the endpoint responded with a 2xx status; `status_code`: the status of its response.
    """
    app = app_state(request)
    event = optional_text(await _read_optional_body(request), "event_type")
    result = await app.threads.run(
        app.services.webhooks.test,
        principal,
        webhook_endpoint_id,
        event_type=EventType.VIDEO_COMPLETED.value if event is None else event,
    )
    return JsonResponse(test_object(result))


async def _read_optional_body(request: Request) -> dict[str, Any]:
    """The fields of a JSON body; empty if the request has no body."""
    if not request.headers.get("content-type") and request.headers.get("content-length", "0") == "0":
        return {}
    async with read_body(request, app_state(request).services) as body:
        return body.fields


def endpoint_object(endpoint: RegisteredEndpoint) -> dict[str, Any]:
    """An endpoint as JSON, without its secret."""
    return {
        "id": endpoint.id,
        "object": "webhook_endpoint",
        "name": endpoint.name,
        "url": endpoint.url,
        "event_types": [event.value for event in endpoint.events],
        "created_at": int(endpoint.created_at),
        "updated_at": int(endpoint.updated_at),
        "signing_secret_hint": endpoint.secrets[0].hint,
        "safelight": {
            "failing": endpoint.failing_since is not None,
            "failing_since": _seconds(endpoint.failing_since),
            "failures": endpoint.failures,
            "last_status": endpoint.last_status,
            "last_error": endpoint.last_error,
            "last_success_at": _seconds(endpoint.last_success_at),
        },
    }


def test_object(result: TestResult) -> dict[str, Any]:
    """The result of a test event as JSON."""
    return {
        "object": "webhook_endpoint.test",
        "webhook_endpoint_id": result.endpoint_id,
        "event_type": result.event_type.value,
        "success": not result.error,
        "status_code": result.status,
        "error": result.error or None,
    }


def _seconds(at: float | None) -> int | None:
    return None if at is None else int(at)
