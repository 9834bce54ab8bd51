"""Routes about the server: coverage, health, readiness."""

from __future__ import annotations

from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import Response

from safelight.accounts import KeyScope
from safelight.core.errors import NotFound
from safelight.web.auth import no_account, requires
from safelight.web.responses import (
    COMMON_ERRORS,
    NOT_MODIFIED,
    JsonResponse,
    describe_response,
    errors,
    revalidated_response,
)

from . import schemas
from .parameters import App

router = APIRouter(tags=["system"])


@router.get(
    "/v1/coverage",
    summary="List what is checked and by which detector, and what is not checked",
    dependencies=[Depends(requires(any_of=(KeyScope.VIDEOS_READ, KeyScope.AUDIT)))],
    responses=describe_response(schemas.CoverageTable) | NOT_MODIFIED | errors(*COMMON_ERRORS),
)
async def coverage(request: Request, state: App) -> Response:
    return revalidated_response(request, await state.threads.run(state.services.videos.coverage))


@router.get(
    "/healthz",
    summary="Check that the process responds",
    dependencies=[Depends(no_account)],
    responses=describe_response(schemas.Health),
)
async def healthz(state: App) -> Response:
    return JsonResponse({"status": "ok", "version": state.services.version})


@router.get(
    "/readyz",
    summary="Check that the server can process videos",
    dependencies=[Depends(no_account)],
    responses={
        200: {"model": schemas.Readiness},
        503: {"model": schemas.Readiness, "description": "The server cannot process videos now"},
    },
)
async def readyz(state: App) -> Response:
    """The response names the parts that do not work; the reasons only on a loopback address."""
    found = await state.readiness_threads.run(state.services.readiness)
    ready = bool(found.get("ready"))
    return JsonResponse(
        found if state.services.loopback else {"ready": ready, "unready": found.get("unready", [])},
        status_code=200 if ready else 503,
    )


@router.get(
    "/.well-known/safelight-redteam.txt",
    summary="Read the token by which the operator agrees to a red team",
    dependencies=[Depends(no_account)],
    response_class=Response,
    responses={200: {"description": "The token", "content": {"text/plain": {}}}, **errors(404)},
)
async def redteam_challenge(state: App) -> Response:
    """404 unless `server.redteam_challenge` is set."""
    token = state.services.redteam_challenge
    if token is None:
        raise NotFound("This server agrees to no red team.")
    return Response(f"{token}\n", media_type="text/plain")
