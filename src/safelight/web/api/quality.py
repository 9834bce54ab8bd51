"""Routes for the quality of reviews: own results, figures of the team, golden cases, samples."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import Response

from safelight.accounts import KeyScope, Principal
from safelight.cases.quality import NewDraw, NewGolden
from safelight.cases.quality.models import golden_object
from safelight.cases.quality.review_quality import own_figures, prevalence_figures, team_figures
from safelight.core.errors import InvalidField
from safelight.web.auth import requires
from safelight.web.request_body import optional_text, required_text
from safelight.web.responses import BODY_ERRORS, COMMON_ERRORS, JsonResponse, errors, list_object

from .parameters import App, read_fields
from .request_bodies import describe_body
from .reviews import SCOPES

Reviewer = Annotated[Principal, Depends(requires(any_of=SCOPES))]
Lead = Annotated[Principal, Depends(requires(KeyScope.POLICY))]

router = APIRouter(prefix="/v1/safelight/quality", tags=["reviews"], responses=errors(*COMMON_ERRORS))


class Agreement(BaseModel):
    n: int = Field(description="Compared answers.")
    same: int = Field(description="Answers that were the same.")
    enough: bool = Field(description="Whether there are enough for a figure (20).")
    rate: float | None
    interval: list[float] | None = Field(description="Wilson, 95 %.")
    kappa: float | None = Field(default=None, description="Cohen's kappa.")


class OwnQuality(BaseModel):
    golden: Agreement
    second: Agreement


class TeamQuality(BaseModel):
    min_people: int
    min_cases: int
    enough_people: bool = Field(
        description="False: all figures but `alpha` are null, because they would be about few people."
    )
    golden: Agreement | None
    second: Agreement | None
    machine: Agreement | None = Field(description="The verdicts of the policy against the answers of people.")
    alpha: float | None = Field(description="Krippendorff's alpha, nominal; rounded to 0.1 for fewer people.")


class StratumPrevalence(BaseModel):
    stratum: Literal["no_finding", "light", "moderate", "severe"]
    delivered: int
    drawn: int
    answered: int
    enough: bool = Field(description="Whether there are enough answers for a rate (300).")
    found: int | None
    rate: float | None
    interval: list[float] | None
    needed: int | None = Field(description="Answers for an interval of plus or minus `half_width`.")


class SamplePrevalence(BaseModel):
    id: str
    since: float
    until: float
    drawn_at: float
    method: str
    half_width: float
    min_answers: int
    strata: list[StratumPrevalence]


class SampleList(BaseModel):
    object: Literal["list"]
    data: list[SamplePrevalence]


class GoldenCase(BaseModel):
    id: str
    object: Literal["golden_case"]
    video_id: str
    answer: Literal["in_policy", "against_policy"]
    clause: str | None
    note: str
    created_at: int
    retired_at: int | None


class GoldenList(BaseModel):
    object: Literal["list"]
    data: list[GoldenCase]


@router.get("/own", summary="Own results of quality reviews", responses={200: {"model": OwnQuality}})
async def own(app: App, principal: Reviewer) -> Response:
    return await app.show(own_figures, app.services.quality_results.own_answers, principal)


@router.get("/team", summary="Agreement of all reviewers", responses={200: {"model": TeamQuality}})
async def team(app: App, principal: Lead) -> Response:
    return await app.show(team_figures, app.services.quality_results.team_answers, principal)


@router.get(
    "/samples", summary="Missed harm in samples of delivered videos", responses={200: {"model": SampleList}}
)
async def samples(app: App, principal: Lead) -> Response:
    draws = await app.threads.run(app.services.quality_results.list_draws, principal)
    return JsonResponse(list_object(map(prevalence_figures, draws)))


@router.post(
    "/samples",
    summary="Draw a random sample of delivered videos for review",
    responses={200: {"model": SamplePrevalence}, **errors(*BODY_ERRORS, 409)},
    openapi_extra=describe_body("quality_draw"),
)
async def draw_sample(request: Request, app: App, principal: Lead) -> Response:
    fields = await read_fields(request)
    new = NewDraw(
        since=_number(fields, "since"),
        until=_number(fields, "until"),
        per_stratum=_integer(fields, "per_stratum"),
    )
    return await app.show(prevalence_figures, app.services.quality.draw, principal, new)


@router.get("/golden", summary="List golden cases", responses={200: {"model": GoldenList}})
async def list_golden(app: App, principal: Lead) -> Response:
    found = await app.threads.run(app.services.quality.list_golden, principal)
    return JsonResponse(list_object(map(golden_object, found)))


@router.post(
    "/golden",
    summary="Make a video a golden case",
    responses={200: {"model": GoldenCase}, **errors(*BODY_ERRORS, 404, 409)},
    openapi_extra=describe_body("golden_case"),
)
async def add_golden(request: Request, app: App, principal: Lead) -> Response:
    fields = await read_fields(request)
    new = NewGolden(
        video_id=required_text(fields, "video_id"),
        answer=required_text(fields, "answer"),
        note=required_text(fields, "note"),
        clause=optional_text(fields, "clause"),
    )
    return await app.show(golden_object, app.services.quality.add_golden, principal, new)


@router.post(
    "/golden/{golden_id}/retire",
    summary="Stop giving a golden case to reviewers",
    responses={200: {"model": GoldenCase}, **errors(404)},
)
async def retire_golden(app: App, principal: Lead, golden_id: str) -> Response:
    return await app.show(golden_object, app.services.quality.retire_golden, principal, golden_id)


def _number(fields: Mapping[str, Any], name: str) -> float:
    value = fields.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InvalidField(f"{name} must be a number.", param=name)
    return float(value)


def _integer(fields: Mapping[str, Any], name: str) -> int:
    value = fields.get(name)
    if isinstance(value, bool) or not isinstance(value, int):
        raise InvalidField(f"{name} must be an integer.", param=name)
    return value
