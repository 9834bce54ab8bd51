"""`GET /v1/models`: what can be ordered here, what it costs, and what is checked."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from safelight.errors import NotFound
from safelight.generation.protocol import Derivation, Generator, GeneratorInfo
from safelight.trust.accounts import KeyScope, Principal
from safelight.web.auth import requires
from safelight.web.error_responses import COMMON_ERRORS, errors
from safelight.web.state import AppState, app_state

from . import schemas

Reader = Annotated[Principal, Depends(requires(KeyScope.VIDEOS_READ))]

router = APIRouter(
    prefix="/v1/models",
    tags=["models"],
    responses=errors(*COMMON_ERRORS),
)


@router.get("", summary="List models", responses={200: {"model": schemas.ModelPage}})
async def list_models(request: Request, _: Reader) -> Response:
    return JSONResponse({"object": "list", "data": await _models(app_state(request))})


@router.get(
    "/{model:path}", summary="Look at a model", responses={200: {"model": schemas.Model}, **errors(404)}
)
async def retrieve(request: Request, _: Reader, model: str) -> Response:
    for found in await _models(app_state(request)):
        if found["id"] == model:
            return JSONResponse(found)
    raise NotFound(f"There is no model {model[:100]!r} here.", param="model")


async def _models(state: AppState) -> list[dict[str, Any]]:
    services = state.services
    checked = checks(await state.threads.run(services.videos.coverage))
    found: dict[str, dict[str, Any]] = {}
    for generator in services.generators.values():
        offer = generator.info()
        for model in offer.models:
            # Two generators may have one name for a model: an order goes to the first.
            found.setdefault(model, model_object(model, generator, offer, checked))
    return list(found.values())


def model_object(
    model: str, generator: Generator, offer: GeneratorInfo, checked: dict[str, list[str]]
) -> dict[str, Any]:
    """A model as OpenAI's SDKs know it; when it was made is not known, so `created` is 0."""
    return {
        "id": model,
        "object": "model",
        "created": 0,
        "owned_by": generator.name,
        "safelight": {
            "generator": generator.name,
            "billing": generator.ownership.value,
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
            "checks": checked,
        },
    }


def checks(coverage: dict[str, Any]) -> dict[str, list[str]]:
    """What is checked of every video, by word, each with cells such as `sexual (frames)`."""
    told: dict[str, list[str]] = {}
    for cell in coverage["cells"]:
        told.setdefault(cell["status"], []).append(f"{cell['category']} ({cell['modality']})")
    return {word: sorted(cells) for word, cells in told.items()}
