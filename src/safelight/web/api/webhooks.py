"""Webhook endpoints in the format of the official SDKs, plus the health of each: views and operations."""

from __future__ import annotations

from dataclasses import dataclass
from operator import attrgetter
from typing import Literal

from safelight.accounts import KeyScope
from safelight.accounts.webhooks import (
    DeliveryHealth,
    EndpointIdentity,
    RegisteredEndpoint,
    TestResult,
    Webhooks,
)
from safelight.core.records import Shown
from safelight.web.operations import Operations
from safelight.web.views import ListPage, show

operations = Operations(
    "/v1/webhook_endpoints", tag="webhooks", scopes=(KeyScope.ADMIN,), of=attrgetter("webhooks")
)


@dataclass(frozen=True, kw_only=True)
class EndpointHealth(DeliveryHealth):
    failing: bool


@dataclass(frozen=True, kw_only=True)
class WebhookEndpoint(EndpointIdentity):
    object: Literal["webhook_endpoint"] = "webhook_endpoint"
    event_types: tuple[str, ...]
    signing_secret_hint: str
    safelight: EndpointHealth


@dataclass(frozen=True, kw_only=True)
class WebhookEndpointWithSecret(WebhookEndpoint):
    signing_secret: str


@dataclass(frozen=True, kw_only=True)
class WebhookEndpointList(ListPage):
    data: tuple[WebhookEndpoint, ...]


@dataclass(frozen=True, kw_only=True)
class WebhookEndpointDeleted(Shown):
    id: str
    object: Literal["webhook_endpoint.deleted"] = "webhook_endpoint.deleted"
    deleted: bool = True


@dataclass(frozen=True, kw_only=True)
class WebhookTest(Shown):
    object: Literal["webhook_endpoint.test"] = "webhook_endpoint.test"
    webhook_endpoint_id: str
    event_type: str
    success: bool
    status_code: int | None
    error: str | None


def show_endpoint(endpoint: RegisteredEndpoint) -> WebhookEndpoint:
    return show(WebhookEndpoint, endpoint, safelight=show(EndpointHealth, endpoint))


def show_list(found: tuple[RegisteredEndpoint, ...]) -> WebhookEndpointList:
    return WebhookEndpointList.page(map(show_endpoint, found))


def show_secret(made: tuple[RegisteredEndpoint, str]) -> WebhookEndpointWithSecret:
    endpoint, secret = made
    return show(WebhookEndpointWithSecret, show_endpoint(endpoint), signing_secret=secret)


def show_deleted(endpoint: RegisteredEndpoint) -> WebhookEndpointDeleted:
    return WebhookEndpointDeleted(id=endpoint.id)


def show_test(result: TestResult) -> WebhookTest:
    return WebhookTest(
        webhook_endpoint_id=result.endpoint_id,
        event_type=result.event_type,
        success=not result.error,
        status_code=result.status,
        error=result.error or None,
    )


operations.add(
    "GET ",
    "List webhook endpoints",
    Webhooks.list,
    shows=show_list,
    description="All endpoints; a tenant has at most twenty.",
    name="list_endpoints",
)
operations.add(
    "POST ",
    "Create a webhook endpoint",
    Webhooks.create,
    409,
    shows=show_secret,
    description="Only this response and the response to a rotation contain the signing secret.",
)
operations.add(
    "GET /{webhook_endpoint_id}",
    "Retrieve a webhook endpoint",
    Webhooks.get,
    404,
    shows=show_endpoint,
    name="retrieve",
)
operations.add(
    "POST /{webhook_endpoint_id}", "Change a webhook endpoint", Webhooks.update, 404, shows=show_endpoint
)
operations.add(
    "DELETE /{webhook_endpoint_id}",
    "Delete a webhook endpoint",
    Webhooks.delete,
    404,
    shows=show_deleted,
    description="Deletes the endpoint and drops its pending deliveries.",
)
operations.add(
    "POST /{webhook_endpoint_id}/rotate_secret",
    "Rotate the secret of a webhook endpoint",
    Webhooks.rotate,
    404,
    shows=show_secret,
)
operations.add(
    "POST /{webhook_endpoint_id}/test",
    "Send a test event now",
    Webhooks.test,
    404,
    shows=show_test,
    description="The result of one test event, which is sent once and signed like any event.\n\n"
    "`success`: the endpoint responded with a 2xx status; `status_code`: the status of its response.",
)
