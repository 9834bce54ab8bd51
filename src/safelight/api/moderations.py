"""`POST /v1/moderations`, as clients of omni-moderation know it, answered by our own detectors."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from safelight.errors import InvalidField, UnsupportedField
from safelight.moderation.moderations_api import InputKind, ModerationInput, ModerationResult
from safelight.trust.accounts import KeyScope, Principal
from safelight.web.auth import requires
from safelight.web.create_request import MAX_SAFETY_IDENTIFIER
from safelight.web.error_responses import BODY_ERRORS, errors
from safelight.web.json_fields import optional_text
from safelight.web.middleware import request_id
from safelight.web.request_body import read_body
from safelight.web.state import app_state

from . import schemas

Checker = Annotated[Principal, Depends(requires(KeyScope.CHECKS))]
MAX_TEXTS, MAX_PICTURES = 64, 8
MODEL = "safelight"
_KNOWN = frozenset({"input", "model", "safety_identifier", "user"})

router = APIRouter(
    prefix="/v1",
    tags=["moderations"],
    responses=errors(*BODY_ERRORS, 429),
)


@router.post(
    "/moderations",
    summary="Look at words and pictures",
    responses={200: {"model": schemas.Moderations}},
    openapi_extra={"requestBody": schemas.MODERATION_BODY},
)
async def moderate(request: Request, principal: Checker) -> Response:
    state = app_state(request)
    services = state.services
    async with read_body(request, services) as body:
        pieces = read_input(body.fields, most=services.max_prompt_chars)
        end_user = _end_user(body.fields)
        found = await state.threads.run(services.moderation.look, principal, pieces, end_user=end_user)
    return JSONResponse(
        {
            "id": request_id(request.scope).replace("req_", "modr-", 1),
            "model": f"{MODEL}-{services.version}",
            "results": [result(each) for each in found],
        }
    )


def result(seen: ModerationResult) -> dict[str, Any]:
    """One result; under `safelight` our own categories, and what nothing here looks for."""
    return {
        "flagged": seen.flagged,
        "categories": seen.categories,
        "category_scores": {name: round(score, 6) for name, score in seen.scores.items()},
        "category_applied_input_types": {
            name: [kind.value for kind in kinds] for name, kinds in seen.applied.items()
        },
        "safelight": {
            "category_scores": {name: round(score, 6) for name, score in seen.findings.items()},
            "not_checked": list(seen.not_checked),
        },
    }


def read_input(fields: Mapping[str, Any], *, most: int) -> tuple[ModerationInput, ...]:
    """The pieces of a request: each text of a list is told alone, a list of parts together."""
    for name in fields:
        if name not in _KNOWN:
            raise UnsupportedField(f"The field {name[:100]!r} is not taken.", param=name[:100])
    optional_text(fields, "model")
    given = fields.get("input")
    if isinstance(given, str):
        given = [given]
    if not isinstance(given, list) or not given:
        raise InvalidField("input is a text, a list of texts, or a list of parts.", param="input")
    pieces = tuple(_pieces(given, most))
    texts = sum(piece.kind is InputKind.TEXT for piece in pieces)
    if texts > MAX_TEXTS or len(pieces) - texts > MAX_PICTURES:
        raise InvalidField(
            f"At most {MAX_TEXTS} texts and {MAX_PICTURES} pictures are taken at once.", param="input"
        )
    return pieces


def _pieces(given: list[Any], most: int) -> Iterator[ModerationInput]:
    for number, part in enumerate(given):
        param = f"input[{number}]"
        if isinstance(part, str) and all(isinstance(other, str) for other in given):
            yield ModerationInput(
                kind=InputKind.TEXT, value=_text(part, param, most), param=param, group=number
            )
            continue
        match part:
            case {"type": "text", "text": str(text)}:
                yield ModerationInput(
                    kind=InputKind.TEXT, value=_text(text, f"{param}[text]", most), param=param
                )
            case {"type": "image_url", "image_url": {"url": str(url)}}:
                yield ModerationInput(kind=InputKind.IMAGE, value=url, param=f"{param}[image_url]")
            case _:
                raise InvalidField(
                    'A part is {"type": "text", "text": ...} or '
                    '{"type": "image_url", "image_url": {"url": ...}}.',
                    param=param,
                )


def _end_user(fields: Mapping[str, Any]) -> str | None:
    """`safety_identifier`, else `user`; both must be texts where they are there."""
    found = None
    for name in ("user", "safety_identifier"):
        given = optional_text(fields, name)
        if given and len(given) > MAX_SAFETY_IDENTIFIER:
            raise InvalidField(f"{name} is text of up to {MAX_SAFETY_IDENTIFIER} characters.", param=name)
        found = given or found
    return found


def _text(text: str, param: str, most: int) -> str:
    if len(text) > most:
        raise InvalidField(f"{param} has {len(text):,} characters; at most {most:,} are taken.", param=param)
    if "\0" in text or any("\ud800" <= c <= "\udfff" for c in text):
        raise InvalidField(f"{param} has a character that is no text.", param=param)
    return text
