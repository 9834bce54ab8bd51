"""`POST /v1/decode`: anybody's error, read. Nothing is kept."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from safelight.errors import InvalidField, TooLarge, UnsupportedField
from safelight.generation.provider_errors import decode as decoded
from safelight.trust.accounts import KeyScope, Principal
from safelight.web.auth import requires
from safelight.web.error_responses import BODY_ERRORS, errors
from safelight.web.request_body import read_body
from safelight.web.state import app_state

from . import schemas

Checker = Annotated[Principal, Depends(requires(KeyScope.CHECKS))]
#: Characters of one text; a longer log is cut by whoever has it.
LONGEST = 4_000_000
MAX_PROVIDER = 100

_BODY: dict[str, Any] = {
    "required": True,
    "content": {
        "application/json": {
            "schema": {
                "type": "object",
                "required": ["text"],
                "properties": {
                    "text": {"type": "string", "maxLength": LONGEST},
                    "provider": {"type": ["string", "null"], "maxLength": MAX_PROVIDER},
                },
                "additionalProperties": False,
            }
        }
    },
}

router = APIRouter(
    prefix="/v1/provider-errors",
    tags=["checks"],
    responses=errors(*BODY_ERRORS, 429),
)


@router.post(
    "/explain",
    summary="Read a provider's error",
    responses={200: {"model": schemas.ProviderErrorExplanation}},
    openapi_extra={"requestBody": _BODY},
)
async def explain(request: Request, principal: Checker) -> Response:
    """Who refused, at which stage, for which category, charged or not, and what now."""
    state = app_state(request)
    async with read_body(request, state.services) as body:
        text, provider = _read(body.fields)
        if state.services.spend is not None:
            await state.threads.run(state.services.spend, principal)
        found = await state.threads.run(decoded, text, provider=provider)
    return JSONResponse(found.as_json(), headers={"cache-control": "no-store"})


def _read(fields: dict[str, Any]) -> tuple[str, str | None]:
    for name in fields:
        if name not in ("text", "provider"):
            raise UnsupportedField(f"The field {name[:100]!r} is not taken.", param=name[:100])
    text, provider = fields.get("text"), fields.get("provider")
    if not isinstance(text, str) or not text.strip():
        raise InvalidField("text is the error as you have it.", param="text")
    if len(text) > LONGEST:
        raise TooLarge(f"text has {len(text):,} characters; at most {LONGEST:,} are read.", param="text")
    if provider is not None and (not isinstance(provider, str) or len(provider) > MAX_PROVIDER):
        raise InvalidField(f"provider is a name of up to {MAX_PROVIDER} characters.", param="provider")
    return text, provider or None
