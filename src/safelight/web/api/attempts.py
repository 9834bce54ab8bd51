"""The routes of `/v1/safelight/attempts`: what providers refused, and what it cost."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import Response

from safelight.accounts import Principal
from safelight.core.errors import InvalidField
from safelight.core.i18n import load_messages
from safelight.providers.attempts.answers import answer_gate, attempt_answer
from safelight.providers.attempts.drift import DriftKind, DriftSource
from safelight.providers.attempts.fields import MAX_ERROR_CHARS, MAX_PROMPT_CHARS, read_attempt, read_time
from safelight.providers.attempts.models import AttemptFilter, AttemptOrigin, AttemptOutcome, NewAttempt
from safelight.providers.attempts.patterns import find_patterns
from safelight.providers.attempts.repeats import find_repeats
from safelight.videos.staff_reads import record_reads
from safelight.web.auth import AppState
from safelight.web.responses import (
    BODY_ERRORS,
    COMMON_ERRORS,
    NOT_MODIFIED,
    JsonResponse,
    describe_response,
    errors,
    list_object,
    page_object,
    revalidated_response,
)

from .parameters import App, Reader, Writer, read_fields
from .request_bodies import describe_body
from .schemas import ProviderErrorGate

#: Most rows of one request: each one is decoded, and one request counts as one check.
MAX_ROWS = 100
#: Most attempts whose patterns are computed: the drivers of a long prompt take about two milliseconds.
MAX_PATTERN_ATTEMPTS = 2_000
_NO_STORE = {"cache-control": "no-store"}

router = APIRouter(prefix="/v1/safelight/attempts", tags=["attempts"], responses=errors(*COMMON_ERRORS))


class AttemptObject(BaseModel):
    object: Literal["attempt"]
    id: str
    origin: Literal[*AttemptOrigin]  # type: ignore[valid-type]
    reported: bool = Field(description="True if this gateway did not submit it.")
    time: str
    provider: str
    model: str | None
    prompt: str | None
    prompt_withheld: bool
    error: str | None
    own_error: str | None
    outcome: Literal[*AttemptOutcome]  # type: ignore[valid-type]
    stage: str
    seconds: float | None
    size: str | None
    file_came: bool | None
    charged: Literal["yes", "no", "unknown"]
    amount: float | None
    currency: str | None
    source: str | None
    refunded: float | None
    is_refunded: bool
    request_id: str | None
    video_id: str | None


class AttemptWithGate(AttemptObject):
    gate: ProviderErrorGate | None = Field(description="The party that refused it; null if none did.")
    provider_answer: str | None = Field(
        description="The provider's own body when it refused or failed, with secrets masked; null if there "
        "is none, and where the prompt is withheld."
    )


class AttemptList(BaseModel):
    object: Literal["list"]
    data: list[AttemptObject]
    first_id: str | None
    last_id: str | None
    has_more: bool


class AddedAttempts(BaseModel):
    object: Literal["attempts.added"]
    data: list[AttemptObject]
    known: int = Field(description="Rows that were stored before. They are not stored again.")


class RefusalRateObject(BaseModel):
    refused: int
    total: int = Field(description="Prompts. Tries of one prompt at one provider count once.")
    attempts: int
    rate: float | None
    interval: tuple[float, float]


class RefusalPatternObject(RefusalRateObject):
    kind: Literal["driver", "provider", "model", "seconds"]
    value: str
    others: RefusalRateObject
    likely_cause: bool


class CurrencyTotalObject(BaseModel):
    currency: str
    charged: float
    refunded: float
    left: float


class RepeatResultObject(BaseModel):
    provider: str
    stage: Literal["input", "output", "unknown"] = Field(description="What the first refusal was of.")
    refused: int = Field(description="Different requests that were refused.")
    repeated: int = Field(description="Those that were sent again unchanged within a day.")
    passed_first: int = Field(description="Those that passed at the first repeat.")
    passed: int = Field(description="Those that passed at any repeat.")
    tries: int = Field(description="Number of repeats.")
    rate: float | None = Field(description="`passed_first` of `repeated`.")
    interval: tuple[float, float]
    charges: list[CurrencyTotalObject] = Field(description="What the repeats cost.")
    unknown_charges: int = Field(description="Repeats whose charge or amount is not known.")


class PatternList(BaseModel):
    object: Literal["list"]
    data: list[RefusalPatternObject]
    repeats: list[RepeatResultObject] = Field(
        description="What it brought to send refused requests again unchanged."
    )
    has_more: bool = Field(
        description=f"Whether there are more attempts than the newest {MAX_PATTERN_ATTEMPTS}."
    )


class OutcomeRateObject(BaseModel):
    count: int
    total: int
    rate: float | None
    interval: tuple[float, float]


class DriftObject(BaseModel):
    object: Literal["drift"]
    provider: str
    model: str | None
    kind: Literal[*DriftKind]  # type: ignore[valid-type]
    since: str = Field(description="The estimated time of the change.")
    found_at: str = Field(description="The time of the attempt with which it was found.")
    until: str | None = Field(description="The next change; null if this one goes on.")
    before: OutcomeRateObject
    after: OutcomeRateObject
    found_in: Literal[*DriftSource]  # type: ignore[valid-type]
    text: str


class WatchedProvider(BaseModel):
    provider: str
    model: str | None
    outcomes: int


class DriftList(BaseModel):
    object: Literal["list"]
    data: list[DriftObject]
    watched: list[WatchedProvider] = Field(description="Providers and models, and outcomes that were read.")


def read_filter(
    provider: Annotated[str, Query(description="Only this provider or generator.", max_length=200)] = "",
    model: Annotated[str, Query(max_length=200)] = "",
    origin: AttemptOrigin | None = None,
    since: Annotated[str | None, Query(description="From this time on, with a time zone.")] = None,
    until: Annotated[str | None, Query(description="Before this time.")] = None,
) -> AttemptFilter:
    """The filter in the query."""
    return AttemptFilter(
        provider=provider,
        model=model,
        origin=origin,
        since=_time("since", since),
        until=_time("until", until),
    )


Wanted = Annotated[AttemptFilter, Depends(read_filter)]


@router.get(
    "",
    summary="List attempts",
    responses=describe_response(AttemptList) | NOT_MODIFIED | errors(404),
)
async def list_attempts(
    request: Request,
    state: App,
    principal: Reader,
    wanted: Wanted,
    after: Annotated[str | None, Query(description="List the attempts after this id.")] = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
) -> Response:
    """Newest first: those of the gateway, and those that were added or imported.

    Canaries are listed only with `origin=canary`.
    """
    page = await state.threads.run(
        state.services.attempts.page, principal.tenant, wanted, after=after, limit=limit
    )
    await state.threads.run(record_reads, state.services.attempts, principal, page.items)
    data = [one.as_json() for one in page.items]
    return revalidated_response(request, page_object(data, has_more=page.has_more))


@router.post(
    "",
    summary="Add attempts of another program",
    responses=describe_response(AddedAttempts, *BODY_ERRORS, 429),
    openapi_extra=describe_body(
        "attempts",
        MAX_ROWS=MAX_ROWS,
        MAX_PROMPT_CHARS=MAX_PROMPT_CHARS,
        MAX_ERROR_CHARS=MAX_ERROR_CHARS,
        OUTCOMES=[*AttemptOutcome],
    ),
)
async def add(request: Request, state: App, principal: Writer) -> Response:
    """Stores all rows or none, marked as reported. Nothing is sent. Counts as one check."""
    rows = (await read_fields(request)).get("attempts")
    if not isinstance(rows, list) or not 1 <= len(rows) <= MAX_ROWS:
        raise InvalidField(f"`attempts` must be a list of 1 to {MAX_ROWS} objects.", param="attempts")
    await _spend(state, principal)
    added = await state.check_threads.run(_add, state, principal, rows)
    return JsonResponse(added, headers=_NO_STORE)


@router.get(
    "/patterns",
    summary="Find out how often providers refuse",
    responses=describe_response(PatternList, 429),
)
async def patterns(state: App, principal: Reader, wanted: Wanted) -> Response:
    """Refused prompts by driver, provider, model and length, with 95 % intervals. Counts as one check."""
    await _spend(state, principal)
    found = await state.check_threads.run(_patterns, state, principal, wanted)
    return JsonResponse(found, headers=_NO_STORE)


@router.get(
    "/drift",
    summary="Find out since when a provider behaves differently",
    responses=describe_response(DriftList, 429),
)
async def drift(state: App, principal: Reader) -> Response:
    """Changes of refusals, failures and charges in the newest attempts. Counts as one check."""
    await _spend(state, principal)
    found = await state.check_threads.run(state.services.drift.find, principal.tenant)
    return JsonResponse(found.as_json(load_messages("attempts")), headers=_NO_STORE)


@router.get(
    "/{attempt_id}",
    summary="Retrieve an attempt, and who refused it",
    responses=describe_response(AttemptWithGate) | NOT_MODIFIED | errors(404),
)
async def retrieve(request: Request, state: App, principal: Reader, attempt_id: str) -> Response:
    found = await state.check_threads.run(_answer, state, principal, attempt_id)
    return revalidated_response(request, found)


def _add(state: AppState, principal: Principal, rows: list[Any]) -> dict[str, Any]:
    log = state.services.attempts
    given = [_row(number, row) for number, row in enumerate(rows)]
    return log.add(principal.tenant, given, origin=AttemptOrigin.REPORTED, actor=principal.id).as_json()


def _row(number: int, row: Any) -> NewAttempt:
    name = f"attempts[{number}]"
    if not isinstance(row, dict):
        raise InvalidField(f"`{name}` must be an object.", param=name)
    try:
        return read_attempt(row)
    except InvalidField as error:
        raise InvalidField(f"{name}: {error.message}", param=f"{name}.{error.param}") from error


def _patterns(state: AppState, principal: Principal, wanted: AttemptFilter) -> dict[str, Any]:
    page = state.services.attempts.page(principal.tenant, wanted, limit=MAX_PATTERN_ATTEMPTS)
    data = [one.as_json() for one in find_patterns(page.items)]
    repeats = [one.as_json() for one in find_repeats(page.items)]
    return list_object(data, repeats=repeats, has_more=page.has_more)


def _answer(state: AppState, principal: Principal, attempt_id: str) -> dict[str, Any]:
    log = state.services.attempts
    attempt = log.get(principal.tenant, attempt_id)
    record_reads(log, principal, [attempt])
    gate = answer_gate(log, principal.tenant, attempt, find_drifts=state.services.drift.drifts)
    return attempt_answer(attempt, gate, log.answer(principal.tenant, attempt), load_messages("attempts"))


async def _spend(state: AppState, principal: Principal) -> None:
    if state.services.spend is not None:
        await state.threads.run(state.services.spend, principal)


def _time(name: str, value: str | None) -> float | None:
    if not value:
        return None
    try:
        return read_time(value)
    except InvalidField as error:
        raise InvalidField(error.message.replace("`time`", f"`{name}`", 1), param=name) from error
