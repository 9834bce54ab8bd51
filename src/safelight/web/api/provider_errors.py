"""`POST /v1/provider-errors/explain`: the meaning of a provider's error. Nothing is stored."""

from __future__ import annotations

from functools import partial
from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from safelight.core.errors import InvalidField, NotFound, TooLarge, UnsupportedField
from safelight.providers.attempts.gate import explanation_object
from safelight.providers.provider_errors import decode as explain_error
from safelight.web.refused_prompts import explain_refused_prompt
from safelight.web.request_body import read_body
from safelight.web.responses import BODY_ERRORS, JsonResponse, describe_response, errors

from . import schemas
from .advice_checks import MAX_LANGUAGE_CHARS, read_language
from .parameters import App, Checker
from .request_bodies import describe_body

#: Maximum number of characters of the text. Callers must shorten longer logs.
MAX_TEXT_CHARS = 4_000_000
MAX_PROVIDER_CHARS = 100


router = APIRouter(
    prefix="/v1/provider-errors",
    tags=["checks"],
    responses=errors(*BODY_ERRORS, 429),
)


@router.post(
    "/explain",
    summary="Explain a provider's error",
    responses=describe_response(schemas.ProviderErrorExplanation),
    openapi_extra=describe_body(
        "provider_error",
        MAX_TEXT=MAX_TEXT_CHARS,
        MAX_PROVIDER=MAX_PROVIDER_CHARS,
        MAX_LANGUAGE=MAX_LANGUAGE_CHARS,
    ),
)
async def explain(request: Request, state: App, principal: Checker) -> Response:
    """Explains which service refused, at which stage, for which category, the charge, and the next step.

    With `prompt`: also the likely words, what to send next, and its price. The prompt is checked, and a
    changed prompt too, which counts as another check.
    """
    services = state.services
    async with read_body(request, services) as body:
        text, provider, prompt = _read(body.fields)
        locale = read_language(body.fields.get("language"), request)
        if prompt and services.checks is None:
            raise NotFound("This server does not check prompts.")
        if not prompt and services.spend is not None:
            await state.threads.run(services.spend, principal)
        explained = await state.threads.run(explain_error, text, provider=provider)
        about = None
        if prompt and services.checks is not None:
            asked = partial(explain_refused_prompt, services, services.checks, principal, explained)
            about = await state.check_threads.run(asked, prompt, provider=provider or "")
    answer = explanation_object(explained, text, locale)
    answer["prompt"] = about.as_wire(locale) if about else None
    return JsonResponse(answer, headers={"cache-control": "no-store"})


def _read(fields: dict[str, Any]) -> tuple[str, str | None, str]:
    """Text, provider and prompt; the prompt is empty if none is given."""
    for name in fields:
        if name not in ("text", "provider", "prompt", "language"):
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
    prompt = fields.get("prompt")
    if prompt is not None and (not isinstance(prompt, str) or not prompt.strip()):
        raise InvalidField("`prompt` must be the prompt that was refused, as text.", param="prompt")
    return text, provider or None, prompt or ""
