"""`POST /v1/content_provenance_checks` in OpenAI's format, also for video."""

from __future__ import annotations

import time
from typing import Any

import msgspec
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from safelight.core.errors import InvalidField, UnsupportedField
from safelight.provenance.models import ManifestState, Verification
from safelight.provenance.recovery.public_answer import describe_answer, describe_evidence
from safelight.videos.registry import ProvenanceCheck
from safelight.web.request_body import Body, optional_text, read_body
from safelight.web.responses import BODY_ERRORS, JsonResponse, describe_response, errors

from . import provenance_schemas as schemas
from .parameters import App, Checker
from .request_bodies import read_schema

_FILE, _ID = "file", "video_id"
_CONTENT = {
    "multipart/form-data": {"schema": read_schema("content_provenance_form")},
    "application/json": {"schema": read_schema("content_provenance_json")},
}

router = APIRouter(prefix="/v1", tags=["checks"], responses=errors(*BODY_ERRORS, 404, 429))


@router.post(
    "/content_provenance_checks",
    summary="Check the origin of a video or an image",
    responses=describe_response(schemas.ContentProvenanceCheck),
    openapi_extra={"requestBody": {"required": True, "content": _CONTENT}},
)
async def check_content_provenance(request: Request, state: App, principal: Checker) -> Response:
    """Whether a file, or an id of a video, comes from this installation. Nothing of the file is stored."""
    door = state.provenance
    door.admit_key()
    async with read_body(request, state.services) as body:
        if state.services.spend is not None:
            await state.threads.run(state.services.spend, principal)
        video_id = _read(body)
        if video_id is not None:
            found = await door.check_id(video_id, tenant=principal.tenant)
        else:
            found = await door.check_upload(body.uploads[0].path, stranger=False)
    outcome = await door.outcome(found, tenant=principal.tenant)
    return JsonResponse(provenance_object(found, outcome), headers={"cache-control": "no-store"})


def provenance_object(found: ProvenanceCheck, outcome: str | None) -> dict[str, Any]:
    """The check in OpenAI's format. `safelight` has the answer of this installation."""
    public = found.public
    return {
        "object": "content_provenance_check",
        "created_at": int(time.time()),
        "results": [] if found.verification is None else [_manifest_result(found.verification)],
        "safelight": {
            **msgspec.to_builtins(public),
            "outcome": outcome,
            "issuer": found.issuer,
            "summary": describe_answer(public, found.issuer),
            "evidence": [msgspec.to_builtins(describe_evidence(public))],
        },
    }


def _manifest_result(verification: Verification) -> dict[str, Any]:
    manifest = verification.reading
    is_present = verification.state not in (ManifestState.ABSENT, ManifestState.UNREADABLE)
    return {
        "type": "c2pa",
        "outcome": "detected" if is_present else "not_detected",
        "validation_state": verification.state.value if is_present else "not_present",
        "issuer": manifest.issuer or None,
        "model": manifest.made_with or None,
        "generated_at": manifest.generated_at or None,
    }


def _read(body: Body) -> str | None:
    """The id to check; None if a file was sent."""
    for name in body.fields:
        if name != _ID:
            raise UnsupportedField(f"The field {name[:100]!r} is not supported.", param=name[:100])
    video_id = optional_text(body.fields, _ID)
    files = [upload for upload in body.uploads if upload.field == _FILE and upload.path.stat().st_size]
    if len(files) != len(body.uploads) or (video_id is None) == (not files) or len(files) > 1:
        raise InvalidField(f"Send one file in `{_FILE}`, or an id in `{_ID}`.", param=_FILE)
    return video_id
