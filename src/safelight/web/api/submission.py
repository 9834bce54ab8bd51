"""Submits a generation request and builds the response, with headers for the daily limits."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from safelight.accounts import Principal
from safelight.core.errors import RequestBlocked, SafelightError
from safelight.videos.models import TERMINAL, Video
from safelight.videos.requests.request import CreateRequest
from safelight.web.auth import AppState
from safelight.web.errors import error_response
from safelight.web.responses import JsonResponse

from .shown_video import accepted_texts, show_video, translate_block

REPLAYED = "idempotent-replayed"
REFUSAL_BUDGET = "x-safelight-refusal-budget"


async def submit(state: AppState, request: Request, principal: Principal, asked: CreateRequest) -> Response:
    """Submit the request and return the response: the video or an error."""
    found = await create_video(state, request, principal, asked)
    if isinstance(found, Response):
        return found
    video, headers = found
    shown = await show_video(state, principal, video, accepted_texts(request))
    return JsonResponse(shown, headers={**headers, **poll_headers(state, video)})


async def create_video(
    state: AppState, request: Request, principal: Principal, asked: CreateRequest
) -> tuple[Video, dict[str, str]] | Response:
    """Submit the request. Returns the video with headers for the response, or the response with the error."""
    made: Video | RequestBlocked
    try:
        made = await state.threads.run(state.services.videos.create, principal, asked)
    except RequestBlocked as error:
        made = await translate_block(state, principal, error, accepted_texts(request))
    except SafelightError as error:
        response = error_response(error, request)
        response.headers.update(await rate_headers(state, principal))
        return response
    headers = {**await rate_headers(state, principal), **await budget_headers(state, made.generator)}
    if made.replayed:
        headers[REPLAYED] = "true"
    if isinstance(made, Video):
        return made, headers
    response = error_response(made, request)
    response.headers.update(headers)
    return response


async def rate_headers(state: AppState, principal: Principal) -> dict[str, str]:
    """Headers with the limit, the remainder and the reset time of the videos and seconds per day.

    Empty if the storage is unavailable.
    """
    try:
        found = await state.threads.run(state.services.videos.allowance, principal)
    except SafelightError:
        return {}
    headers: dict[str, str] = {}
    for what, limit, left in (
        ("requests", found.videos_per_day, found.videos_left),
        ("seconds", found.seconds_per_day, found.seconds_left),
    ):
        headers[f"x-ratelimit-limit-{what}"] = str(limit)
        headers[f"x-ratelimit-remaining-{what}"] = str(left)
        headers[f"x-ratelimit-reset-{what}"] = f"{found.reset_s:.0f}s"
    return headers


async def budget_headers(state: AppState, name: str) -> dict[str, str]:
    """The header that states that this generator has used half of its refusal budget, or all of it.

    Empty if it has no budget, or if the storage is unavailable.
    """
    generator = state.services.generators.get(name)
    if generator is None or generator.info().max_refusals_per_day is None:
        return {}
    try:
        counts = await state.threads.run(state.services.refusal_budgets)
    except SafelightError:
        return {}
    count = counts.get(name)
    return {REFUSAL_BUDGET: count.level} if count is not None and count.is_half_used else {}


def poll_headers(state: AppState, video: Video) -> dict[str, str]:
    """Until the video ends: the delay before the next poll."""
    if video.state in TERMINAL:
        return {}
    return {"openai-poll-after-ms": str(state.services.videos.poll_after_ms(video))}
