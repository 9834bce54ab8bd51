"""The route that reports a delivered video."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import Response

from safelight.trust.accounts import KeyScope, Principal
from safelight.trust.reports import NewReport, Receipt
from safelight.web.auth import requires
from safelight.web.error_responses import BODY_ERRORS, errors
from safelight.web.json_fields import optional_text
from safelight.web.json_response import JsonResponse
from safelight.web.request_body import read_body
from safelight.web.state import app_state

Reader = Annotated[Principal, Depends(requires(KeyScope.VIDEOS_READ))]

router = APIRouter(
    prefix="/v1/videos",
    tags=["reports"],
    responses=errors(*BODY_ERRORS, 404, 409, 410, 429),
)


class VideoReport(BaseModel):
    id: str
    object: Literal["video.report"]
    video_id: str
    category: str | None
    reason: str | None
    created_at: int
    due_at: int
    already_reported: bool = Field(description="True if another report of this video is already open.")


_REPORT: dict[str, Any] = {
    "required": True,
    "content": {
        "application/json": {
            "schema": {
                "type": "object",
                "properties": {
                    "category": {"type": ["string", "null"], "description": "A category of the policy."},
                    "reason": {
                        "type": ["string", "null"],
                        "maxLength": 200,
                        "description": "Free text, instead of a category.",
                    },
                    "note": {"type": ["string", "null"], "maxLength": 4000},
                    "contact": {"type": ["string", "null"], "maxLength": 320},
                    "safety_identifier": {
                        "type": ["string", "null"],
                        "maxLength": 128,
                        "description": "The end user who reports, if that is not the owner of the API key.",
                    },
                },
            }
        }
    },
}


@router.post(
    "/{video_id}/report",
    summary="Report a delivered video",
    responses={200: {"model": VideoReport}},
    openapi_extra={"requestBody": _REPORT},
)
async def report(request: Request, principal: Reader, video_id: str) -> Response:
    app = app_state(request)
    async with read_body(request, app.services) as body:
        fields = body.fields
    receipt = await app.threads.run(
        app.services.reports.add,
        principal,
        NewReport(
            video_id=video_id,
            category=optional_text(fields, "category"),
            reason=optional_text(fields, "reason"),
            note=optional_text(fields, "note") or "",
            contact=optional_text(fields, "contact"),
            end_user=optional_text(fields, "safety_identifier"),
        ),
    )
    return JsonResponse(receipt_object(receipt))


def receipt_object(receipt: Receipt) -> dict[str, Any]:
    """The confirmation of a report as JSON."""
    made = receipt.report
    return {
        "id": made.id,
        "object": "video.report",
        "video_id": made.video_id,
        "category": made.category,
        "reason": made.reason or None,
        "created_at": int(made.created_at),
        "due_at": int(receipt.due_at),
        "already_reported": receipt.already_reported,
    }
