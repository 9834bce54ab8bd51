"""Which errors a route answers, for the OpenAPI document. The envelope is the same for all of them."""

from __future__ import annotations

from typing import Any

from safelight.api import schemas

_WORDS: dict[int, str] = {
    400: "Something about the request is wrong, or what it asks for is blocked (`sentinel_block`)",
    401: "No key, or one that is not known",
    403: "The key may not do this, or its account is suspended",
    404: "There is no such thing, or it belongs to somebody else",
    408: "The upload was too slow",
    409: "Not in this state, or not with this idempotency key",
    410: "The content was withdrawn",
    413: "The body is too large",
    415: "The body is of a kind that is not taken here",
    416: "The range lies outside the file",
    429: "The quota or the probe budget is spent, or these came too fast",
    500: "A fault here, with the request's id",
    502: "The generator failed",
    503: "Not possible just now; may be sent again",
    504: "The video was not finished in time",
}
#: Every route that asks who is there. 400: a parameter or header that cannot be.
KNOWN = (400, 401, 403, 500, 503)
#: And reads a body.
BODY = (*KNOWN, 408, 413, 415)


def errors(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The `responses` of a route that answers these, each in OpenAI's envelope."""
    return {
        status: {"model": schemas.Error, "description": _WORDS[status]} for status in sorted(set(statuses))
    }
