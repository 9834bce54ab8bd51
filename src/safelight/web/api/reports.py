"""Routes for reports of delivered videos, and for their status."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any, Literal

from fastapi import APIRouter
from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import Response

from safelight.accounts.people import LANGUAGES
from safelight.accounts.reply_texts import ReplyTexts
from safelight.cases.reports import NewReport, NoticeStatus, Receipt, ReportLane
from safelight.cases.reports.validation import reject_hashes
from safelight.core.errors import InvalidField
from safelight.web.request_body import optional_flag, optional_identifier, optional_text
from safelight.web.responses import BODY_ERRORS, COMMON_ERRORS, JsonResponse, describe_response, whole_seconds

from .parameters import App, Reader, Reviewer, read_fields
from .request_bodies import describe_body

router = APIRouter(tags=["reports"])


class VideoReport(BaseModel):
    id: str
    object: Literal["video.report"]
    video_id: str
    category: str | None
    reason: str | None
    created_at: int
    due_at: int
    already_reported: bool = Field(description="True if another report of this video is already open.")


class NoticeObject(BaseModel):
    id: str
    lane: Literal["ordinary", "trusted_flagger", "intimate_imagery", "removal_order"]
    video_id: str | None = Field(description="Null: the address names no video.")
    created_at: int
    due_at: int | None = Field(description="Null: no video was found on the page that it names.")
    hidden: bool = Field(description="True if the video is hidden until the decision.")
    outcome: Literal["kept", "removed", "removed_unattended", "gone"] | None = Field(
        description="Null while a decision is awaited. `removed_unattended`: no person decided in time."
    )
    answered_at: int | None
    reply: ReplyTexts | None = Field(description="The saved reply with the decision to keep the video.")
    released: bool = Field(description="True if an appeal released the removed video again.")


class ReportObject(BaseModel):
    id: str
    object: Literal["safelight.report"]
    notices: list[NoticeObject] = Field(description="One: that about the video.")
    status_path: str | None = Field(
        description="The page with the status, for the reporter. It contains a secret and is returned once."
    )


@router.post(
    "/v1/videos/{video_id}/report",
    summary="Report a delivered video",
    responses=describe_response(VideoReport, *BODY_ERRORS, 404, 409, 410, 429),
    openapi_extra=describe_body("report", LANGUAGES=[*LANGUAGES, None]),
)
async def report(request: Request, app: App, principal: Reader, video_id: str) -> Response:
    new = replace(_read_report(await read_fields(request)), video_id=video_id)
    return await app.show(receipt_object, app.services.reports.add, principal, new)


@router.post(
    "/v1/safelight/reports",
    summary="Report a video or a page for a person, with a lane",
    responses=describe_response(ReportObject, *BODY_ERRORS, 404, 409, 410, 429),
    openapi_extra={
        **describe_body("notice", LANGUAGES=[*LANGUAGES, None], LANES=[*ReportLane]),
        "parameters": [
            {"name": "Idempotency-Key", "in": "header", "schema": {"type": "string", "maxLength": 255}}
        ],
    },
)
async def add(request: Request, app: App, principal: Reader) -> Response:
    fields = await read_fields(request)
    reject_hashes(fields)
    new = replace(
        _read_report(fields),
        lane=_lane(fields),
        location=optional_text(fields, "location") or "",
        name=optional_text(fields, "name"),
        in_good_faith=optional_flag(fields, "good_faith", default=False),
        idempotency_key=request.headers.get("idempotency-key") or None,
    )
    receipt = await app.threads.run(app.services.reports.add, principal, new)
    return JsonResponse({**status_object(receipt.status), "status_path": receipt.path})


@router.post(
    "/v1/safelight/reports/{report_id}/video",
    summary="Name the video on the page of a report",
    description="For reviewers: opens the case of the video. Without `video_id`, the page shows none of this "
    "tenant, and the outcome is `gone`.",
    responses=describe_response(ReportObject, *BODY_ERRORS, 404, 409, 410),
    openapi_extra=describe_body("report_video"),
)
async def place(request: Request, app: App, principal: Reviewer, report_id: str) -> Response:
    video_id = optional_text(await read_fields(request), "video_id") or None
    status = await app.threads.run(app.services.reports.place, principal, report_id, video_id)
    return JsonResponse({**status_object(status), "status_path": None})


@router.get(
    "/v1/safelight/reports/{report_id}",
    summary="Retrieve the status of a report",
    responses=describe_response(ReportObject, *COMMON_ERRORS, 404),
)
async def retrieve(app: App, principal: Reader, report_id: str) -> Response:
    status = await app.threads.run(app.services.reports.get, principal, report_id)
    return JsonResponse({**status_object(status), "status_path": None})


def receipt_object(receipt: Receipt) -> dict[str, Any]:
    """The confirmation of a report of one video as JSON."""
    made = receipt.report
    assert made is not None  # The report names a video.
    return {
        "id": made.id,
        "object": "video.report",
        "video_id": made.video_id,
        "category": made.category,
        "reason": made.reason or None,
        "created_at": int(made.created_at),
        "due_at": whole_seconds(receipt.due_at),
        "already_reported": receipt.already_reported,
    }


def status_object(status: NoticeStatus) -> dict[str, Any]:
    """What a reporter may know, as JSON. It has nothing about the reporter or the reviewer."""
    one = status.notice
    notice = {
        "id": one.id,
        "lane": one.lane.value,
        "video_id": one.video_id,
        "created_at": int(one.created_at),
        "due_at": whole_seconds(one.due_at),
        "hidden": one.hidden,
        "outcome": one.outcome.value if one.outcome is not None else None,
        "answered_at": whole_seconds(one.answered_at),
        "reply": asdict(one.reply) if one.reply is not None else None,
        "released": one.released,
    }
    return {"id": one.id, "object": "safelight.report", "notices": [notice]}


def _read_report(fields: Mapping[str, Any]) -> NewReport:
    """The fields that every report has."""
    return NewReport(
        category=optional_text(fields, "category"),
        reason=optional_text(fields, "reason"),
        note=optional_text(fields, "note") or "",
        contact=optional_text(fields, "contact"),
        language=optional_text(fields, "language") or "en",
        end_user=optional_identifier(fields, "safety_identifier"),
    )


def _lane(fields: Mapping[str, Any]) -> ReportLane:
    name = optional_text(fields, "lane") or ReportLane.ORDINARY.value
    try:
        return ReportLane(name)
    except ValueError:
        words = ", ".join(lane.value for lane in ReportLane)
        raise InvalidField(
            f"There is no lane {name[:40]!r}.", param="lane", remedy=f"Send one of {words}."
        ) from None
