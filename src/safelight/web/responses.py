"""Descriptions of the error responses of a route, for the OpenAPI document. All have the same envelope."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import msgspec
from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import Response

# Routes take the forms of their answers from this module.
from safelight.core.envelopes import deleted_object as deleted_object
from safelight.core.envelopes import list_object as list_object
from safelight.core.envelopes import page_object as page_object
from safelight.core.envelopes import whole_seconds as whole_seconds

_ETAG_BYTES = 16
_WORDS: dict[int, str] = {
    400: "The request is invalid, or the policy blocks it (`sentinel_block`)",
    401: "No API key, or an unknown API key",
    403: "The API key does not allow this, or its account is suspended",
    404: "The object does not exist, or it belongs to another tenant",
    408: "The upload was too slow",
    409: (
        "Not possible in the current state, or the idempotency key was used for another request, or the "
        "first request with it is still being processed (`idempotency_key_in_use`: wait, then send it again)"
    ),
    410: "The content was withdrawn",
    413: "The body is too large",
    415: "The body has an unsupported content type",
    416: "The range is outside the file",
    429: "The quota or the check limit is used up, or there were too many requests",
    500: "An internal error, with the id of the request",
    502: "The generator failed",
    503: "Temporarily not possible; the client may send the request again",
    504: "The video was not finished in time",
}
#: Statuses of every route with authentication; 400 is an invalid parameter or header.
COMMON_ERRORS = (400, 401, 403, 500, 503)
#: Statuses of every route that also reads a body.
BODY_ERRORS = (*COMMON_ERRORS, 408, 413, 415)
#: The response to a request whose `If-None-Match` has the ETag of the body.
NOT_MODIFIED: dict[int | str, dict[str, Any]] = {
    304: {"description": "The client has this body already: it sent its ETag in `If-None-Match`"}
}

# JSON responses, and their ETags.


class JsonResponse(Response):
    """A response with a JSON body."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        return msgspec.json.encode(content)


def revalidated_response(
    request: Request, content: Any, headers: Mapping[str, str] | None = None
) -> Response:
    """The JSON response with its ETag, or 304 if the client names this ETag in `If-None-Match`.

    The ETag is a hash of the body that this caller gets, so that it reveals nothing else.
    """
    body = msgspec.json.encode(content)
    etag = f'"{hashlib.blake2b(body, digest_size=_ETAG_BYTES).hexdigest()}"'
    given = {**(headers or {}), "etag": etag, "vary": "Authorization, Cookie, Accept-Language"}
    if etag_matches(request.headers.get("if-none-match"), etag):
        return Response(status_code=304, headers=given)
    return Response(body, media_type=JsonResponse.media_type, headers=given)


def etag_matches(header: str | None, etag: str) -> bool:
    """Whether the header `If-None-Match` names this ETag."""
    if header is None:
        return False
    return header.strip() == "*" or etag in {tag.strip().removeprefix("W/") for tag in header.split(",")}


# Descriptions of the error responses of a route, for the OpenAPI document. All have the same envelope.


class ErrorDetail(BaseModel):
    message: str
    type: str
    param: str | None
    code: str = Field(description="One of the codes in docs/reference.md.")
    moderation_details: dict[str, Any] | None = Field(
        default=None,
        description="Only after a block: the explanation, such as stage, group, charge and next step.",
    )
    safelight: dict[str, Any] | None = Field(
        default=None,
        description=(
            "The request id; `corrected_request`: the request with the right names of fields; `left_out`: "
            "the fields that it does not have."
        ),
    )


class Error(BaseModel):
    error: ErrorDetail


def errors(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The `responses` of a route for these statuses, each in OpenAI's envelope."""
    return {status: {"model": Error, "description": _WORDS[status]} for status in sorted(set(statuses))}


def describe_response(model: type[BaseModel], *statuses: int) -> dict[int | str, dict[str, Any]]:
    """The `responses` of a route that answers with this model, or with an error of these statuses."""
    return {200: {"model": model}, **errors(*statuses)}
