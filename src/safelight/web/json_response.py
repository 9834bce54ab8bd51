"""JSON responses, and their ETags."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

_ETAG_BYTES = 16


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
    given = {**(headers or {}), "etag": etag, "vary": "Authorization, Cookie"}
    if etag_matches(request.headers.get("if-none-match"), etag):
        return Response(status_code=304, headers=given)
    return Response(body, media_type=JsonResponse.media_type, headers=given)


def etag_matches(header: str | None, etag: str) -> bool:
    """Whether the header `If-None-Match` names this ETag."""
    if header is None:
        return False
    return header.strip() == "*" or etag in {tag.strip().removeprefix("W/") for tag in header.split(",")}
