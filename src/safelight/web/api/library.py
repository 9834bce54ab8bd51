"""The routes of `/v1/safelight/library`."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Path, Query
from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import Response

from safelight.accounts import KeyScope, Principal
from safelight.core.errors import InvalidField
from safelight.videos.library import (
    MAX_CATEGORY_CHARACTERS,
    MAX_IMPORTED_ENTRIES,
    MAX_NOTES_CHARACTERS,
    MAX_RESULTS,
    EntryQuery,
    EntryStatus,
    ImportOutcome,
    NewEntry,
    entry_object,
    import_object,
    read_imported,
)
from safelight.web.auth import requires
from safelight.web.create_request import require_writable
from safelight.web.request_body import optional_text, required_text
from safelight.web.responses import (
    BODY_ERRORS,
    COMMON_ERRORS,
    JsonResponse,
    deleted_object,
    describe_response,
    errors,
    list_object,
)
from safelight.web.video_facts import valid_video_id

from .parameters import App, Reader, Writer, read_fields
from .request_bodies import describe_body

EntryId = Annotated[str, Path(max_length=80)]
#: Longest query in characters; a longer one is a prompt and finds too much.
MAX_QUERY_CHARACTERS = 400

router = APIRouter(prefix="/v1/safelight/library", tags=["library"], responses=errors(*COMMON_ERRORS))


class EntryObject(BaseModel):
    object: Literal["library.entry"]
    id: str
    prompt: str
    category: str
    notes: str
    variation_of: str | None
    video_id: str | None = Field(description="The video that proved the prompt first; null for an import.")
    created_at: int
    status: Literal[*EntryStatus]  # type: ignore[valid-type]
    needs_validation: bool
    model: str | None = Field(description="The model of the last proof.")
    proven_at: int | None
    last_video_id: str | None
    proofs: int = Field(description="Delivered videos with this prompt and the verdict allow.")
    blocks: int = Field(description="Videos with this prompt that were blocked.")


class EntryList(BaseModel):
    object: Literal["list"]
    data: list[EntryObject]


class EntrySearch(EntryList):
    has_more: bool


class EntryDeleted(BaseModel):
    id: str
    object: Literal["library.entry.deleted"]
    deleted: bool


class ImportResultObject(BaseModel):
    number: int
    outcome: Literal[*ImportOutcome]  # type: ignore[valid-type]
    reason: str | None


class ImportObject(BaseModel):
    object: Literal["library.import"]
    added: int
    results: list[ImportResultObject]


def read_query(
    q: Annotated[str, Query(max_length=MAX_QUERY_CHARACTERS, description="Words, in any language.")] = "",
    category: Annotated[str | None, Query(max_length=MAX_CATEGORY_CHARACTERS)] = None,
    needs_validation: bool = False,
    after: Annotated[
        str | None, Query(max_length=80, description="List after the entry with this id.")
    ] = None,
    limit: Annotated[int, Query(ge=1, le=MAX_RESULTS)] = 50,
) -> EntryQuery:
    """The search of a request."""
    require_writable(q + (category or "") + (after or ""), "q")
    return EntryQuery(words=q, category=category, needs_validation=needs_validation, after=after, limit=limit)


@router.get("", summary="Search the library", responses=describe_response(EntrySearch, 404))
async def search(app: App, principal: Reader, query: Annotated[EntryQuery, Depends(read_query)]) -> Response:
    """The entries that fit best; without words, the newest first."""
    page = await app.threads.run(app.services.library.search, principal, query)
    return JsonResponse(list_object(map(entry_object, page.items), has_more=page.has_more))


@router.post(
    "",
    summary="Add the prompt of a delivered video",
    responses=describe_response(EntryObject, *BODY_ERRORS, 404, 409),
    openapi_extra=describe_body(
        "library_entry", MAX_CATEGORY=MAX_CATEGORY_CHARACTERS, MAX_NOTES=MAX_NOTES_CHARACTERS
    ),
)
async def add(request: Request, app: App, principal: Writer) -> Response:
    fields = await read_fields(request)
    variation_of = optional_text(fields, "variation_of")
    if variation_of is not None:
        require_writable(variation_of, "variation_of")
    new = NewEntry(
        video_id=valid_video_id(required_text(fields, "video_id")),
        category=required_text(fields, "category"),
        notes=optional_text(fields, "notes") or "",
        variation_of=variation_of,
    )
    return await app.show(entry_object, app.services.library.add, principal, new)


@router.get("/export", summary="Export the library", responses=describe_response(EntryList))
async def export(app: App, principal: Reader) -> Response:
    found = await app.threads.run(app.services.library.export, principal)
    return JsonResponse(list_object(map(entry_object, found)))


@router.post(
    "/import",
    summary="Import prompts; each is checked like a new prompt",
    responses=describe_response(ImportObject, *BODY_ERRORS, 429),
    openapi_extra=describe_body(
        "library_import",
        MAX_ENTRIES=MAX_IMPORTED_ENTRIES,
        MAX_CATEGORY=MAX_CATEGORY_CHARACTERS,
        MAX_NOTES=MAX_NOTES_CHARACTERS,
    ),
)
async def import_entries(
    request: Request,
    app: App,
    principal: Annotated[Principal, Depends(requires(KeyScope.CHECKS, KeyScope.VIDEOS_WRITE))],
) -> Response:
    """Each entry counts as one check. Imported prompts are unproven until a video with them is delivered."""
    given = (await read_fields(request)).get("entries")
    if not isinstance(given, list):
        raise InvalidField("`entries` must be a list.", param="entries")
    entries = [read_imported(value, number) for number, value in enumerate(given, start=1)]
    results = await app.check_threads.run(app.services.library.import_entries, principal, entries)
    return JsonResponse(import_object(results))


@router.get(
    "/{entry_id}",
    summary="Retrieve a library entry",
    responses=describe_response(EntryObject, 404),
)
async def retrieve(app: App, principal: Reader, entry_id: EntryId) -> Response:
    return await app.show(entry_object, app.services.library.get, principal, entry_id)


@router.delete(
    "/{entry_id}",
    summary="Remove a library entry",
    responses=describe_response(EntryDeleted, 404),
)
async def remove(app: App, principal: Writer, entry_id: EntryId) -> Response:
    """Its videos stay."""
    await app.threads.run(app.services.library.remove, principal, entry_id)
    return JsonResponse(deleted_object(entry_id, "library.entry"))
