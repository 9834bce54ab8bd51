"""Routes with which another system follows the cases, and an auditor draws and reads some: JSON lines."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from starlette.responses import Response

from safelight.accounts import KeyScope, Principal
from safelight.cases.case_events import CASE_EVENT_SCOPES, MAX_PAGE_EVENTS, event_object
from safelight.providers.attempts.export import write_jsonl
from safelight.web.auth import requires
from safelight.web.responses import COMMON_ERRORS, errors

from .parameters import App

Reader = Annotated[Principal, Depends(requires(any_of=CASE_EVENT_SCOPES))]

Auditor = Annotated[Principal, Depends(requires(KeyScope.AUDIT))]

router = APIRouter(prefix="/v1/safelight/cases", tags=["reviews"], responses=errors(*COMMON_ERRORS))

_MEDIA_TYPE = "application/jsonl"
_LINES: dict[int | str, dict[str, Any]] = {
    200: {"content": {_MEDIA_TYPE: {}}, "description": "One object on each line, oldest first."}
}


@router.get(
    "/events",
    summary="Events of cases in the words of Ozone, oldest first",
    response_class=Response,
    responses=_LINES,
)
async def list_events(
    app: App,
    principal: Reader,
    after: Annotated[int, Query(ge=0, le=2**63 - 1, description="The id of the last event read.")] = 0,
    limit: Annotated[int, Query(ge=1, le=MAX_PAGE_EVENTS)] = 100,
) -> Response:
    events = await app.threads.run(app.services.case_events.list, principal, after=after, limit=limit)
    return _respond(write_jsonl(event_object(event) for event in events))


@router.get(
    "/population",
    summary="Decided cases of a period without content, from which an auditor draws",
    response_class=Response,
    responses=_LINES,
)
async def export_population(
    app: App,
    principal: Auditor,
    since: Annotated[str, Query(description="The first day (UTC), such as 2026-11-01.")],
    until: Annotated[str, Query(description="The day after the last one (UTC); not in the future.")],
) -> Response:
    return _respond(
        await app.threads.run(app.services.case_events.export_population, principal, since, until)
    )


@router.get(
    "/{case_id}/events",
    summary="Events of one case, for an auditor; each read is in the audit log",
    response_class=Response,
    responses=_LINES | errors(404),
)
async def read_case(app: App, principal: Auditor, case_id: str) -> Response:
    events = await app.threads.run(app.services.case_events.read, principal, case_id)
    return _respond(write_jsonl(event_object(event) for event in events))


def _respond(lines: str) -> Response:
    headers = {"cache-control": "no-store"}
    return Response(lines, media_type=f"{_MEDIA_TYPE}; charset=utf-8", headers=headers)
