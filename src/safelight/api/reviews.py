"""Routes for cases that a reviewer decides. Their responses have text, never images and sound."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import msgspec
from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import Response

from safelight.errors import Forbidden, InvalidField
from safelight.jobs.transcripts import Transcript
from safelight.moderation.text_screening import ScreeningState
from safelight.trust.accounts import KeyScope, Principal
from safelight.trust.reviews import Case, CaseFile, CaseKind, CaseState, DecisionAction, DecisionRequest
from safelight.trust.reviews.ozone import DECISION_TYPES
from safelight.web.auth import app_state, requires
from safelight.web.request_body import optional_text, read_body, required_text
from safelight.web.responses import BODY_ERRORS, COMMON_ERRORS, JsonResponse, errors, page_object
from safelight.web.services import Services

#: The service decides which cases a principal may see: most cases need the scope `review`, quarantined cases
#: the scope `vault`.
Reviewer = Annotated[Principal, Depends(requires(any_of=(KeyScope.REVIEW, KeyScope.VAULT)))]

router = APIRouter(
    prefix="/v1/reviews",
    tags=["reviews"],
    responses=errors(*COMMON_ERRORS, 404),
)


class ReviewDecision(BaseModel):
    id: str
    action: Literal[
        "approve", "refuse", "keep", "withdraw", "overturn", "uphold", "in_policy", "against_policy"
    ]
    reason: str
    clause: str | None
    facts: str | None = Field(description="What the person concerned is told.")
    decided_by: str = Field(description="Your own id, or the role of the person who decided.")
    at: int


class Review(BaseModel):
    id: str
    object: Literal["review"]
    video_id: str | None = Field(description="Null in a quality review: the record shows what was decided.")
    kind: Literal["hold", "report", "appeal", "quality"]
    stage: str
    category: str | None
    rule: str | None
    reason: str | None
    state: Literal["open", "pending", "decided", "expired"]
    quarantined: bool
    opened_at: int
    due_at: int
    closed_at: int | None
    version: int = Field(
        description="Send it with the decision, to be refused if the case changed meanwhile."
    )
    severity: int | None = Field(description="Null for a quality review: it follows from the category.")
    reach: int = Field(description="The number of videos and reports that the decision is about.")
    decided_with: str | None = Field(description="For a near-duplicate: the case with which it is decided.")
    actions: list[str] = Field(description="Possible decisions; empty once the case is closed.")


class TextScreeningObject(BaseModel):
    state: ScreeningState = Field(description="`not_checked`: a check failed, or does not know the language.")
    kinds: list[str] = Field(description="The categories that were found.")


class SpokenLineObject(BaseModel):
    text: str
    start_s: float = Field(description="In seconds from the start of the video, as `end_s`.")
    end_s: float
    marks: list[tuple[int, int]] = Field(
        description="Start and end of the characters of `text` to which a finding refers, counted in Unicode "
        "code points from 0; the end is not included. JavaScript counts other units: use `Array.from(text)`."
    )


class TranscriptObject(BaseModel):
    lines: list[SpokenLineObject] = Field(description="In spoken order.")
    is_cut: bool = Field(description="Lines were left out, because the transcript is too long.")


TranscriptState = Literal["shown", "not_stored", "withheld", "not_in_quality_reviews"]


class ReviewFile(Review):
    decision: ReviewDecision | None
    requires_other_reviewer: bool = Field(
        description="True if the case is an open appeal that another reviewer must decide."
    )
    members: int = Field(description="Open near-duplicates that are decided with this case.")
    notices: list[str] = Field(
        description="The notices whose hashes caused this hold. No person has confirmed these hashes here."
    )
    reports: int
    notes: list[dict[str, Any]] = Field(
        description="The newest reports of the case, or the text of the appeal; without contact details. "
        "Each has its own `text_screening`."
    )
    text_screening: TextScreeningObject | None = Field(
        description="Whether these texts may threaten or insult their reader; null if there are none. Show a "
        "text that is not clear only after a warning."
    )
    transcript: TranscriptObject | None = Field(
        default=None,
        description="The spoken words of the video. Null unless `transcript_state` is `shown`. Not in the "
        "answer to a decision.",
    )
    transcript_state: TranscriptState | None = Field(
        default=None,
        description="`not_stored`: there is no transcript. `withheld`: the video is quarantined, and only a "
        "reviewer with the scope `vault` learns whether there is one. `not_in_quality_reviews`: a quality "
        "review shows none. Not in the answer to a decision.",
    )


class ReviewQuery(BaseModel):
    """Which cases a list has."""

    state: CaseState | Literal["all"] = Field(default=CaseState.OPEN, description="Default: open.")
    kind: CaseKind | None = None
    late: bool = Field(default=False, description="Only cases whose due time is over.")
    after: str | None = Field(default=None, description="List the cases after this id.")
    limit: int = Field(default=20, ge=1, le=100)


class WithheldReview(BaseModel):
    kind: Literal["hold"]
    opened_at: int
    notices: list[str] = Field(description="The notices whose hashes caused the hold.")


class ReviewPage(BaseModel):
    object: Literal["list"]
    data: list[Review]
    withheld: list[WithheldReview] = Field(
        description="Open holds that a notice caused and that only the vault officer sees, at most 100. "
        "Empty with the scope `vault`, and on later pages."
    )
    first_id: str | None
    last_id: str | None
    has_more: bool


_DECISION: dict[str, Any] = {
    "required": True,
    "content": {
        "application/json": {
            "schema": {
                "type": "object",
                "required": ["action", "reason"],
                "properties": {
                    "action": {"type": "string", "enum": [*DecisionAction, *DECISION_TYPES]},
                    "reason": {"type": "string", "maxLength": 2000},
                    "clause": {
                        "type": ["string", "null"],
                        "maxLength": 200,
                        "description": "The id of a rule of the policy. A decision against a person needs "
                        "it, and `facts`, unless the verdict of the case gives a rule and its group.",
                    },
                    "facts": {
                        "type": ["string", "null"],
                        "maxLength": 2000,
                        "description": "What in the content breaks the rule. The person concerned reads it.",
                    },
                    "version": {"type": ["integer", "null"]},
                },
            }
        }
    },
}


@router.get("", summary="List cases for review", responses={200: {"model": ReviewPage}})
async def list_reviews(
    request: Request, principal: Reviewer, asked: Annotated[ReviewQuery, Query()]
) -> Response:
    app = app_state(request)
    page = await app.threads.run(
        app.services.reviews.list,
        principal,
        state=asked.state if isinstance(asked.state, CaseState) else None,
        kind=asked.kind,
        late=asked.late,
        after=asked.after,
        limit=asked.limit,
    )
    withheld = () if asked.after else await app.threads.run(app.services.reviews.list_withheld, principal)
    data = [review_object(case) for case in page.items]
    hidden = [
        {"kind": one.kind.value, "opened_at": int(one.opened_at), "notices": list(one.notices)}
        for one in withheld
    ]
    return JsonResponse(page_object(data, withheld=hidden, has_more=page.has_more))


@router.get("/{case_id}", summary="Retrieve a case", responses={200: {"model": ReviewFile}})
async def retrieve(request: Request, principal: Reviewer, case_id: str) -> Response:
    app = app_state(request)
    file = await app.threads.run(app.services.reviews.get, principal, case_id)
    return JsonResponse(await app.threads.run(content_object, app.services, principal, file))


@router.post(
    "/{case_id}/decision",
    summary="Decide a case (once)",
    responses={200: {"model": ReviewFile}, **errors(*BODY_ERRORS, 409, 410)},
    openapi_extra={"requestBody": _DECISION},
)
async def decide(request: Request, principal: Reviewer, case_id: str) -> Response:
    app = app_state(request)
    async with read_body(request, app.services) as body:
        fields = body.fields
    decided = await app.threads.run(
        app.services.reviews.decide,
        principal,
        case_id,
        DecisionRequest(
            action=required_text(fields, "action"),
            reason=required_text(fields, "reason"),
            clause=optional_text(fields, "clause"),
            facts=optional_text(fields, "facts"),
            version=_optional_version(fields),
        ),
    )
    return JsonResponse(case_file_object(decided, principal))


def _optional_version(fields: Mapping[str, Any]) -> int | None:
    version = fields.get("version")
    if version is None or (isinstance(version, int) and not isinstance(version, bool)):
        return version
    raise InvalidField("version must be an integer.", param="version")


def content_object(services: Services, principal: Principal, file: CaseFile) -> dict[str, Any]:
    """A case with the transcript of its video, as JSON. It reads the database."""
    transcript: Transcript | None = None
    state: TranscriptState = "not_in_quality_reviews" if file.case.is_blind else "not_stored"
    try:
        transcript = services.transcript_of(principal, file)
    except Forbidden:
        state = "withheld"
    return {
        **case_file_object(file, principal),
        "transcript": None if transcript is None else msgspec.to_builtins(transcript),
        "transcript_state": state if transcript is None else "shown",
    }


def review_object(case: Case) -> dict[str, Any]:
    """A case as JSON. A quality review does not show what the checks found."""
    return {
        "id": case.id,
        "object": "review",
        "video_id": None if case.is_blind else case.video_id,
        "kind": case.kind.value,
        "stage": case.stage.value,
        "category": None if case.is_blind else case.category or None,
        "rule": case.rule or None,
        "reason": case.reason or None,
        "state": case.state.value,
        "quarantined": case.quarantined,
        "opened_at": int(case.opened_at),
        "due_at": int(case.due_at),
        "closed_at": None if case.closed_at is None else int(case.closed_at),
        "version": case.version,
        "severity": None if case.is_blind else case.severity,
        "reach": case.reach,
        "decided_with": case.leader_id,
        "actions": [action.value for action in case.actions],
    }


def case_file_object(file: CaseFile, principal: Principal) -> dict[str, Any]:
    """A case with its decision and its reports, without the names of other reviewers."""
    made = file.decision
    return {
        **review_object(file.case),
        "decision": None
        if made is None
        else {
            "id": made.id,
            "action": made.action.value,
            "reason": made.reason,
            "clause": made.clause,
            "facts": made.facts,
            "decided_by": made.decided_by if made.decided_by == principal.id else made.role or "reviewer",
            "at": int(made.at),
        },
        "requires_other_reviewer": file.requires_other_reviewer,
        "members": file.members,
        "notices": list(file.notices),
        "reports": file.reports,
        "notes": [dict(note) for note in file.notes],
        "text_screening": None if file.text_screening is None else file.text_screening.as_json(),
    }
