"""Error responses in OpenAI's envelope, with headers that stop official SDKs from useless retries."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from starlette.requests import Request

from safelight.core.errors import (
    IdempotencyKeyInUse,
    RateLimited,
    RequestBlocked,
    SafelightError,
    Unauthenticated,
    Unavailable,
)
from safelight.core.i18n import accepted_language, load_messages, translate_error

from .middleware import request_id
from .responses import JsonResponse

#: Errors of the HTTP layer by status: code, type and message. If the message is empty, Starlette's is used.
HTTP_CODES: dict[int, tuple[str, str, str]] = {
    400: ("invalid_request", "invalid_request_error", ""),
    404: ("unknown_route", "invalid_request_error", "This address does not exist."),
    405: ("method_not_allowed", "invalid_request_error", "This address does not accept that method."),
    408: ("upload_timeout", "invalid_request_error", ""),
    415: ("unsupported_media_type", "invalid_request_error", ""),
    416: ("range_not_satisfiable", "invalid_request_error", "The range is outside the file."),
}
_UNEXPECTED = (
    "internal_error",
    "server_error",
    "Internal error. The details are in the log under {}; please give the operator this id.",
)


def error_response(error: SafelightError, request: Request) -> JsonResponse:
    """The response for a `SafelightError`."""
    body: dict[str, Any] = {
        "message": _say(request, error.message, error.remedy),
        "type": error.kind,
        "param": error.param,
        "code": error.code,
    }
    if isinstance(error, RequestBlocked):
        body["moderation_details"] = error.details
    if error.corrected_request is not None:
        body["safelight"] = {"corrected_request": error.corrected_request}
        if error.left_out:
            body["safelight"]["left_out"] = list(error.left_out)
    headers = retry_headers(error)
    if isinstance(error, Unauthenticated):
        headers["www-authenticate"] = 'Bearer realm="safelight"'
    return _response(error.status, body, request, headers)


def http_problem(
    status: int, message: str, request: Request, headers: Mapping[str, str] | None = None, *, hint: str = ""
) -> JsonResponse:
    """The response for a request that routing or the HTTP layer rejected. `hint` is added to the message."""
    if status >= 500:
        return internal_error_response(request)
    code, kind, sentence = HTTP_CODES.get(status, HTTP_CODES[400])
    text = _say(request, sentence or message, hint)
    body = {"message": text, "type": kind, "param": None, "code": code}
    return _response(status, body, request, {**(headers or {}), "x-should-retry": "false"})


def internal_error_response(request: Request) -> JsonResponse:
    """The response for an unexpected exception. Only the log has the details, under the request id."""
    code, kind, sentence = _UNEXPECTED
    text = _say(request, sentence.format(request_id(request.scope)))
    body = {"message": text, "type": kind, "param": None, "code": code}
    return _response(500, body, request, {"x-should-retry": "false"})


def retry_headers(error: SafelightError) -> dict[str, str]:
    """The headers `x-should-retry`, and `retry-after` if waiting helps.

    They stop clients from sending a rejected request again.
    """
    headers = {"x-should-retry": "true" if error.retry else "false"}
    waits = RateLimited | Unavailable | IdempotencyKeyInUse
    wait = error.retry_after_s if isinstance(error, waits) else None
    if wait is not None:
        headers["retry-after"] = str(max(1, math.ceil(wait)))
    return headers


def _say(request: Request, *texts: str | None) -> str:
    """The texts that are not empty, in the language that the request accepts."""
    tag = accepted_language(request.headers.get("accept-language", ""))
    join = load_messages("explanations", tag)("join")
    return join.join(translate_error(text, tag) for text in texts if text)


def _response(
    status: int, error: dict[str, Any], request: Request, headers: Mapping[str, str]
) -> JsonResponse:
    error["safelight"] = {"request_id": request_id(request.scope), **error.get("safelight", {})}
    return JsonResponse(
        {"error": error}, status_code=status, headers={**headers, "cache-control": "no-store"}
    )
