"""`POST /v1/videos/check`: the verdict that `POST /v1/videos` would give for the same body.

Pictures and short clips are screened while the client waits; without a result in time, the verdict is
`undecided`.
Nothing is submitted to a generator, and no quota is used.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from safelight.core.errors import InvalidField, NotFound
from safelight.policy.findings import Modality, Taxonomy
from safelight.providers.advice.check_result import CheckResult, Price
from safelight.providers.advice.prompt_advice import AdviceOptions
from safelight.videos.requests.field_problems import FieldProblems
from safelight.videos.requests.request import AdmittedRequest
from safelight.videos.summary import coverage_words
from safelight.web.create_request import create_request, fill_prompt
from safelight.web.explained_check import explain_check, summarize
from safelight.web.request_body import read_body
from safelight.web.responses import BODY_ERRORS, JsonResponse, describe_response, errors
from safelight.web.translations import Translations

from . import schemas
from .parameters import App, Checker
from .request_bodies import CREATE_BODY
from .shown_video import accepted_texts

MAX_PROVIDER_CHARS = 100

router = APIRouter(
    prefix="/v1/videos",
    tags=["checks"],
    responses=errors(*BODY_ERRORS, 404, 409, 410, 429),
)


@router.post(
    "/check",
    summary="Check a request without submitting it",
    responses=describe_response(schemas.VideoCheck),
    openapi_extra={"requestBody": CREATE_BODY},
)
async def check(request: Request, state: App, principal: Checker) -> Response:
    """Takes the body of `POST /v1/videos` and `provider`: the provider whose documented rules apply."""
    services = state.services
    if services.checks is None:
        raise NotFound("This server does not offer `POST /v1/videos/check`.")
    async with read_body(request, services) as body:
        fields = dict(body.fields)
        template = await fill_prompt(state, principal, fields)
        provider, problems = "", FieldProblems()
        with problems.collected():
            provider = read_provider(fields.pop("provider", None))
        wanted = create_request(
            fields, body.uploads, max_prompt_chars=services.max_prompt_chars, problems=problems
        )
        found, admitted, price = await state.check_threads.run(
            services.checks.check,
            principal,
            replace(wanted, template=template),
            options=AdviceOptions(provider=provider),
            # The response has no provider risk.
            estimates_risk=False,
        )
    shown = check_object(found, admitted, price, services.taxonomy, accepted_texts(request))
    return JsonResponse(shown, headers={"cache-control": "no-store"})


def read_provider(value: Any) -> str:
    if value is None or value == "":
        return ""
    if not isinstance(value, str) or len(value) > MAX_PROVIDER_CHARS:
        raise InvalidField(
            f"`provider` must be the name of a provider or model, at most {MAX_PROVIDER_CHARS} characters.",
            param="provider",
        )
    return value.strip()


def check_object(
    found: CheckResult, admitted: AdmittedRequest, price: Price, taxonomy: Taxonomy, t: Translations
) -> dict[str, Any]:
    """The response: the verdict and its explanation, the checklist and the provider's rules."""
    summary = found.summary
    if not t.is_stored:
        found = explain_check(found, taxonomy, t)
        summary = summarize(found, t)
    return {
        "object": "video.check",
        "verdict": found.verdict,
        "outcome": found.outcome,
        "summary": summary,
        "answer": found.prompt_advice.answer.value,
        "moderation_details": found.explanation.as_wire(),
        "coverage": coverage_words(found.coverage),
        "depth": {
            cell.category: cell.depth.value
            for cell in found.coverage
            if cell.modality is Modality.TEXT and cell.depth
        },
        "not_checked": list(found.not_checked),
        "scan_seconds": {
            name: round(seconds, 1) for name, seconds in found.not_checked.items() if seconds is not None
        },
        "template_required": found.template_required,
        "checklist": [item.as_wire() for item in found.checklist],
        "provider": found.advice.as_wire() if found.advice is not None else None,
        "model": admitted.model,
        "generator": admitted.generator,
        "seconds": str(admitted.seconds),
        "size": f"{admitted.width}x{admitted.height}",
        "price": price.as_wire(),
        "spent": {"usd": 0.0, "checks": 1},
    }
