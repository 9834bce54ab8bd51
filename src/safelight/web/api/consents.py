"""Routes for consents: ask, answer, look up the uses, withdraw, and confirm as a reviewer."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from fastapi import APIRouter
from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import Response

from safelight.accounts import KeyScope, Principal
from safelight.consents.requests import (
    ConsentFlag,
    ConsentRequest,
    NewConsentRequest,
    SubjectAnswer,
    SubjectPage,
)
from safelight.consents.requests.models import NOT_CHECKED, ConsentUse
from safelight.consents.uses import compute_commitment
from safelight.core.errors import InvalidField, NotFound
from safelight.policy.intended_use import ConsentLevel, ConsentScope, UseKind
from safelight.web.auth import AppState
from safelight.web.consent_call import base_url, device_of
from safelight.web.request_body import (
    Body,
    optional_flag,
    optional_text,
    optional_texts,
    read_body,
    required_text,
)
from safelight.web.responses import (
    BODY_ERRORS,
    COMMON_ERRORS,
    JsonResponse,
    describe_response,
    errors,
    list_object,
    whole_seconds,
)
from safelight.web.services import ConsentServices

from .parameters import App, Reader, Reviewer, Writer, read_end_user, read_fields
from .request_bodies import describe_body

router = APIRouter(prefix="/v1/safelight/consents", tags=["consents"], responses=errors(*COMMON_ERRORS))

_NOT_CHECKED = "What no software checks of a consent: the age, and whether a live person gave it."
_KEY_HEADER = {"name": "Idempotency-Key", "in": "header", "schema": {"type": "string", "maxLength": 255}}


class ConsentRequestObject(BaseModel):
    id: str
    object: Literal["consent_request"]
    state: Literal["asked", "refused", "expired", "waiting", "rejected", "given", "withdrawn"]
    level: int = Field(description="What the answer reaches: 0 if whoever asks passes a link of level 1 on.")
    subject: str
    asker: str
    scope: list[str]
    uses: str
    use_kinds: list[str] = Field(description="Empty: every kind of use.")
    commercial: bool
    territory: str
    expires_at: int
    not_checked: list[str] = Field(description=_NOT_CHECKED)
    flags: list[str] = Field(description="What a reviewer has to clear; empty without the scope review.")
    safety_identifier: str | None
    mailed: bool
    link: str | None = Field(description="Only in the response to the request, and only if no mail is sent.")
    link_expires_at: int
    created_at: int
    answered_at: int | None


class ConsentRequestList(BaseModel):
    object: Literal["list"]
    data: list[ConsentRequestObject]


class OpenConsentRequest(BaseModel):
    object: Literal["consent_request.terms"]
    asker: str
    subject: str
    level: int
    phrase: str = Field(description="The words that the subject shows in the clip; empty for level 1.")
    scope: list[str]
    uses: str
    commercial: bool
    use_kinds: list[str] = Field(description="Empty: every kind of use.")
    territory: str
    expires_at: int
    not_checked: list[str] = Field(description=_NOT_CHECKED)


class ConsentAnswer(BaseModel):
    object: Literal["consent_request.answer"]
    state: str
    page_token: str | None = Field(description="For the subject only: shows the uses and withdraws.")


class ConsentCommitment(BaseModel):
    value: str = Field(description="The commitment in the manifest of the video.")
    salt: str
    video_id: str = Field(
        description="The id in the commitment: an earlier one if a sealed file was delivered again."
    )


class ConsentUseObject(BaseModel):
    video_id: str
    at: int
    state: str
    commitment: ConsentCommitment | None = Field(description="Null before the video was sealed.")


class ConsentPage(BaseModel):
    object: Literal["consent"]
    id: str
    state: str
    level: int | None
    scope: list[str]
    not_checked: list[str] = Field(description=_NOT_CHECKED)
    uses: list[ConsentUseObject]


@router.post(
    "",
    summary="Ask a person for a consent to use their face or voice",
    responses=describe_response(ConsentRequestObject, *BODY_ERRORS, 409, 429),
    openapi_extra={
        **describe_body("consent_request", USE_KINDS=[*UseKind], SCOPES=[*ConsentScope]),
        "parameters": [_KEY_HEADER],
    },
)
async def ask(request: Request, app: App, principal: Writer) -> Response:
    """Sends a link to the person. The same Idempotency-Key returns the first request, without a link."""
    fields = await read_fields(request)
    level = fields.get("level")
    expires_at = fields.get("expires_at")
    if not isinstance(expires_at, int | float) or isinstance(expires_at, bool):
        raise InvalidField("`expires_at` must be a time in Unix seconds.", param="expires_at")
    if level is not None and (not isinstance(level, int) or isinstance(level, bool)):
        raise InvalidField("`level` must be 1 or 2.", param="level")
    new = NewConsentRequest(
        asker=required_text(fields, "asker"),
        subject=required_text(fields, "subject"),
        email=required_text(fields, "email"),
        uses=required_text(fields, "uses"),
        territory=required_text(fields, "territory"),
        expires_at=float(expires_at),
        scope=optional_texts(fields, "scope") or [ConsentScope.LIKENESS.value],
        commercial=optional_flag(fields, "commercial", default=False),
        kinds=optional_texts(fields, "use_kinds") or (),
        language=optional_text(fields, "language") or "en",
        level=ConsentLevel.ON_CAMERA if level is None else level,
        end_user=read_end_user(fields),
        idempotency_key=request.headers.get("idempotency-key") or None,
    )
    requests = _services(app).requests
    device, base = await device_of(request), base_url(request)
    asked = await app.threads.run(lambda: requests.ask(principal, new, device, base_url=base))
    return JsonResponse(request_object(asked.request, principal, link=asked.link))


@router.get("", summary="List consent requests", responses=describe_response(ConsentRequestList))
async def list_requests(app: App, principal: Reader) -> Response:
    """The newest 500 requests."""
    found = await app.threads.run(_services(app).requests.list, principal)
    return JsonResponse(list_object(request_object(each, principal) for each in found))


@router.post(
    "/open",
    summary="Read what a link asks, for the page of a platform",
    responses=describe_response(OpenConsentRequest, *BODY_ERRORS, 404),
    openapi_extra=describe_body("consent_token"),
)
async def open_link(request: Request, app: App, principal: Writer) -> Response:
    """Changes nothing."""
    token = await _read_token(request)
    answers = _services(app).answers
    found = await app.threads.run(lambda: answers.open(token, tenant=principal.tenant))
    return JsonResponse({"object": "consent_request.terms", "phrase": found.phrase, **_shown_terms(found)})


@router.post(
    "/answer",
    summary="Answer a link for the person who received it",
    responses=describe_response(ConsentAnswer, *BODY_ERRORS, 404, 409),
    openapi_extra=describe_body("consent_answer", "multipart/form-data"),
)
async def answer(request: Request, app: App, principal: Writer) -> Response:
    """The link works once. A clip is needed for level 2."""
    answers = _services(app).answers
    device, base = await device_of(request), base_url(request)
    async with read_body(request, app.services) as body:
        token, given = required_text(body.fields, "token"), read_answer(body)
        result = await app.threads.run(
            lambda: answers.answer(token, given, device, base_url=base, tenant=principal.tenant)
        )
    page = result.page.partition("token=")[2] if result.page else None
    state = result.request.state.value
    return JsonResponse({"object": "consent_request.answer", "state": state, "page_token": page})


@router.post(
    "/uses",
    summary="List the uses of a consent, with the secret of the subject's page",
    responses=describe_response(ConsentPage, *BODY_ERRORS, 404),
    openapi_extra=describe_body("consent_token"),
)
async def uses(request: Request, app: App, principal: Reader) -> Response:
    token = await _read_token(request)
    return await app.show(page_object, _services(app).answers.page, token, tenant=principal.tenant)


@router.post(
    "/withdraw",
    summary="Withdraw a consent, with the secret of the subject's page",
    responses=describe_response(ConsentPage, *BODY_ERRORS, 404),
    openapi_extra=describe_body("consent_token"),
)
async def withdraw(request: Request, app: App, principal: Writer) -> Response:
    """Ends the consent at once. A repeated request changes nothing."""
    token = await _read_token(request)
    return await app.show(page_object, _services(app).answers.withdraw, token, tenant=principal.tenant)


@router.get(
    "/{consent_id}",
    summary="Retrieve a consent request",
    responses=describe_response(ConsentRequestObject, *COMMON_ERRORS, 404),
)
async def retrieve(app: App, principal: Reader, consent_id: str) -> Response:
    found = await app.threads.run(_services(app).requests.get, principal, consent_id)
    return JsonResponse(request_object(found, principal))


@router.get(
    "/{consent_id}/media",
    summary="Frames of the subject's clip, for a reviewer",
    responses={200: {"content": {"image/webp": {}}}, **errors(*COMMON_ERRORS, 404)},
    response_class=Response,
)
async def media(app: App, principal: Reviewer, consent_id: str) -> Response:
    """Each view is recorded in the audit log. The frames are deleted with the decision."""
    requests = _services(app).requests
    found = await app.threads.run(requests.show_media, principal, consent_id)
    return Response(found, media_type="image/webp", headers={"cache-control": "no-store"})


@router.post(
    "/{consent_id}/decision",
    summary="Confirm or reject a consent that was given on camera",
    responses=describe_response(ConsentRequestObject, *BODY_ERRORS, 403, 404, 409),
    openapi_extra=describe_body("consent_decision", FLAGS=[*ConsentFlag]),
)
async def decide(request: Request, app: App, principal: Reviewer, consent_id: str) -> Response:
    requests = _services(app).requests
    fields = await read_fields(request)
    if not isinstance(fields.get("confirm"), bool):
        raise InvalidField("`confirm` must be true or false.", param="confirm")
    cleared = optional_texts(fields, "cleared_flags") or []
    decided = await app.threads.run(
        lambda: requests.decide(principal, consent_id, confirm=fields["confirm"], cleared=cleared)
    )
    return JsonResponse(request_object(decided, principal))


def read_answer(body: Body) -> SubjectAnswer:
    """The answer in a form. Raises `InvalidField`."""
    accepts = body.fields.get("accepts")
    if accepts not in ("true", "false"):
        raise InvalidField("`accepts` must be true or false.", param="accepts")
    scope = [part for part in str(body.fields.get("scope", "")).split(",") if part]
    files: list[Path] = [upload.path for upload in body.uploads if upload.field == "media"]
    if len(files) > 1:
        raise InvalidField("Send one file in `media`.", param="media")
    return SubjectAnswer(
        accepts=accepts == "true",
        scope=scope,
        is_adult=body.fields.get("is_adult") == "true",
        media=files[0] if files and files[0].stat().st_size else None,
    )


def request_object(made: ConsentRequest, principal: Principal, *, link: str | None = None) -> dict[str, Any]:
    """A request as JSON, without the address of the subject. The flags are for reviewers only."""
    return {
        "id": made.id,
        "object": "consent_request",
        "state": made.state.value,
        **_shown_terms(made),
        "flags": [flag.value for flag in made.flags] if principal.has_scope(KeyScope.REVIEW) else [],
        "safety_identifier": made.end_user,
        "mailed": made.mailed,
        "link": link,
        "link_expires_at": int(made.link_expires_at),
        "created_at": int(made.created_at),
        "answered_at": whole_seconds(made.answered_at),
    }


def page_object(page: SubjectPage) -> dict[str, Any]:
    """The subject's page as JSON."""
    return {
        "object": "consent",
        "id": page.request.id,
        "state": page.request.state.value,
        "level": None if page.level is None else page.level.value,
        "scope": [part.value for part in page.scope],
        "not_checked": NOT_CHECKED,
        "uses": [_use_object(page.request.id, use) for use in page.uses],
    }


def _shown_terms(made: ConsentRequest) -> dict[str, Any]:
    terms = made.terms
    return {
        "level": made.reachable_level.value,
        "subject": made.subject,
        "asker": made.asker,
        "scope": [part.value for part in terms.scope],
        "uses": terms.uses,
        "use_kinds": [kind.value for kind in terms.kinds],
        "commercial": terms.commercial,
        "territory": terms.territory,
        "expires_at": int(terms.expires_at),
        "not_checked": NOT_CHECKED,
    }


def _use_object(consent_id: str, use: ConsentUse) -> dict[str, Any]:
    commitment = None
    if use.salt is not None:
        value = compute_commitment(use.salt, consent_id=consent_id, video_id=use.committed_id)
        commitment = {"value": value, "salt": use.salt, "video_id": use.committed_id}
    return {"video_id": use.video_id, "at": int(use.at), "state": use.state, "commitment": commitment}


async def _read_token(request: Request) -> str:
    return required_text(await read_fields(request), "token")


def _services(app: AppState) -> ConsentServices:
    found = app.services.consents
    if found is None:
        raise NotFound("This server has no consents.")
    return found
