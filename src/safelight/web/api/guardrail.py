"""LiteLLM's Generic Guardrail API: checks the prompt and the pictures of a request to LiteLLM.

LiteLLM blocks the request if the answer is an error, so what is not checked is refused.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import Response

from safelight.accounts import KeyScope, Principal
from safelight.core.errors import InvalidField, NotFound, UnsupportedField
from safelight.policy.verdicts import Action
from safelight.providers.advice.check_result import CheckResult
from safelight.web.auth import named_key, requires
from safelight.web.create_request import MAX_SAFETY_IDENTIFIER, is_visible, require_writable
from safelight.web.request_body import optional_text, optional_texts, read_body
from safelight.web.responses import BODY_ERRORS, JsonResponse, describe_response, errors

from . import schemas
from .parameters import App
from .request_bodies import describe_body
from .schemas import MAX_IMAGES, MAX_TEXTS

#: LiteLLM appends this path to `api_base`.
GUARDRAIL_PATH = "/beta/litellm_basic_guardrail_api"
#: Fields that have no content, or the same content as `texts` and `images`.
_NOT_CONTENT = frozenset(
    {
        *("input_type", "litellm_call_id", "litellm_trace_id", "litellm_version", "model"),
        *("request_data", "request_headers", "additional_provider_specific_params", "structured_messages"),
    }
)
#: Types of parts of messages whose content is in `texts` and `images`.
_EXTRACTED_PARTS = frozenset({"text", "image_url", "input_text", "input_image"})
_URL_SCHEMES = ("data:", "http:", "https:")
_NO_REVIEW = "LiteLLM cannot wait for a review."

Checker = Annotated[Principal, Depends(requires(KeyScope.CHECKS, read_key=named_key))]
router = APIRouter(tags=["checks"], responses=errors(*BODY_ERRORS, 404, 429))


@router.post(
    GUARDRAIL_PATH,
    summary="Check the prompt and pictures of a request to LiteLLM",
    responses=describe_response(schemas.GuardrailAnswer),
    openapi_extra=describe_body("guardrail", MAX_TEXTS=MAX_TEXTS, MAX_IMAGES=MAX_IMAGES),
)
async def apply_guardrail(request: Request, state: App, principal: Checker) -> Response:
    services = state.services
    if services.checks is None:
        raise NotFound("This server does not offer checks.")
    async with read_body(request, services) as body:
        prompt, pictures = read_content(body.fields, max_chars=services.max_prompt_chars)
        found = await state.check_threads.run(
            services.checks.check_content,
            principal,
            prompt,
            pictures,
            end_user=_read_end_user(body.fields.get("request_data")),
        )
    return JsonResponse(guardrail_answer(found), headers={"cache-control": "no-store"})


def guardrail_answer(found: CheckResult) -> dict[str, str]:
    """`NONE` if the request is allowed, else `BLOCKED`. LiteLLM's third action is for rewritten content."""
    if found.undecided:
        reason = f"The check of {', '.join(found.not_checked)} was not finished in time."
    elif found.action is Action.HOLD:
        reason = f"{found.summary} {_NO_REVIEW}"
    elif found.action is Action.BLOCK or found.template_required:
        reason = found.summary
    else:
        return {"action": "NONE"}
    return {"action": "BLOCKED", "blocked_reason": reason}


def read_content(fields: Mapping[str, Any], *, max_chars: int) -> tuple[str, dict[str, str]]:
    """The texts as one prompt, and the address of each picture by field.

    Raises `UnsupportedField` and `InvalidField` for content that is not checked.
    """
    if fields.get("input_type") != "request":
        raise InvalidField(
            "Only requests are checked. Set `mode: pre_call`.",
            param="input_type",
            remedy="To check the clip, use the custom guardrail in `examples/litellm/safelight_clips.py`.",
        )
    texts, pictures = optional_texts(fields, "texts") or [], optional_texts(fields, "images") or []
    for name in fields.keys() - _NOT_CONTENT - {"texts", "images"}:
        if fields[name]:
            raise UnsupportedField(f"The field {name[:100]!r} is not checked.", param=name[:100])
    for kind in _part_types(fields.get("structured_messages")):
        if kind not in _EXTRACTED_PARTS:
            raise InvalidField(
                f"Parts of the type {str(kind)[:100]!r} are not checked.", param="structured_messages"
            )
    if len(texts) > MAX_TEXTS or len(pictures) > MAX_IMAGES:
        raise InvalidField(
            f"A request may have at most {MAX_TEXTS} texts and {MAX_IMAGES} images.", param="texts"
        )
    prompt = "\n\n".join(texts)
    require_writable(prompt, "texts")
    if len(prompt) > max_chars:
        raise InvalidField(
            f"The texts have {len(prompt):,} characters; at most {max_chars:,} are allowed.", param="texts"
        )
    if not is_visible(prompt) and not pictures:
        raise InvalidField("There is no text and no picture to check.", param="texts")
    return prompt, {f"images[{number}]": _address(given) for number, given in enumerate(pictures)}


def _address(picture: str) -> str:
    """LiteLLM sends an address, or only the base64 of the bytes."""
    return picture if picture[:6].lower().startswith(_URL_SCHEMES) else f"data:;base64,{picture}"


def _part_types(messages: Any) -> Iterator[Any]:
    """The types of the parts of all messages. A text alone is no part."""
    for message in messages if isinstance(messages, list) else ():
        content = message.get("content") if isinstance(message, Mapping) else None
        for part in content if isinstance(content, list) else ():
            yield part.get("type") if isinstance(part, Mapping) else type(part).__name__


def _read_end_user(known: Any) -> str | None:
    """The person who sent the request, as LiteLLM knows it."""
    name = "user_api_key_end_user_id"
    found = optional_text(known, name) if isinstance(known, Mapping) else None
    if found and len(found) > MAX_SAFETY_IDENTIFIER:
        raise InvalidField(
            f"`{name}` must be text of at most {MAX_SAFETY_IDENTIFIER} characters.", param=name
        )
    return found or None
