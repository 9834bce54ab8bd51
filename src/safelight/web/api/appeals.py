"""Routes for the appeal against a block."""

from __future__ import annotations

from typing import Any, Literal

from fastapi import APIRouter
from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import Response

from safelight.cases.appeals import Appeal, NewAppeal
from safelight.web.request_body import optional_text, required_text
from safelight.web.responses import BODY_ERRORS, COMMON_ERRORS, describe_response

from .parameters import App, Reader, read_end_user, read_fields
from .request_bodies import describe_body

router = APIRouter(
    prefix="/v1/videos",
    tags=["appeals"],
)


class VideoAppeal(BaseModel):
    id: str
    object: Literal["video.appeal"]
    video_id: str
    statement_id: str
    created_at: int
    state: Literal["waiting", "overturned", "upheld", "closed"]
    due_at: int
    no_eligible_reviewer: bool = Field(
        description="True if no known reviewer may decide the waiting appeal. In that case, add a reviewer."
    )


@router.post(
    "/{video_id}/appeal",
    summary="Appeal against a block (once per video)",
    responses=describe_response(VideoAppeal, *BODY_ERRORS, 404, 409, 429),
    openapi_extra=describe_body("appeal"),
)
async def appeal(request: Request, app: App, principal: Reader, video_id: str) -> Response:
    fields = await read_fields(request)
    new = NewAppeal(
        video_id=video_id,
        text=required_text(fields, "text"),
        end_user=read_end_user(fields),
        on_behalf_reason=optional_text(fields, "on_behalf_reason"),
    )
    return await app.show(appeal_object, app.services.appeals.send, principal, new)


@router.get(
    "/{video_id}/appeal",
    summary="Retrieve the appeal against a block",
    responses=describe_response(VideoAppeal, *COMMON_ERRORS, 404),
)
async def retrieve(app: App, principal: Reader, video_id: str) -> Response:
    return await app.show(appeal_object, app.services.appeals.get, principal, video_id)


def appeal_object(made: Appeal) -> dict[str, Any]:
    """An appeal as JSON."""
    return {
        "id": made.id,
        "object": "video.appeal",
        "video_id": made.video_id,
        "statement_id": made.statement_id,
        "state": made.state.value,
        "created_at": int(made.created_at),
        "due_at": int(made.due_at),
        "no_eligible_reviewer": made.no_eligible_reviewer,
    }
