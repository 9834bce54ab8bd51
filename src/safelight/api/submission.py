"""Submits a generation request and builds the response, with headers for the daily limits."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from safelight.errors import SafelightError
from safelight.jobs.models import TERMINAL, SubmissionResult, Video
from safelight.moderation.request import CreateRequest
from safelight.trust.accounts import Principal
from safelight.web.auth import AppState
from safelight.web.errors import error_response
from safelight.web.middleware import request_id
from safelight.web.responses import JsonResponse

from .serializers import video_object

REPLAYED = "idempotent-replayed"
REFUSAL_BUDGET = "x-safelight-refusal-budget"


async def submit(state: AppState, request: Request, principal: Principal, asked: CreateRequest) -> Response:
    """Submit the request and return the response: the video or an error."""
    found = await submit_or_error(state, request, principal, asked)
    if isinstance(found, Response):
        return found
    headers = {**await response_headers(state, principal, found), **poll_headers(state, found.video)}
    return JsonResponse(video_object(found.video), headers=headers)


async def submit_or_error(
    state: AppState, request: Request, principal: Principal, asked: CreateRequest
) -> SubmissionResult | Response:
    """Submit the request. Returns the result, or the error response if the request was rejected."""
    try:
        submission = await state.threads.run(state.services.videos.submit, principal, asked)
    except SafelightError as error:
        response = error_response(error, request_id(request.scope))
        response.headers.update(await rate_headers(state, principal))
        return response
    if submission.refusal is None:
        return submission
    response = error_response(submission.refusal, request_id(request.scope))
    response.headers.update(await response_headers(state, principal, submission))
    return response


async def response_headers(
    state: AppState, principal: Principal, submission: SubmissionResult
) -> dict[str, str]:
    headers = {**await rate_headers(state, principal), **await budget_headers(state, submission.video)}
    if submission.replayed:
        headers[REPLAYED] = "true"
    return headers


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


async def budget_headers(state: AppState, video: Video) -> dict[str, str]:
    """The header that states that the generator has used half of its refusal budget, or all of it.

    Empty if it has no budget, or if the storage is unavailable.
    """
    generator = state.services.generators.get(video.generator)
    if generator is None or generator.info().max_refusals_per_day is None:
        return {}
    try:
        counts = await state.threads.run(state.services.refusal_budgets)
    except SafelightError:
        return {}
    count = counts.get(video.generator)
    return {REFUSAL_BUDGET: count.level} if count is not None and count.is_half_used else {}


def poll_headers(state: AppState, video: Video) -> dict[str, str]:
    """Until the video ends: the delay before the next poll."""
    if video.state in TERMINAL:
        return {}
    return {"openai-poll-after-ms": str(state.services.videos.poll_after_ms(video))}
