"""The routes of `/v1/videos`."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Mapping
from dataclasses import replace
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Header, Query
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from safelight.accounts import Principal
from safelight.core.errors import InvalidField, ModerationBlocked, NotFound, UnsupportedField
from safelight.videos.models import TERMINAL, Video, VideoRecord, VideoState
from safelight.videos.requests.admission import AdmissionLimits, admit
from safelight.videos.requests.field_corrections import describe_fields
from safelight.videos.requests.field_problems import FieldProblems
from safelight.videos.requests.request import CreateRequest
from safelight.web.audit_entries import hide_staff, is_reviewer
from safelight.web.auth import AppState
from safelight.web.create_request import create_request, fill_prompt, read_retry_terms
from safelight.web.request_body import Body, read_body
from safelight.web.responses import (
    BODY_ERRORS,
    COMMON_ERRORS,
    NOT_MODIFIED,
    JsonResponse,
    deleted_object,
    describe_response,
    errors,
    page_object,
    revalidated_response,
)
from safelight.web.video_facts import position, valid_video_id

from . import schemas
from .content import content_response
from .parameters import App, Reader, Writer
from .record import record_object
from .request_bodies import CREATE_BODY
from .shown_video import accepted_texts, show_video, translate_video
from .sse import event_poller, event_stream
from .submission import budget_headers, poll_headers, submit

_CONTENT: dict[int | str, dict[str, Any]] = {
    200: {"description": "The file", "content": {"video/mp4": {}, "image/webp": {}}},
    206: {
        "description": "The requested range of the file",
        "content": {"video/mp4": {}, "image/webp": {}},
    },
    **NOT_MODIFIED,
}
_EVENTS: dict[int | str, dict[str, Any]] = {
    200: {"description": "The stream; each event's data is a Video", "content": {"text/event-stream": {}}},
    204: {"description": "No further events: the client has already received the last one"},
}

_POSITION = re.compile(r"[0-9]{1,18}")

router = APIRouter(prefix="/v1/videos", tags=["videos"], responses=errors(*COMMON_ERRORS))


@router.post(
    "",
    summary="Create a video",
    responses=describe_response(schemas.Video, *BODY_ERRORS, 404, 409, 410, 429),
    openapi_extra={"requestBody": CREATE_BODY, "parameters": [schemas.IDEMPOTENCY]},
)
async def create(request: Request, state: App, principal: Writer) -> Response:
    services = state.services
    async with read_body(request, services) as body:
        asked = await _read_create(state, principal, body, request.headers.get("idempotency-key"))
        return await submit(state, request, principal, asked)


@router.post("/generations", include_in_schema=False)
async def refuse_generation(request: Request, state: App, principal: Writer) -> Response:
    """Refuses a create at the address that other servers have: names the right one, and wrong fields."""
    services = state.services
    error = NotFound("This address does not exist: send the request to POST /v1/videos.")
    async with read_body(request, services) as body:
        try:
            asked = await _read_create(state, principal, body)
            await state.threads.run(
                admit,
                asked,
                services.generators,
                default=next(iter(services.generators)),
                limits=AdmissionLimits(max_prompt_characters=services.max_prompt_chars),
            )
            error.corrected_request = describe_fields(asked)
        except (InvalidField, UnsupportedField) as problem:
            error.remedy = str(problem)
            error.corrected_request, error.left_out = problem.corrected_request, problem.left_out
    raise error


@router.get(
    "",
    summary="List videos",
    responses=describe_response(schemas.VideoPage) | NOT_MODIFIED | errors(404),
)
async def list_videos(
    request: Request,
    state: App,
    principal: Reader,
    after: Annotated[str | None, Query(description="List the videos after this id.")] = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
    order: Literal["asc", "desc"] = "desc",
) -> Response:
    page = await state.threads.run(
        state.services.videos.list, principal, after=after, limit=limit, order=order
    )
    t = accepted_texts(request)
    data = [await show_video(state, principal, video, t) for video in page.items]
    return revalidated_response(request, page_object(data, has_more=page.has_more))


@router.get(
    "/{video_id}",
    summary="Retrieve a video",
    responses=describe_response(schemas.Video) | NOT_MODIFIED | errors(404),
)
async def retrieve(request: Request, state: App, principal: Reader, video_id: str) -> Response:
    video, record = await state.threads.run(_read_video, state, principal, valid_video_id(video_id))
    headers = poll_headers(state, video)
    if video.error_code == ModerationBlocked.code:
        headers |= await budget_headers(state, video.generator)
    shown = await show_video(state, principal, video, accepted_texts(request), record)
    return revalidated_response(request, shown, headers)


@router.delete(
    "/{video_id}",
    summary="Delete a video",
    responses=describe_response(schemas.VideoDeleted, 404, 409),
)
async def delete(state: App, principal: Writer, video_id: str) -> Response:
    await state.threads.run(state.services.videos.delete, principal, valid_video_id(video_id))
    return JsonResponse(deleted_object(video_id, "video"))


@router.post(
    "/{video_id}/scan",
    summary="Scan the kept clip of a failed video again",
    responses=describe_response(schemas.Video, 404, 409),
)
async def scan_again(request: Request, state: App, principal: Writer, video_id: str) -> Response:
    """The answer is a new video that names the failed one. Nothing is sent to a generator."""
    video = await state.threads.run(state.services.videos.scan_again, principal, valid_video_id(video_id))
    return JsonResponse(await show_video(state, principal, video, accepted_texts(request)))


@router.head("/{video_id}/content", include_in_schema=False)
@router.get(
    "/{video_id}/content",
    summary="Download a delivered video",
    response_class=Response,
    responses={**_CONTENT, **errors(404, 410, 416)},
)
async def content(
    request: Request,
    state: App,
    principal: Reader,
    video_id: str,
    variant: Literal["video", "thumbnail", "spritesheet"] = "video",
) -> Response:
    found = await state.threads.run(
        state.services.videos.content, principal, valid_video_id(video_id), variant
    )
    name = video_id if variant == "video" else f"{video_id}-{variant}"
    return content_response(request, found, name)


@router.get(
    "/{video_id}/events",
    summary="Follow a video (server-sent events)",
    response_class=Response,
    responses={**_EVENTS, **errors(404)},
)
async def events(
    request: Request,
    state: App,
    principal: Reader,
    video_id: str,
    last_event_id: Annotated[str | None, Header()] = None,
) -> Response:
    video = await state.threads.run(state.services.videos.get, principal, valid_video_id(video_id))
    seen = int(last_event_id) if last_event_id and _POSITION.fullmatch(last_event_id) else None
    if video.state in TERMINAL and seen == position(video):
        # 204 makes an EventSource stop reconnecting.
        return Response(status_code=204)

    def show(changed: Video) -> Awaitable[dict[str, Any]]:
        return show_video(state, principal, changed, accepted_texts(request))

    return StreamingResponse(
        event_stream(event_poller(request), principal, video, seen, show),
        media_type="text/event-stream",
        headers={"cache-control": "no-store", "x-accel-buffering": "no"},
    )


@router.get(
    "/{video_id}/record",
    summary="Retrieve the full record of a video",
    responses=describe_response(schemas.VideoRecord) | NOT_MODIFIED | errors(404),
)
async def record(request: Request, state: App, principal: Reader, video_id: str) -> Response:
    found = await state.threads.run(state.services.videos.record, principal, valid_video_id(video_id))
    shown = record_object(
        hide_staff(found, principal), state.services.taxonomy, for_reviewer=is_reviewer(principal)
    )
    shown["video"] = translate_video(
        shown["video"], found.video, found, state.services.taxonomy, accepted_texts(request)
    )
    return revalidated_response(request, shown)


async def _read_create(
    state: AppState, principal: Principal, body: Body, idempotency_key: str | None = None
) -> CreateRequest:
    """The request; wrong fields are collected in its `problems`."""
    longest = state.services.max_prompt_chars
    fields, problems, retry = dict(body.fields), FieldProblems(), None
    template = await fill_prompt(state, principal, fields)
    with problems.collected():
        # In a thread: it compares two long texts.
        retry = await state.threads.run(
            read_retry_terms, fields.get("safelight"), fields.get("prompt"), max_prompt_chars=longest
        )
    if isinstance(fields.get("safelight"), Mapping):
        fields["safelight"] = {"use": fields["safelight"].get("use")}
    asked = create_request(
        fields, body.uploads, max_prompt_chars=longest, idempotency_key=idempotency_key, problems=problems
    )
    return replace(asked, retry=retry, template=template)


def _read_video(state: AppState, principal: Principal, video_id: str) -> tuple[Video, VideoRecord | None]:
    """The video, and its record only if the row has no summary of the outcome.

    Thanks to the summary, one poll is one small read.
    """
    video = state.services.videos.get(principal, video_id)
    if video.outcome_summary is None and (video.state in TERMINAL or video.state is VideoState.HELD):
        return video, state.services.videos.record(principal, video_id)
    return video, None
