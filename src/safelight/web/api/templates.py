"""The routes of `/v1/safelight/templates`."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import Response

from safelight.core.errors import InvalidField
from safelight.videos.templates import SlotType, TemplateState
from safelight.videos.templates.serializers import rendered_object, template_object, validated_object
from safelight.videos.templates.service import MAX_SOURCE_CHARACTERS, MAX_STORED
from safelight.web.create_request import read_template_call, require_writable
from safelight.web.request_body import required_text
from safelight.web.responses import (
    BODY_ERRORS,
    COMMON_ERRORS,
    JsonResponse,
    describe_response,
    errors,
    list_object,
)

from .parameters import App, Reader, Reviewer, Writer, read_fields
from .request_bodies import describe_body

Name = Annotated[str, Path(max_length=60)]
Version = Annotated[int, Path(ge=1, le=999_999_999)]

router = APIRouter(prefix="/v1/safelight/templates", tags=["templates"], responses=errors(*COMMON_ERRORS))


class SlotObject(BaseModel):
    name: str
    type: Literal[*SlotType]  # type: ignore[valid-type]
    values: list[str]
    required: bool
    default: str
    max_characters: int | None


class TemplateObject(BaseModel):
    object: Literal["template"]
    id: str
    name: str
    version: int
    state: Literal[*TemplateState]  # type: ignore[valid-type]
    about: str
    language: str
    text: str
    slots: list[SlotObject]
    source: str = Field(description="The YAML text of the version.")
    author: str
    approver: str | None
    created_at: int
    submitted_at: int | None
    approved_at: int | None
    retired_at: int | None
    no_eligible_approver: bool = Field(
        description="True if it waits for approval and no other enrolled person may approve it."
    )


class ValidationObject(BaseModel):
    video_id: str
    prompt: str
    model: str
    created_at: int
    outcome: str = Field(description="The state of the video.")
    error_code: str | None
    charge: dict[str, Any] | None


class TemplateWithValidations(TemplateObject):
    validations: list[ValidationObject] = Field(description="The videos made from this version.")


class TemplateList(BaseModel):
    object: Literal["list"]
    data: list[TemplateObject]
    has_more: bool


class TemplateCallObject(BaseModel):
    name: str
    version: int
    values: dict[str, str]


class RenderedTemplate(BaseModel):
    object: Literal["template.prompt"]
    prompt: str
    template: TemplateCallObject
    approved: bool


_CHANGED = describe_response(TemplateObject, 404, 409)


@router.get("", summary="List templates", responses=describe_response(TemplateList, 404))
async def list_templates(
    app: App,
    principal: Reader,
    after: Annotated[
        str | None, Query(max_length=80, description="List after the version with this id.")
    ] = None,
    limit: Annotated[int, Query(ge=1, le=MAX_STORED)] = 100,
) -> Response:
    """The versions of all templates, by name, the newest version first."""
    require_writable(after or "", "after")
    page = await app.threads.run(app.services.templates.list, principal, after=after, limit=limit)
    return JsonResponse(list_object(map(template_object, page.items), has_more=page.has_more))


@router.post(
    "",
    summary="Add a draft",
    responses=describe_response(TemplateObject, *BODY_ERRORS, 409),
    openapi_extra=describe_body("template", MAX_SOURCE=MAX_SOURCE_CHARACTERS),
)
async def add(request: Request, app: App, principal: Writer) -> Response:
    """The draft is the next version of its name."""
    source = required_text(await read_fields(request), "source")
    require_writable(source, "source")
    return await app.show(template_object, app.services.templates.add, principal, source)


@router.get(
    "/{name}",
    summary="Retrieve a template with its validations",
    responses=describe_response(TemplateWithValidations, 404),
)
async def retrieve(
    app: App,
    principal: Reader,
    name: Name,
    version: Annotated[int | None, Query(ge=1, le=999_999_999)] = None,
) -> Response:
    """By default the newest approved version, or the newest if none is approved."""
    templates = app.services.templates
    found = await app.threads.run(templates.get, principal, name, version)
    validations = await app.threads.run(templates.validations, principal, name, found.version)
    return JsonResponse(validated_object(found, validations))


@router.post(
    "/{name}/render",
    summary="Render the prompt of a template",
    responses=describe_response(RenderedTemplate, *BODY_ERRORS, 404, 409),
    openapi_extra=describe_body("template_values"),
)
async def render(request: Request, app: App, principal: Reader, name: Name) -> Response:
    """The prompt is not judged; check it with `POST /v1/videos/check`."""
    fields = {key: value for key, value in (await read_fields(request)).items() if value is not None}
    if "name" in fields:
        raise InvalidField("The name is in the address.", param="name")
    call = read_template_call({**fields, "name": name})
    return await app.show(rendered_object, app.services.templates.render, principal, call)


@router.post("/{name}/{version}/submit", summary="Submit a draft for review", responses=_CHANGED)
async def submit(app: App, principal: Writer, name: Name, version: Version) -> Response:
    return await app.show(template_object, app.services.templates.submit, principal, name, version)


@router.post("/{name}/{version}/approve", summary="Approve a template", responses=_CHANGED)
async def approve(app: App, principal: Reviewer, name: Name, version: Version) -> Response:
    """Only a person other than the author may approve."""
    return await app.show(template_object, app.services.templates.approve, principal, name, version)


@router.post("/{name}/{version}/retire", summary="Retire a template", responses=_CHANGED)
async def retire(app: App, principal: Reader, name: Name, version: Version) -> Response:
    """Its author may do so, and everyone with the scope `review`."""
    return await app.show(template_object, app.services.templates.retire, principal, name, version)
