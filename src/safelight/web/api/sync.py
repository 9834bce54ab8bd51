"""`POST /v1/videos/sync`: a create whose response is the file itself, as in vLLM-Omni."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import anyio
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from safelight.accounts import Principal
from safelight.videos.models import TERMINAL, Video, VideoState
from safelight.videos.requests.field_problems import FieldProblems
from safelight.web.auth import AppState
from safelight.web.create_request import create_request, fill_prompt
from safelight.web.middleware import request_id
from safelight.web.request_body import read_body
from safelight.web.responses import BODY_ERRORS, JsonResponse, errors

from . import schemas
from .content import content_response
from .parameters import App, Writer
from .request_bodies import CREATE_BODY
from .shown_video import accepted_texts, show_video
from .submission import create_video

#: Header with the video's id, because the body is the file.
VIDEO_ID = "x-safelight-video-id"
_MIN_POLL_S, _MAX_POLL_S = 0.1, 1.0
_ERROR_STATUS = {"sentinel_block": 400, "moderation_blocked": 400, "timeout": 504}

router = APIRouter(
    prefix="/v1/videos",
    tags=["videos"],
    responses=errors(*BODY_ERRORS, 404, 409, 410, 429, 502, 504),
)


@router.post(
    "/sync",
    summary="Create a video and wait for its file",
    response_class=Response,
    responses={
        200: {"description": "The file", "content": {"video/mp4": {}}},
        202: {"model": schemas.Video, "description": "Held, or not ready in time: poll the video"},
    },
    openapi_extra={"requestBody": CREATE_BODY, "parameters": [schemas.IDEMPOTENCY]},
)
async def create_and_wait(request: Request, state: App, principal: Writer) -> Response:
    """Returns the delivered file, or 202 with the video if the video is held or takes too long.

    After a 202, poll the video as usual. The video is generated even if the client disconnects.
    """
    services = state.services
    async with read_body(request, services) as body:
        fields = dict(body.fields)
        template = await fill_prompt(state, principal, fields)
        asked = create_request(
            fields,
            body.uploads,
            max_prompt_chars=services.max_prompt_chars,
            idempotency_key=request.headers.get("idempotency-key"),
            problems=FieldProblems(),
        )
        asked = replace(asked, template=template)
        found = await create_video(state, request, principal, asked)
    if isinstance(found, Response):
        return found
    video, headers = found
    headers[VIDEO_ID] = video.id
    video = await _wait_until_settled(state, request, principal, video)
    response = await _build_response(state, request, principal, video)
    response.headers.update(headers)
    return response


async def _wait_until_settled(state: AppState, request: Request, principal: Principal, video: Video) -> Video:
    """Wait until the video ends or is held, but at most `sync_wait_s`; return the last state."""
    until = anyio.current_time() + state.services.sync_wait_s
    pause = _MIN_POLL_S
    while video.state not in TERMINAL and video.state is not VideoState.HELD:
        if anyio.current_time() >= until or await request.is_disconnected():
            break
        await anyio.sleep(pause)
        pause = min(pause * 1.3, _MAX_POLL_S)
        video = await state.threads.run(state.services.videos.get, principal, video.id)
    return video


async def _build_response(state: AppState, request: Request, principal: Principal, video: Video) -> Response:
    videos = state.services.videos
    if video.state in (VideoState.DELIVERED, VideoState.WITHDRAWN):
        content = await state.threads.run(videos.content, principal, video.id, "video")
        return content_response(request, content, video.id)
    shown = await show_video(state, principal, video, accepted_texts(request))
    if video.state in TERMINAL:
        return _failure(shown, request_id(request.scope))
    headers = {"openai-poll-after-ms": str(videos.poll_after_ms(video)), "location": f"/v1/videos/{video.id}"}
    return JsonResponse(shown, status_code=202, headers=headers)


def _failure(shown: dict[str, Any], request: str) -> Response:
    """The error response for a video that ended without a file. Clients must not retry it automatically."""
    error: dict[str, Any] = dict(shown["error"])
    blocked = error["code"] in ("sentinel_block", "moderation_blocked")
    envelope = {
        "message": error.pop("message"),
        "type": "video_generation_user_error" if blocked else "upstream_error",
        "param": None,
        "code": error.pop("code"),
        **error,
        "safelight": {"request_id": request, "video_id": shown["id"]},
    }
    return JsonResponse(
        {"error": envelope},
        status_code=_ERROR_STATUS.get(envelope["code"], 502),
        headers={"x-should-retry": "false"},
    )
