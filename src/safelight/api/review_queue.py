"""Routes by which a reviewer takes cases from the queue, keeps them, and gives them back."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import Response

from safelight.trust.reviews.models import ReviewerPreferences
from safelight.web.auth import app_state
from safelight.web.request_body import optional_flag, optional_texts, read_body, required_text
from safelight.web.responses import BODY_ERRORS, COMMON_ERRORS, JsonResponse, errors

from .field_schemas import describe_body
from .reviews import Review, Reviewer, ReviewFile, content_object, review_object

router = APIRouter(prefix="/v1/reviews", tags=["reviews"], responses=errors(*COMMON_ERRORS, 404))


class Preferences(BaseModel):
    declined_categories: list[str] = Field(
        description="Names of the categories whose cases this reviewer is not offered."
    )
    mails: bool = Field(description="Whether this reviewer gets mails about cases, if a person.")


_REASON = describe_body(["reason"], {"reason": {"type": "string", "maxLength": 2000}})
_PREFERENCES = describe_body(
    ["declined_categories"],
    {
        "declined_categories": {"type": "array", "items": {"type": "string"}},
        "mails": {"type": "boolean", "description": "Left out: unchanged."},
    },
)


@router.post(
    "/next",
    summary="Take the next case",
    description="The case that this reviewer has, or else the first of the queue. No other reviewer gets it "
    "for two minutes; `POST .../lease` keeps it. 204 if there is no case for this reviewer.",
    responses={200: {"model": ReviewFile}, 204: {"description": "No case waits for this reviewer."}},
)
async def take_next(request: Request, principal: Reviewer) -> Response:
    app = app_state(request)
    case = await app.threads.run(app.services.review_queue.take_next, principal)
    if case is None:
        return Response(status_code=204)
    file = await app.threads.run(app.services.reviews.get, principal, case.id)
    return JsonResponse(await app.threads.run(content_object, app.services, principal, file))


@router.get("/preferences", summary="Own preferences", responses={200: {"model": Preferences}})
async def preferences(request: Request, principal: Reviewer) -> Response:
    app = app_state(request)
    found = await app.threads.run(app.services.review_queue.preferences, principal)
    return JsonResponse(_preferences_object(found))


@router.put(
    "/preferences",
    summary="Change the own preferences",
    responses={200: {"model": Preferences}, **errors(*BODY_ERRORS)},
    openapi_extra=_PREFERENCES,
)
async def change_preferences(request: Request, principal: Reviewer) -> Response:
    app = app_state(request)
    async with read_body(request, app.services) as body:
        names = optional_texts(body.fields, "declined_categories") or []
        mails = optional_flag(body.fields, "mails", default=None)
    found = await app.threads.run(app.services.review_queue.decline_categories, principal, names)
    if mails is not None:
        found = await app.threads.run(app.services.review_queue.choose_mails, principal, wanted=mails)
    return JsonResponse(_preferences_object(found))


def _preferences_object(of: ReviewerPreferences) -> dict[str, Any]:
    return {"declined_categories": list(of.declined_categories), "mails": of.mails}


@router.post(
    "/{case_id}/lease",
    summary="Keep a case for two more minutes",
    responses={200: {"model": Review}, **errors(409)},
)
async def lease(request: Request, principal: Reviewer, case_id: str) -> Response:
    app = app_state(request)
    case = await app.threads.run(app.services.review_queue.extend_lease, principal, case_id)
    return JsonResponse(review_object(case))


@router.delete("/{case_id}/lease", summary="Give a case back", status_code=204)
async def release(request: Request, principal: Reviewer, case_id: str) -> Response:
    app = app_state(request)
    await app.threads.run(app.services.review_queue.release, principal, case_id)
    return Response(status_code=204)


@router.post(
    "/{case_id}/skip",
    summary="Give a case back and do not get it again",
    status_code=204,
    responses=errors(*BODY_ERRORS, 409),
    openapi_extra=_REASON,
)
async def skip(request: Request, principal: Reviewer, case_id: str) -> Response:
    app = app_state(request)
    async with read_body(request, app.services) as body:
        reason = required_text(body.fields, "reason")
    await app.threads.run(app.services.review_queue.skip, principal, case_id, reason=reason)
    return Response(status_code=204)


@router.post(
    "/{case_id}/escalate",
    summary="Give a case to reviewers with a higher role",
    responses={200: {"model": Review}, **errors(*BODY_ERRORS, 409)},
    openapi_extra=_REASON,
)
async def escalate(request: Request, principal: Reviewer, case_id: str) -> Response:
    app = app_state(request)
    async with read_body(request, app.services) as body:
        reason = required_text(body.fields, "reason")
    case = await app.threads.run(app.services.review_queue.escalate, principal, case_id, reason=reason)
    return JsonResponse(review_object(case))
