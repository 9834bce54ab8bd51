"""The routes of `/v1/safelight/statements`: what was decided about videos and accounts, and appeals."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Path, Query
from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import Response

from safelight.accounts.statements import (
    MAX_RESULTS,
    Objection,
    Statement,
    StatementKind,
    StatementQuery,
    StatementSource,
    describe,
)
from safelight.cases.appeals import NewAppeal
from safelight.core.i18n import DEFAULT
from safelight.policy.explanations import ExplanationLevel
from safelight.web.consent_call import base_url
from safelight.web.create_request import require_writable, valid_idempotency_key
from safelight.web.request_body import optional_text, required_text
from safelight.web.responses import (
    BODY_ERRORS,
    COMMON_ERRORS,
    JsonResponse,
    describe_response,
    errors,
    list_object,
    whole_seconds,
)

from . import schemas
from .appeals import VideoAppeal, appeal_object
from .parameters import App, Reader, read_end_user, read_fields
from .request_bodies import describe_body

StatementId = Annotated[str, Path(max_length=80)]
EndUser = Annotated[
    schemas.Identifier | None,
    Query(
        alias="safety_identifier",
        min_length=1,
        max_length=128,
        description="Only statements to this end user, in the degree of detail for end users.",
    ),
]
Language = Annotated[Literal["en", "zh-Hant", "zh-Hans"], Query(description="The language of `text`.")]

router = APIRouter(prefix="/v1/safelight/statements", tags=["statements"], responses=errors(*COMMON_ERRORS))
_APPEAL: dict[str, Any] = {
    **describe_body("appeal"),
    "parameters": [
        {
            **schemas.IDEMPOTENCY,
            "description": "Idempotency key: the same key with the same appeal returns the first appeal.",
        }
    ],
}


class StatementTextObject(BaseModel):
    decision: str
    reason: str
    reply: str = Field(description="The saved reply of the person who decided, in `reply_language`.")
    reply_language: str = Field(description="Another language if there is no text in this one.")
    decided_by: str
    scope: str
    objection: str


class StatementAppeal(BaseModel):
    possible: bool = Field(
        description="Whether the decision can be appealed by API. False once the appeal was sent."
    )
    until: int | None
    link: str | None = Field(
        default=None,
        description="With `safety_identifier`, for the key through which the end user came: the page on "
        "which they appeal without an account. It is a secret of the end user.",
    )


class StatementObject(BaseModel):
    id: str
    object: Literal["safelight.statement"]
    created_at: int
    video_id: str | None = Field(description="Null: the decision is about the account.")
    safety_identifier: str | None
    kind: Literal[*StatementKind]  # type: ignore[valid-type]
    source: Literal[*StatementSource]  # type: ignore[valid-type]
    automated_detection: bool
    automated_decision: bool
    stage: str | None
    group: str | None
    category: str | None = Field(description="Null for end users, and where it is withheld.")
    facts: str | None = Field(description="What in the content breaks the rule, as a person wrote it.")
    policy: str | None
    rule: str | None
    until: int | None = Field(description="The end of the restriction; null if it has no end.")
    released_as: str | None = Field(description="The new video after a successful appeal.")
    appeal: StatementAppeal
    language: str
    text: StatementTextObject


class StatementList(BaseModel):
    object: Literal["list"]
    data: list[StatementObject]
    has_more: bool


def read_query(
    video_id: Annotated[str | None, Query(max_length=80)] = None,
    end_user: EndUser = None,
    after: Annotated[str | None, Query(max_length=80)] = None,
    limit: Annotated[int, Query(ge=1, le=MAX_RESULTS)] = MAX_RESULTS,
) -> StatementQuery:
    """The search of a request."""
    require_writable((video_id or "") + (end_user or "") + (after or ""), "safety_identifier")
    return StatementQuery(video_id=video_id, end_user=end_user, after=after, limit=limit)


@router.get("", summary="List statements about decisions", responses=describe_response(StatementList, 404))
async def list_statements(
    app: App,
    principal: Reader,
    wanted: Annotated[StatementQuery, Depends(read_query)],
    language: Language = "en",
) -> Response:
    """About a video: the statements to the person who requested it. Without `video_id` and
    `safety_identifier`: those to the account of the key.
    """
    page = await app.threads.run(app.services.statements.find, principal, wanted)
    level = _level(wanted.end_user)
    data = [statement_object(each, level=level, language=language) for each in page.items]
    return JsonResponse(list_object(data, has_more=page.has_more))


@router.get(
    "/{statement_id}",
    summary="Retrieve a statement",
    responses=describe_response(StatementObject, 404),
)
async def retrieve(
    request: Request,
    app: App,
    principal: Reader,
    statement_id: StatementId,
    end_user: EndUser = None,
    language: Language = "en",
) -> Response:
    require_writable(statement_id + (end_user or ""), "safety_identifier")
    found = await app.threads.run(app.services.statements.get, principal, statement_id, end_user=end_user)
    shown = statement_object(found, level=_level(end_user), language=language)
    token = await app.threads.run(app.services.appeals.link_token, principal, found) if end_user else None
    if token is not None:
        shown["appeal"]["link"] = f"{base_url(request)}/appeal?token={token}"
    return JsonResponse(shown)


@router.post(
    "/{statement_id}/appeal",
    summary="Appeal against the decision of a statement (once)",
    responses=describe_response(VideoAppeal, *BODY_ERRORS, 404, 409, 429),
    openapi_extra=_APPEAL,
)
async def appeal(request: Request, app: App, principal: Reader, statement_id: StatementId) -> Response:
    fields = await read_fields(request)
    new = NewAppeal(
        statement_id=statement_id,
        text=required_text(fields, "text"),
        end_user=read_end_user(fields),
        on_behalf_reason=optional_text(fields, "on_behalf_reason"),
        idempotency_key=valid_idempotency_key(request.headers.get("idempotency-key")),
    )
    return await app.show(appeal_object, app.services.appeals.send, principal, new)


@router.get(
    "/{statement_id}/appeal",
    summary="Retrieve the appeal against the decision of a statement",
    responses=describe_response(VideoAppeal, 404),
)
async def retrieve_appeal(
    app: App, principal: Reader, statement_id: StatementId, end_user: EndUser = None
) -> Response:
    require_writable(statement_id + (end_user or ""), "safety_identifier")
    return await app.show(
        appeal_object, app.services.appeals.of_statement, principal, statement_id, end_user=end_user
    )


def statement_object(
    statement: Statement, *, level: ExplanationLevel, language: str = DEFAULT
) -> dict[str, Any]:
    """A statement as JSON: for an end user with the group of the reason, for a developer also the rule."""
    new = statement.content
    text = describe(statement, level=level, language=language)
    detailed = level is not ExplanationLevel.END_USER
    return {
        "id": statement.id,
        "object": "safelight.statement",
        "created_at": int(statement.at),
        "video_id": new.video_id,
        "safety_identifier": new.end_user,
        "kind": new.kind.value,
        "source": new.source.value,
        "automated_detection": new.automated_detection,
        "automated_decision": new.automated_decision,
        "stage": new.stage.value if new.stage else None,
        "group": new.ground.group or None,
        "category": (new.ground.category or None) if detailed else None,
        "facts": new.ground.facts or None,
        "policy": (new.ground.policy or None) if detailed else None,
        "rule": (new.ground.rule or None) if detailed else None,
        "until": whole_seconds(new.until),
        "released_as": new.released_as,
        "appeal": {
            "possible": new.objection is Objection.APPEAL and not statement.is_appealed,
            "until": whole_seconds(statement.objection_until),
        },
        "language": language,
        "text": {
            "decision": text.decision,
            "reason": text.reason,
            "reply": text.reply,
            "reply_language": text.reply_language,
            "decided_by": text.decided_by,
            "scope": text.scope,
            "objection": text.objection,
        },
    }


def _level(end_user: str | None) -> ExplanationLevel:
    return ExplanationLevel.DEVELOPER if end_user is None else ExplanationLevel.END_USER
