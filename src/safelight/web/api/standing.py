"""Routes for standing, bans, and the terms of accounts and end users."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import Response

from safelight.accounts.models import end_user_subject, split_subject
from safelight.accounts.standing import Ban, Standing, Strike, shown_category, shown_group
from safelight.accounts.terms import SavedTerms, Terms, normalize_context
from safelight.core.errors import InvalidField
from safelight.policy.findings import Taxonomy
from safelight.policy.intended_use import normalize_territory, read_kind
from safelight.policy.verdicts import Audience
from safelight.videos.quota import QuotaUse
from safelight.web.create_request import require_writable
from safelight.web.request_body import optional_flag, optional_text, required_text
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
from .parameters import Admin, App, Reader, Reviewer, read_fields
from .request_bodies import describe_body

router = APIRouter(prefix="/v1/safelight", tags=["standing"], responses=errors(*COMMON_ERRORS, 404))
_TERM_TYPES = dict.fromkeys(("audience", "use_kind", "territory", "context"), "string") | {
    "commercial": "boolean"
}


class StrikeObject(BaseModel):
    id: str
    video_id: str
    group: str | None = Field(description="The group of the category. Null: it is not named.")
    category: str | None = Field(description="Null outside the review if only its group may be shown.")
    weight: int
    given_by: Literal["person", "machine"]
    given_at: int
    expires_at: int


class StandingObject(BaseModel):
    object: Literal["standing"]
    account: str | None
    safety_identifier: str | None
    level: Literal["good", "warning", "cool_down", "suspension", "ban"]
    points: int
    until: int | None = Field(description="The end of the level, unless another strike is given.")
    ban_at: int | None = Field(description="When a confirmed ban takes effect.")
    strikes: list[StrikeObject] = Field(description="Valid strikes, newest first. A won appeal removes one.")


class QuotaObject(BaseModel):
    used: int
    limit: int | None = Field(description="Null: no limit.")


class QuotasObject(BaseModel):
    """What was used today (UTC), and the limits."""

    videos: QuotaObject
    seconds: QuotaObject
    cost_micros: QuotaObject
    resets_at: int


class OwnStandingObject(StandingObject):
    quotas: QuotasObject


class StandingList(BaseModel):
    object: Literal["list"]
    data: list[StandingObject]
    bans: list[BanObject]


class BanObject(BaseModel):
    id: str
    object: Literal["ban"]
    safety_identifier: str
    threat_to_life: bool
    state: Literal["proposed", "confirmed", "lifted"]
    effective_at: int | None


class TermsObject(BaseModel):
    """Null: the setting of the installation applies."""

    audience: Literal["general", "sensitive", "minors"] | None = None
    review_first: int | None = None
    videos_per_day: int | None = None
    seconds_per_day: int | None = None
    cost_per_day_micros: int | None = None
    use_kind: Literal["personal", "entertainment", "education", "news", "advertising"] | None = None
    commercial: bool | None = None
    territory: str | None = None
    context: str | None = Field(
        default=None,
        description="Only of `tenant`: facts for `unless: context` in policies, such as `education news`.",
    )


class SavedTermsObject(TermsObject):
    revision: int = Field(description="How often the terms of this subject were changed.")


TERM_FIELDS = {
    name: {"type": [_TERM_TYPES.get(name, "integer"), "null"]} for name in TermsObject.model_fields
}
_TERMS = describe_body(
    "terms",
    FIELDS={
        "revision": {
            "type": "integer",
            "description": "Of the terms that you have read. If they were changed since, the answer is 409.",
        },
    }
    | TERM_FIELDS,
)


@router.get(
    "/standing",
    summary="Own standing, or that of an end user",
    responses=describe_response(OwnStandingObject),
)
async def own_standing(
    app: App,
    principal: Reader,
    safety_identifier: Annotated[schemas.Identifier | None, Query(max_length=128)] = None,
) -> Response:
    require_writable(safety_identifier or "", "safety_identifier")
    services = app.services.require_standing()
    standing = await app.threads.run(services.standings.own, principal, safety_identifier)
    quotas = await app.threads.run(services.quotas.own, principal, safety_identifier)
    return JsonResponse(
        {
            **standing_object(standing, app.services.taxonomy),
            "quotas": quota_object(quotas),
        }
    )


@router.get(
    "/standings",
    summary="Accounts and end users with strikes or bans",
    responses=describe_response(StandingList),
)
async def list_standings(app: App, principal: Reviewer) -> Response:
    services = app.services.require_standing()
    page = await app.threads.run(services.standings.list, principal)
    return JsonResponse(
        list_object(
            (standing_object(one, app.services.taxonomy, is_staff=True) for one in page.standings),
            bans=[ban_object(one) for one in page.bans],
        )
    )


@router.post(
    "/bans",
    summary="Propose to ban an end user",
    responses=describe_response(BanObject, *BODY_ERRORS, 409),
    openapi_extra=describe_body("ban"),
)
async def propose_ban(request: Request, app: App, principal: Reviewer) -> Response:
    services = app.services.require_standing()
    fields = await read_fields(request)
    return await app.show(
        ban_object,
        services.bans.propose,
        principal,
        end_user_subject(required_text(fields, "safety_identifier").strip()),
        reason=required_text(fields, "reason"),
        threat_to_life=optional_flag(fields, "threat_to_life", default=False),
    )


@router.post(
    "/bans/{ban_id}/confirm",
    summary="Confirm a ban that another person proposed",
    responses=describe_response(BanObject, 409),
)
async def confirm_ban(app: App, principal: Reviewer, ban_id: str) -> Response:
    return await app.show(ban_object, app.services.require_standing().bans.confirm, principal, ban_id)


@router.post(
    "/bans/{ban_id}/lift",
    summary="Lift a ban, or withdraw its proposal",
    responses=describe_response(BanObject, *BODY_ERRORS),
    openapi_extra=describe_body("ban_lift"),
)
async def lift_ban(request: Request, app: App, principal: Reviewer, ban_id: str) -> Response:
    services = app.services.require_standing()
    reason = required_text(await read_fields(request), "reason")
    return await app.show(ban_object, services.bans.lift, principal, ban_id, reason=reason)


Subject = Annotated[str, Query(max_length=256, description="tenant, account:ID or end_user:IDENTIFIER.")]


@router.get(
    "/terms", summary="Terms of an account or end user", responses=describe_response(SavedTermsObject)
)
async def get_terms(app: App, principal: Admin, subject: Subject) -> Response:
    return await app.show(terms_object, app.services.require_standing().terms.get, principal, subject)


@router.put(
    "/terms",
    summary="Replace the terms of an account or end user",
    responses=describe_response(SavedTermsObject, *BODY_ERRORS, 409),
    openapi_extra=_TERMS,
)
async def set_terms(request: Request, app: App, principal: Admin, subject: Subject) -> Response:
    services = app.services.require_standing()
    fields = dict(await read_fields(request))
    revision = _revision(fields.pop("revision", None))
    terms = read_terms(fields)
    return await app.show(terms_object, services.terms.set, principal, subject, terms, revision=revision)


def _revision(value: Any) -> int | None:
    if value is not None and (not isinstance(value, int) or isinstance(value, bool)):
        raise InvalidField("revision must be a whole number.", param="revision")
    return value


def read_terms(fields: Any) -> Terms:
    """The terms of a body. Raises `InvalidField`."""
    names = TermsObject.model_fields
    for name, value in fields.items():
        if name not in names:
            raise InvalidField(f"{name[:40]!r} is not a term.", param=name[:40])
        is_number = isinstance(value, int) and not isinstance(value, bool)
        if name not in _TERM_TYPES and value is not None and not is_number:
            raise InvalidField(f"{name} must be a whole number or null.", param=name)
    audience = fields.get("audience")
    if audience is not None and audience not in list(Audience):
        raise InvalidField("audience must be general, sensitive, minors or null.", param="audience")
    kind, territory = optional_text(fields, "use_kind"), optional_text(fields, "territory")
    context = optional_text(fields, "context")
    commercial = fields.get("commercial")
    if commercial is not None and not isinstance(commercial, bool):
        raise InvalidField("commercial must be true, false or null.", param="commercial")
    return Terms(
        audience=None if audience is None else Audience(audience),
        use_kind=None if kind is None else read_kind(kind, "use_kind"),
        commercial=commercial,
        territory=None if territory is None else normalize_territory(territory, "territory"),
        context=None if context is None else normalize_context(context),
        **{name: value for name, value in fields.items() if name not in _TERM_TYPES},
    )


def terms_object(saved: SavedTerms) -> dict[str, Any]:
    terms = {name: getattr(saved.terms, name) for name in TermsObject.model_fields}
    return {**terms, "revision": saved.revision}


def quota_object(use: QuotaUse) -> dict[str, Any]:
    return {
        "videos": {"used": use.used.videos, "limit": use.limits.videos},
        "seconds": {"used": use.used.seconds, "limit": use.limits.seconds},
        "cost_micros": {"used": use.used.cost_micros, "limit": use.limits.cost_micros},
        "resets_at": int(use.resets_at),
    }


def standing_object(standing: Standing, taxonomy: Taxonomy, *, is_staff: bool = False) -> dict[str, Any]:
    """A standing. Only reviewers read categories whose group alone may be shown, and those that may not be
    named.
    """
    account, end_user = split_subject(standing.subject)
    return {
        "object": "standing",
        "account": account,
        "safety_identifier": end_user,
        "level": standing.level.value,
        "points": standing.points,
        "until": whole_seconds(standing.until),
        "ban_at": whole_seconds(standing.ban_at),
        "strikes": [
            {
                "id": one.id,
                "video_id": one.video_id,
                **_shown(one, taxonomy, is_staff=is_staff),
                "weight": one.weight,
                "given_by": one.given_by.value,
                "given_at": int(one.given_at),
                "expires_at": int(one.expires_at),
            }
            for one in standing.strikes
        ],
    }


def _shown(strike: Strike, taxonomy: Taxonomy, *, is_staff: bool) -> dict[str, str | None]:
    if is_staff:
        known = strike.category in taxonomy
        return {
            "group": taxonomy[strike.category].group.value if known else None,
            "category": strike.category,
        }
    return {"group": shown_group(strike, taxonomy), "category": shown_category(strike, taxonomy)}


def ban_object(ban: Ban) -> dict[str, Any]:
    """A ban without its reason and the people who decided."""
    state = "lifted" if ban.lifted_at else "confirmed" if ban.confirmed_at else "proposed"
    return {
        "id": ban.id,
        "object": "ban",
        "safety_identifier": split_subject(ban.subject)[1],
        "threat_to_life": ban.threat_to_life,
        "state": state,
        "effective_at": whole_seconds(ban.effective_at),
    }
