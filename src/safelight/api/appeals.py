"""Appealing a block."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from safelight.trust.accounts import Principal, Scope

from .answers import BODY, errors
from .auth import requires
from .bodies import read_body
from .fields import required_text
from .state import state_of

Reader = Annotated[Principal, Depends(requires(Scope.VIDEOS_READ))]

router = APIRouter(
    prefix="/v1/videos",
    tags=["appeals"],
    responses=errors(*BODY, 404, 409, 429),
)


class VideoAppeal(BaseModel):
    id: str
    object: Literal["video.appeal"]
    video_id: str
    created_at: int
    due_at: int


_APPEAL: dict[str, Any] = {
    "required": True,
    "content": {
        "application/json": {
            "schema": {
                "type": "object",
                "required": ["text"],
                "properties": {"text": {"type": "string", "minLength": 1, "maxLength": 4000}},
            }
        }
    },
}


@router.post(
    "/{video_id}/appeal",
    summary="Appeal a block, once",
    responses={200: {"model": VideoAppeal}},
    openapi_extra={"requestBody": _APPEAL},
)
async def appeal(request: Request, principal: Reader, video_id: str) -> Response:
    app = state_of(request)
    async with read_body(request, app.services) as body:
        fields = body.fields
    made = await app.threads.run(
        app.services.appeals.add, principal, video_id, text=required_text(fields, "text")
    )
    return JSONResponse(
        {
            "id": made.id,
            "object": "video.appeal",
            "video_id": made.video_id,
            "created_at": int(made.created_at),
            "due_at": int(made.due_at),
        }
    )
