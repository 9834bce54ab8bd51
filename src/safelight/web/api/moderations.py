"""`POST /v1/moderations` in the format of OpenAI's omni-moderation, answered by our own detectors."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from safelight.core.errors import InvalidField, UnsupportedField
from safelight.videos.summary import coverage_words
from safelight.web.create_request import MAX_SAFETY_IDENTIFIER
from safelight.web.middleware import request_id
from safelight.web.moderations_api import InputKind, ModerationInput, ModerationResult
from safelight.web.request_body import optional_identifier, optional_text, read_body
from safelight.web.responses import BODY_ERRORS, JsonResponse, describe_response, errors

from . import schemas
from .parameters import App, Checker
from .request_bodies import describe_body
from .schemas import MAX_CLIPS, MAX_IMAGES, MAX_TEXTS

_BODY = describe_body("moderation", MAX_TEXTS=MAX_TEXTS, MAX_INPUTS=MAX_TEXTS + MAX_IMAGES + MAX_CLIPS)
_LIMITS = {InputKind.TEXT: MAX_TEXTS, InputKind.IMAGE: MAX_IMAGES, InputKind.VIDEO: MAX_CLIPS}
MODEL = "safelight"
_KNOWN = frozenset({"input", "model", "safety_identifier", "user"})

router = APIRouter(
    prefix="/v1",
    tags=["moderations"],
    responses=errors(*BODY_ERRORS, 429),
)


@router.post(
    "/moderations",
    summary="Screen texts, images and clips",
    responses=describe_response(schemas.Moderations),
    openapi_extra=_BODY,
)
async def moderate(request: Request, state: App, principal: Checker) -> Response:
    services = state.services
    async with read_body(request, services) as body:
        pieces = read_input(body.fields, max_chars=services.max_prompt_chars)
        end_user = _read_end_user(body.fields)
        found = await state.threads.run(services.moderation.look, principal, pieces, end_user=end_user)
    return JsonResponse(
        {
            "id": request_id(request.scope).replace("req_", "modr-", 1),
            "model": f"{MODEL}-{services.version}",
            "results": [moderation_object(each) for each in found],
        }
    )


def moderation_object(seen: ModerationResult) -> dict[str, Any]:
    """One result in OpenAI's format.

    `safelight` has the scores of our own categories, and the categories that no installed detector checks;
    of a clip also the verdict of the policy and the coverage.
    """
    clip = seen.clip
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
            "verdict": clip.verdict.action.value if clip else None,
            "coverage": coverage_words(clip.coverage) if clip else None,
        },
    }


def read_input(fields: Mapping[str, Any], *, max_chars: int) -> tuple[ModerationInput, ...]:
    """The inputs of a request.

    A list of texts gives one result for each text; a list of parts gives one result in total.
    """
    for name in fields:
        if name not in _KNOWN:
            raise UnsupportedField(f"The field {name[:100]!r} is not supported.", param=name[:100])
    optional_text(fields, "model")
    given = fields.get("input")
    if isinstance(given, str):
        given = [given]
    if not isinstance(given, list) or not given:
        raise InvalidField("`input` must be a text, a list of texts, or a list of parts.", param="input")
    pieces = tuple(_read_pieces(given, max_chars))
    if any(sum(piece.kind is kind for piece in pieces) > most for kind, most in _LIMITS.items()):
        raise InvalidField(
            f"A request may have at most {MAX_TEXTS} texts, {MAX_IMAGES} images and {MAX_CLIPS} clip.",
            param="input",
        )
    return pieces


def _read_pieces(given: list[Any], max_chars: int) -> Iterator[ModerationInput]:
    for number, part in enumerate(given):
        param = f"input[{number}]"
        if isinstance(part, str) and all(isinstance(other, str) for other in given):
            yield ModerationInput(
                kind=InputKind.TEXT, value=_validate_text(part, param, max_chars), param=param, group=number
            )
            continue
        match part:
            case {"type": "text", "text": str(text)}:
                yield ModerationInput(
                    kind=InputKind.TEXT, value=_validate_text(text, f"{param}[text]", max_chars), param=param
                )
            case {"type": "image_url", "image_url": {"url": str(url)}}:
                yield ModerationInput(kind=InputKind.IMAGE, value=url, param=f"{param}[image_url]")
            case {"type": "video_url", "video_url": {"url": str(url)}}:
                yield ModerationInput(kind=InputKind.VIDEO, value=url, param=f"{param}[video_url]")
            case _:
                raise InvalidField(
                    'A part must be {"type": "text", "text": ...}, '
                    '{"type": "image_url", "image_url": {"url": ...}} or '
                    '{"type": "video_url", "video_url": {"url": ...}}.',
                    param=param,
                )


def _read_end_user(fields: Mapping[str, Any]) -> str | None:
    """The end user: `safety_identifier`, else `user`. Raises `InvalidField` if one of the two is not text."""
    found = None
    for name in ("user", "safety_identifier"):
        given = optional_identifier(fields, name)
        if given and len(given) > MAX_SAFETY_IDENTIFIER:
            raise InvalidField(
                f"`{name}` must be text of at most {MAX_SAFETY_IDENTIFIER} characters.", param=name
            )
        found = given or found
    return found


def _validate_text(text: str, param: str, max_chars: int) -> str:
    if len(text) > max_chars:
        raise InvalidField(
            f"`{param}` has {len(text):,} characters; the maximum is {max_chars:,}.", param=param
        )
    if "\0" in text or any("\ud800" <= c <= "\udfff" for c in text):
        raise InvalidField(
            f"`{param}` has a character that is not valid in text: NUL or half a surrogate pair. Remove it.",
            param=param,
        )
    return text
