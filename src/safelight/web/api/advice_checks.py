"""`POST /v1/safelight/checks`: a check with advice for prompts that a provider may refuse."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from safelight.core.errors import InvalidField, NotFound
from safelight.core.i18n import DEFAULT, LANGUAGES, accepted_language, match_language
from safelight.providers.advice.age_cues import MAX_AGE, MIN_AGE
from safelight.providers.advice.check_result import advice_wire, applied_wire, find_suggestion
from safelight.providers.advice.driver_tables import asked_risks
from safelight.providers.advice.drivers import REWRITTEN, TEMPLATE
from safelight.providers.advice.prompt_advice import AdviceOptions, BlockedAt
from safelight.videos.requests.field_problems import FieldProblems
from safelight.web.create_request import create_request
from safelight.web.request_body import read_body
from safelight.web.responses import BODY_ERRORS, JsonResponse, describe_response, errors
from safelight.web.translations import load_languages

from . import schemas
from .checks import check_object, read_provider
from .parameters import App, Checker
from .request_bodies import describe_video_body
from .shown_video import accepted_texts

NEGATIVE = "negative_prompt"
MAX_PURPOSE_CHARS = 300
MAX_LANGUAGE_CHARS = 35
_TEXTS = (NEGATIVE, TEMPLATE, REWRITTEN)
#: Fields of this route that are not fields of a generation request.
_OURS = (
    "provider",
    *_TEXTS,
    "purpose",
    "age",
    "rewrite_failed",
    "rewriter",
    "blocked",
    "reference_shows",
    "apply",
    "language",
)

router = APIRouter(
    prefix="/v1/safelight", tags=["checks"], responses=errors(*BODY_ERRORS, 404, 409, 410, 429)
)


@router.post(
    "/checks",
    summary="Check a request, with advice on what a provider may refuse",
    responses=describe_response(schemas.AdviceCheck),
    openapi_extra={"requestBody": describe_video_body("advice_check")},
)
async def check(request: Request, state: App, principal: Checker) -> Response:
    """Takes the body of `POST /v1/videos` and the fields of the advice.

    With `apply`, the rewritten prompt is checked too, which counts as another check, and so does a call of
    the language model with `rewriter`.
    """
    services = state.services
    if services.checks is None:
        raise NotFound("This server does not offer `POST /v1/safelight/checks`.")
    async with read_body(request, services) as body:
        problems = FieldProblems()
        asked = create_request(
            body.fields, body.uploads, max_prompt_chars=services.max_prompt_chars, problems=problems
        )
        given = {name: asked.extra[name] for name in _OURS if asked.extra.get(name) not in (None, "")}
        wanted = replace(asked, extra={k: v for k, v in asked.extra.items() if k not in _OURS})
        options, locale, number = AdviceOptions(), DEFAULT, None
        with problems.collected():
            options = _options(given, services.max_prompt_chars)
        with problems.collected():
            locale = read_language(given.get("language"), request)
        with problems.collected():
            number = _number(given.get("apply"))
        run = state.check_threads.run
        found, admitted, price = await run(services.checks.check, principal, wanted, options=options)
        t = load_languages()[locale].for_region(accepted_texts(request).region)
        answer = check_object(found, admitted, price, services.taxonomy, t) | advice_wire(found, locale)
        answer |= {"object": "safelight.check", "applied": None}
        spent = 2 if found.rewriter and found.rewriter.called else 1
        if number is not None and found.prompt_advice.helps:
            suggestion = find_suggestion(found, number)
            changed = replace(wanted, prompt=suggestion.rewritten)
            again, _, _ = await run(
                services.checks.check, principal, changed, options=replace(options, rewriter=False)
            )
            answer["applied"] = applied_wire(found, suggestion, again)
            spent += 1
        answer["spent"] = {"usd": 0.0, "checks": spent}
    return JsonResponse(answer, headers={"cache-control": "no-store"})


def _options(given: Mapping[str, Any], max_chars: int) -> AdviceOptions:
    return AdviceOptions(
        provider=read_provider(given.get("provider")),
        blocked_at=_blocked_at(given.get("blocked")),
        age=_age(given.get("age")),
        rewrite_failed=_flag("rewrite_failed", given.get("rewrite_failed")),
        rewriter=_flag("rewriter", given.get("rewriter")),
        reference_shows=_reference_shows(given.get("reference_shows")),
        purpose=_text("purpose", given.get("purpose", ""), MAX_PURPOSE_CHARS),
        texts={name: _text(name, given[name], max_chars) for name in _TEXTS if name in given},
        negated=frozenset({NEGATIVE}),
    )


def _text(name: str, value: Any, longest: int) -> str:
    if isinstance(value, str) and len(value) <= longest:
        return value
    raise InvalidField(f"`{name}` must be a text of at most {longest:,} characters.", param=name)


def _blocked_at(value: Any) -> BlockedAt | None:
    if value is None:
        return None
    if isinstance(value, str) and value in set(BlockedAt):
        return BlockedAt(value)
    raise InvalidField(f"`blocked` must be one of: {', '.join(BlockedAt)}.", param="blocked")


def _age(value: Any) -> int | None:
    if value is None:
        return None
    age = _small_number(value)
    if age is not None and MIN_AGE <= age <= MAX_AGE:
        return age
    raise InvalidField(f"`age` must be a number from {MIN_AGE} to {MAX_AGE}.", param="age")


def _flag(name: str, value: Any) -> bool:
    if value in (None, False, "false"):
        return False
    if value in (True, "true"):
        return True
    raise InvalidField(f"`{name}` must be true or false.", param=name)


def _reference_shows(value: Any) -> tuple[str, ...] | None:
    """The answers to the five questions. A form has them in one field, separated by commas."""
    if value is None:
        return None
    names = [name.strip() for name in value.split(",")] if isinstance(value, str) else value
    if isinstance(names, list) and all(isinstance(name, str) and name in asked_risks() for name in names):
        return tuple(names)
    raise InvalidField(
        f"`reference_shows` must be a list of these: {', '.join(asked_risks())}.", param="reference_shows"
    )


def read_language(value: Any, request: Request) -> str:
    """The language of the texts of an answer: `language` of the body, else the best of `Accept-Language`."""
    if value is None:
        return accepted_language(request.headers.get("accept-language", ""))
    is_tag = isinstance(value, str) and len(value) <= MAX_LANGUAGE_CHARS
    found = match_language(value) if is_tag else None
    if found is None:
        raise InvalidField(f"`language` must be one of: {', '.join(LANGUAGES)}.", param="language")
    return found


def _number(value: Any) -> int | None:
    if value is None:
        return None
    number = _small_number(value)
    if number is None:
        raise InvalidField("`apply` must be the number of a suggestion.", param="apply")
    return number


def _small_number(value: Any) -> int | None:
    """The number of at most three digits that a form or a JSON body has; None if it is none."""
    text = str(value)
    is_number = not isinstance(value, bool) and text.isascii() and text.isdigit() and len(text) < 4
    return int(text) if is_number else None
