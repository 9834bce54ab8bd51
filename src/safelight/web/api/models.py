"""`GET /v1/models`: the models that requests can name, with their prices and the checks of their videos."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from safelight.accounts import Principal
from safelight.core.errors import NotFound
from safelight.providers.protocol import Derivation, Generator, GeneratorInfo
from safelight.web.auth import AppState
from safelight.web.responses import (
    COMMON_ERRORS,
    NOT_MODIFIED,
    describe_response,
    errors,
    list_object,
    revalidated_response,
)

from . import schemas
from .parameters import App, Reader

router = APIRouter(
    prefix="/v1/models",
    tags=["models"],
    responses=errors(*COMMON_ERRORS),
)


@router.get("", summary="List models", responses=describe_response(schemas.ModelPage) | NOT_MODIFIED)
async def list_models(request: Request, state: App, principal: Reader) -> Response:
    return revalidated_response(request, list_object(await _list_models(state, principal)))


@router.get(
    "/{model:path}",
    summary="Retrieve a model",
    responses=describe_response(schemas.Model) | NOT_MODIFIED | errors(404),
)
async def retrieve(request: Request, state: App, principal: Reader, model: str) -> Response:
    for found in await _list_models(state, principal):
        if found["id"] == model:
            return revalidated_response(request, found)
    raise NotFound(
        f"The model {model[:100]!r} does not exist. `GET /v1/models` lists all models.", param="model"
    )


async def _list_models(state: AppState, principal: Principal) -> list[dict[str, Any]]:
    services = state.services
    demanded = await state.threads.run(services.demands_template, principal.tenant)
    checked = group_cells_by_status(await state.threads.run(services.videos.coverage))
    budgets = await state.threads.run(services.refusal_budgets)
    offers = [(name, each, each.info()) for name, each in services.generators.items()]
    found: dict[str, dict[str, Any]] = {}
    # If two generators offer a model of the same name, requests go to the first generator. A model comes
    # before an alias of another generator.
    for names in ("models", "aliases"):
        for name, generator, offer in offers:
            budget = budgets[name].level if name in budgets else None
            for model in getattr(offer, names):
                found.setdefault(model, model_object(model, generator, offer, checked, budget))
                found[model]["safelight"]["template_required"] = demanded
    return list(found.values())


def model_object(
    model: str,
    generator: Generator,
    offer: GeneratorInfo,
    checked: dict[str, list[str]],
    refusal_budget: str | None,
) -> dict[str, Any]:
    """A model in OpenAI's format. The creation time is unknown, so `created` is 0."""
    return {
        "id": model,
        "object": "model",
        "created": 0,
        "owned_by": generator.name,
        "safelight": {
            "generator": generator.name,
            "alias_of": offer.aliases.get(model),
            "billing": generator.billing.value,
            "seconds": list(offer.seconds),
            "max_extended_s": offer.longest_s,
            "sizes": [f"{width}x{height}" for width, height in offer.sizes],
            "usd_per_second": offer.usd_per_second,
            "operations": {
                "reference": offer.takes_reference,
                **{step.value: offer.supports(step) for step in Derivation},
                "uploaded_clips": offer.takes_clips,
                "characters": offer.takes_characters,
            },
            "fields": sorted(offer.extra_fields),
            "safety_settings": dict(offer.safety_settings),
            "refusal_budget": refusal_budget,
            "checks": checked,
        },
    }


def group_cells_by_status(coverage: dict[str, Any]) -> dict[str, list[str]]:
    """The coverage table grouped by status: for each status, its cells, such as `sexual (frames)`."""
    grouped: dict[str, list[str]] = {}
    for cell in coverage["cells"]:
        grouped.setdefault(cell["status"], []).append(f"{cell['category']} ({cell['modality']})")
    return {status: sorted(cells) for status, cells in grouped.items()}
