"""Routes for characters, and routes that make a video from another one: remix, edit, extension."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from safelight.accounts import Principal
from safelight.core.errors import InvalidField, UnsupportedField
from safelight.providers.protocol import Derivation
from safelight.videos.models import Character
from safelight.videos.requests.admission import SOURCE_FIELD
from safelight.videos.requests.field_problems import FieldProblems
from safelight.videos.requests.request import CreateRequest
from safelight.web.auth import app_state
from safelight.web.create_request import create_request
from safelight.web.request_body import Body, read_body
from safelight.web.responses import BODY_ERRORS, COMMON_ERRORS, JsonResponse, describe_response, errors
from safelight.web.services import Services

from . import schemas
from .parameters import App, Reader, Writer
from .request_bodies import describe_video_body
from .submission import rate_headers, submit

_VIDEO = describe_response(schemas.Video, *BODY_ERRORS, 404, 409, 410, 429)
#: Maximum number of characters in the name of a `Character`.
MAX_NAME_CHARS = 80

router = APIRouter(prefix="/v1/videos", tags=["videos"], responses=errors(*COMMON_ERRORS))


@router.post(
    "/edits",
    summary="Edit a video",
    responses=_VIDEO,
    openapi_extra={"requestBody": describe_video_body("edit"), "parameters": [schemas.IDEMPOTENCY]},
)
async def edit(request: Request, principal: Writer) -> Response:
    return await _submit_derivative(request, principal, Derivation.EDIT)


@router.post(
    "/extensions",
    summary="Extend a video",
    responses=_VIDEO,
    openapi_extra={"requestBody": describe_video_body("extend"), "parameters": [schemas.IDEMPOTENCY]},
)
async def extend(request: Request, principal: Writer) -> Response:
    return await _submit_derivative(request, principal, Derivation.EXTEND)


@router.post(
    "/{video_id}/remix",
    summary="Remix a video",
    responses=_VIDEO,
    openapi_extra={"requestBody": describe_video_body("remix"), "parameters": [schemas.IDEMPOTENCY]},
)
async def remix(request: Request, principal: Writer, video_id: str) -> Response:
    return await _submit_derivative(request, principal, Derivation.REMIX, video_id)


@router.post(
    "/characters",
    summary="Store a character",
    responses=describe_response(schemas.Character, *BODY_ERRORS, 429),
    openapi_extra={"requestBody": describe_video_body("character")},
)
async def create_character(request: Request, state: App, principal: Writer) -> Response:
    async with read_body(request, state.services) as body:
        clips = [upload for upload in body.uploads if upload.field == SOURCE_FIELD]
        if len(clips) != 1 or len(body.uploads) != 1:
            raise InvalidField("Send exactly one file: the clip, in the field `video`.", param=SOURCE_FIELD)
        known = {"name", "safety_identifier"}
        for field in body.fields:
            if field not in known:
                raise UnsupportedField(f"The field {field[:100]!r} is not supported here.", param=field[:100])
        # The name is validated like a prompt.
        identifier = {"safety_identifier": body.fields.get("safety_identifier")}
        try:
            asked = create_request(
                {**identifier, "prompt": body.fields.get("name")}, max_prompt_chars=MAX_NAME_CHARS
            )
        except InvalidField as error:
            wrong = "name" if error.param == "prompt" else error.param
            raise InvalidField(error.message.replace("prompt", "name"), param=wrong) from None
        character = await state.threads.run(
            state.services.videos.create_character,
            principal,
            name=asked.prompt,
            clip=clips[0].path,
            end_user=asked.safety_identifier,
        )
    return JsonResponse(character_object(character), headers=await rate_headers(state, principal))


@router.get(
    "/characters/{character_id}",
    summary="Retrieve a character",
    responses=describe_response(schemas.Character, 404),
)
async def character(state: App, principal: Reader, character_id: str) -> Response:
    found = await state.threads.run(state.services.videos.character, principal, character_id)
    return JsonResponse(character_object(found))


def character_object(character: Character) -> dict[str, Any]:
    """A character in OpenAI's format. `safelight.state` shows whether requests may use the character."""
    return {
        "id": character.id,
        "object": "video.character",
        "created_at": int(character.created_at),
        "name": character.name,
        "safelight": {"state": character.state.value},
    }


async def _submit_derivative(
    request: Request, principal: Principal, step: Derivation, source: str | None = None
) -> Response:
    state = app_state(request)
    async with read_body(request, state.services) as body:
        asked = _read_derivative_request(request, state.services, body, step, source)
        return await submit(state, request, principal, asked)


def _read_derivative_request(
    request: Request, services: Services, body: Body, step: Derivation, source: str | None
) -> CreateRequest:
    fields, problems = dict(body.fields), FieldProblems()
    if step is not Derivation.REMIX:
        source = None
        with problems.collected():
            source = _read_source_id(fields.pop(SOURCE_FIELD, None))
        uploaded = any(upload.field == SOURCE_FIELD for upload in body.uploads)
        if uploaded == (source is not None):
            problems.add(
                InvalidField(
                    "Send either a clip or the id of a video of this gateway, not both.", param=SOURCE_FIELD
                )
            )
    asked = create_request(
        fields,
        body.uploads,
        max_prompt_chars=services.max_prompt_chars,
        idempotency_key=request.headers.get("idempotency-key"),
        problems=problems,
    )
    return replace(asked, step=step, source=source)


def _read_source_id(given: Any) -> str | None:
    """The video id in the field `video`: `{"id": ...}`, as the SDKs send it, or the id alone."""
    if given is None or given == "":
        return None
    found = given.get("id") if isinstance(given, dict) and given.keys() == {"id"} else given
    if not isinstance(found, str):
        raise InvalidField('`video` must be {"id": "video_..."}.', param=SOURCE_FIELD)
    return found
