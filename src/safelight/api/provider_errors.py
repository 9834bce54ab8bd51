"""`POST /v1/provider-errors/explain`: the meaning of a provider's error. Nothing is stored."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import Response

from safelight.attempts.gate import GateAnswer, gate_of_error
from safelight.errors import InvalidField, TooLarge, UnsupportedField
from safelight.generation.provider_errors import decode as explain_error
from safelight.i18n import load_messages
from safelight.trust.accounts import KeyScope, Principal
from safelight.web.auth import app_state, requires
from safelight.web.request_body import read_body
from safelight.web.responses import BODY_ERRORS, JsonResponse, errors

from . import schemas

Checker = Annotated[Principal, Depends(requires(KeyScope.CHECKS))]
#: Maximum number of characters of the text. Callers must shorten longer logs.
MAX_TEXT_CHARS = 4_000_000
MAX_PROVIDER_CHARS = 100

_BODY: dict[str, Any] = {
    "required": True,
    "content": {
        "application/json": {
            "schema": {
                "type": "object",
                "required": ["text"],
                "properties": {
                    "text": {"type": "string", "maxLength": MAX_TEXT_CHARS},
                    "provider": {"type": ["string", "null"], "maxLength": MAX_PROVIDER_CHARS},
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
    summary="Explain a provider's error",
    responses={200: {"model": schemas.ProviderErrorExplanation}},
    openapi_extra={"requestBody": _BODY},
)
async def explain(request: Request, principal: Checker) -> Response:
    """Explains which service refused, at which stage, for which category, the charge, and the next step."""
    state = app_state(request)
    async with read_body(request, state.services) as body:
        text, provider = _read(body.fields)
        if state.services.spend is not None:
            await state.threads.run(state.services.spend, principal)
        explained = await state.threads.run(explain_error, text, provider=provider)
    gate = GateAnswer(gate=gate_of_error(explained, text)).as_json(load_messages("attempts"))
    return JsonResponse({**explained.as_json(), "gate": gate}, headers={"cache-control": "no-store"})


def _read(fields: dict[str, Any]) -> tuple[str, str | None]:
    for name in fields:
        if name not in ("text", "provider"):
            raise UnsupportedField(f"The field {name[:100]!r} is not supported.", param=name[:100])
    text, provider = fields.get("text"), fields.get("provider")
    if not isinstance(text, str) or not text.strip():
        raise InvalidField("`text` is required: the error as the provider returned it.", param="text")
    if len(text) > MAX_TEXT_CHARS:
        raise TooLarge(
            f"`text` has {len(text):,} characters; the maximum is {MAX_TEXT_CHARS:,}.", param="text"
        )
    if provider is not None and (not isinstance(provider, str) or len(provider) > MAX_PROVIDER_CHARS):
        raise InvalidField(
            f"`provider` must be a name of at most {MAX_PROVIDER_CHARS} characters.", param="provider"
        )
    return text, provider or None
