"""Which errors a route answers, for the OpenAPI document. The envelope is the same for all of them."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field

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
COMMON_ERRORS = (400, 401, 403, 500, 503)
#: And reads a body.
BODY_ERRORS = (*COMMON_ERRORS, 408, 413, 415)


class ErrorDetail(BaseModel):
    message: str
    type: str
    param: str | None
    code: str = Field(description="One of the codes in docs/errors.md.")
    moderation_details: dict[str, Any] | None = Field(
        default=None, description="On a block: stage, group, rule, evidence, charge and next step, by degree."
    )
    safelight: dict[str, Any] | None = Field(default=None, description="The request id.")


class Error(BaseModel):
    error: ErrorDetail


def errors(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The `responses` of a route that answers these, each in OpenAI's envelope."""
    return {status: {"model": Error, "description": _WORDS[status]} for status in sorted(set(statuses))}
