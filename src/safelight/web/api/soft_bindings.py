"""C2PA's Soft Binding Resolution API: manifests for copies that have lost theirs."""

from __future__ import annotations

from dataclasses import replace

from fastapi import APIRouter, Depends
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response

from safelight.core.errors import NotFound
from safelight.provenance.seal import FINGERPRINT_ALGORITHM, WATERMARK_ALGORITHM
from safelight.provenance.soft_bindings import SoftBindings
from safelight.web.auth import AppState, no_account
from safelight.web.provenance import MAX_STRANGERS_FILE_BYTES
from safelight.web.request_body import read_body, read_file, required_text
from safelight.web.responses import BODY_ERRORS, JsonResponse, describe_response, errors

from .parameters import App
from .request_bodies import describe_body, read_schema

#: Where the API is, for the entry in C2PA's list of algorithms.
PREFIX = "/v1/c2pa"
_MEDIA_TYPE = "application/c2pa"
#: The body of a look-up: a name and the value of one binding.
_MAX_BINDING_BYTES = 4096

_FILE = {"schema": read_schema("file")}
_CONTENT = {
    **dict.fromkeys(("video/*", "image/*", "application/octet-stream"), _FILE),
    "multipart/form-data": {"schema": read_schema("file_form")},
}
router = APIRouter(
    prefix=PREFIX, tags=["checks"], dependencies=[Depends(no_account)], responses=errors(*BODY_ERRORS)
)


class SoftBindingMatch(BaseModel):
    manifestId: str  # noqa: N815 - the name in C2PA's API


class SoftBindingMatches(BaseModel):
    matches: list[SoftBindingMatch]


class SoftBindingAlgorithm(BaseModel):
    alg: str


class SoftBindingAlgorithms(BaseModel):
    watermarks: list[SoftBindingAlgorithm]
    fingerprints: list[SoftBindingAlgorithm]


@router.get(
    "/services/supportedAlgorithms",
    summary="List the soft bindings that can be resolved",
    responses=describe_response(SoftBindingAlgorithms),
)
async def list_algorithms() -> Response:
    return JsonResponse(
        {"watermarks": [{"alg": WATERMARK_ALGORITHM}], "fingerprints": [{"alg": FINGERPRINT_ALGORITHM}]}
    )


@router.get(
    "/matches/byBinding",
    summary="Find manifests by a soft binding",
    responses=describe_response(SoftBindingMatches),
)
async def find_by_binding(state: App, alg: str, value: str) -> Response:
    """The identifiers of the manifests that name this watermark. Nothing is searched in pictures."""
    return await _find(state, alg, value)


@router.post(
    "/matches/byBinding",
    summary="Find manifests by a soft binding in the body",
    responses=describe_response(SoftBindingMatches),
    openapi_extra=describe_body("soft_binding"),
)
async def find_by_binding_in_body(request: Request, state: App) -> Response:
    """The same as `GET`."""
    async with read_body(request, replace(state.services, max_body_bytes=_MAX_BINDING_BYTES)) as body:
        alg, value = required_text(body.fields, "alg"), required_text(body.fields, "value")
    return await _find(state, alg, value)


@router.post(
    "/matches/byContent",
    summary="Find manifests by a video or an image",
    responses=describe_response(SoftBindingMatches, 429),
    openapi_extra={"requestBody": {"required": True, "content": _CONTENT}},
)
async def find_by_content(request: Request, state: App, alg: str = WATERMARK_ALGORITHM) -> Response:
    """The identifier of the manifest of the delivered file that this one is, or was made from.

    The limits of checks without an account hold, and nothing of the file is stored.
    """
    bindings = _bindings(state)
    bindings.require_known(alg)
    state.provenance.admit_stranger(request.client.host if request.client else "")
    max_bytes = min(state.services.max_body_bytes, MAX_STRANGERS_FILE_BYTES)
    async with read_file(request, replace(state.services, max_body_bytes=max_bytes)) as path:
        check = await state.provenance.check_upload(path, stranger=True)
    found = await state.threads.run(bindings.find_for, check.seal)
    return _matches(found)


@router.get(
    "/manifests/{manifest_id}",
    summary="Retrieve a manifest store",
    response_class=Response,
    responses={200: {"content": {_MEDIA_TYPE: {}}}, **errors(404)},
)
async def retrieve_manifest(state: App, manifest_id: str) -> Response:
    """The manifest store of a delivered file, for `Reader` of a C2PA library and the file itself."""
    manifest = await state.threads.run(_bindings(state).manifest, manifest_id)
    return Response(manifest, media_type=_MEDIA_TYPE, headers={"x-content-type-options": "nosniff"})


async def _find(state: AppState, alg: str, value: str) -> Response:
    found = await state.threads.run(_bindings(state).find, alg, value)
    return _matches(found)


def _matches(found: tuple[str, ...]) -> Response:
    return JsonResponse({"matches": [{"manifestId": one} for one in found]})


def _bindings(state: AppState) -> SoftBindings:
    if state.services.soft_bindings is None:
        raise NotFound("This server does not resolve soft bindings.")
    return state.services.soft_bindings
