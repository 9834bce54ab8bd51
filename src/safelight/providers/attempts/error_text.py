"""Errors of providers without what they repeat of the request: prompts and other fields."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from safelight.providers.provider_errors import decode

_WITHHELD = "[withheld]"
_MAX_DEPTH = 12
#: Fields of a JSON error that are kept, in lower case without `_` and `-`: codes, messages, states and ids.
_KEPT = re.compile(
    r"(?:error|err|status|failure)?code|(?:error|err|failure|status|taskstatus)?(?:message|msg)|(?:error)?type"
    r"|(?:task)?status|state|(?:moderation)?stage|(?:finish|block|failure|fail)?reason|failure|errors?|details?"
    r"|title|description|raimediafiltered(?:reasons|count)|raifiltered(?:reason|count)|hasnsfwconcepts"
    r"|nsfwcontent|respectmoderation|done|charged|credits(?:refunded|used)?|cost|amount|currency|retryafter"
    r"|name|providername|loc|(?:task|request|video|job|generation)?id|taskuuid"
)
#: Fields in which a provider repeats the request or describes the account. Nothing in them is kept.
_DROPPED = re.compile(
    r"input|request|params|parameters|arguments|payload|body|(?:text|negative)?prompt|prompttext|flaggedinput"
    r"|user|account|organization|profile|session|headers|cookies"
)
_ECHO = re.compile(
    r"(\\*[\"'])(?:input|input_text|(?:negative_?|positive_?|text_?|revised_?|actual_?)?prompt(?:_?text)?)\1"
    r"\s{0,9}[:=]\s{0,9}(\\*[\"']).{0,8000}?(?:(?<!\\)\2|\Z)",
    re.IGNORECASE | re.DOTALL,
)
#: What differs between two errors of one cause: times, ids, durations and amounts. Short numbers stay,
#: because status codes and codes of providers are among them.
_CHANGING = re.compile(
    r"\b\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d)?(?:[.,]\d{1,9})?(?:Z|[+-]\d\d:?\d\d)?)?"
    r"|\b\d{1,2}:\d\d(?::\d\d)?(?:\.\d{1,9})?\b"
    r"|(?<![\w-])(?=(?:[A-Za-z_-]{0,80}\d){4})[0-9A-Za-z_-]{12,}"
    r"|(?<=id)[\s\"':=#(\\]{1,6}(?=[^\s\"',;)}\\]{0,80}\d)[^\s\"',;)}\\]{1,200}"
    r"|\b\d{9,}\b|\b\d+\.\d+\b"
    r"|\b\d+(?=\s?(?:ms|s|secs?|seconds?|minutes?|hours?|bytes|[kKM]B|credits?|tokens?|char(?:acter)?s?)\b)"
)
#: The first characters of a prompt by which a shortened copy of it is found.
_PREFIX_CHARS = 20


def mask_ids(error: str) -> str:
    """The error without ids, times and amounts, so that two errors of one cause are equal."""
    return _CHANGING.sub("#", error)


def withhold_prompt(error: str, prompt: str | None) -> str:
    """The error without the prompt and without fields that repeat the request.

    If the prompt is not known, only the code and the message of the error are left.
    """
    document = _json(error)
    if isinstance(document, Mapping | list):
        kept = _keep(document)
        error = json.dumps(kept, ensure_ascii=False) if kept else ""
    elif prompt is None and error:
        found = decode(error)
        error = ": ".join(part for part in (found.code, found.message) if part)
    return _remove(_ECHO.sub(_WITHHELD, error), tuple(_forms(prompt or "")))


def _forms(prompt: str) -> Iterator[str]:
    """The prompt as it may be in an error: unchanged, on one line, and inside JSON."""
    for text in filter(None, dict.fromkeys((prompt.strip(), " ".join(prompt.split())))):
        for ascii_only in (False, True):
            inside = json.dumps(text, ensure_ascii=ascii_only)[1:-1]
            yield from dict.fromkeys((text, inside, json.dumps(inside)[1:-1]))


def _remove(text: str, forms: Sequence[str]) -> str:
    """The text without these forms of a prompt, even where their end is cut off."""
    starts = re.compile("|".join(re.escape(form[:_PREFIX_CHARS]) for form in forms))
    found, parts = 0, []
    while forms and (match := starts.search(text, found)):
        parts += [text[found : match.start()], _WITHHELD]
        found = max(match.end(), *(_end(text, match.start(), form) for form in forms))
    return "".join([*parts, text[found:]])


def _end(text: str, start: int, words: str) -> int:
    """Where the text stops to repeat the words."""
    common = next((n for n, letter in enumerate(words) if text[start + n : start + n + 1] != letter), None)
    return start + (len(words) if common is None else common)


def _keep(value: Any, *, is_kept: bool = True, depth: int = 0) -> Any:
    """The kept fields of a document; None if there are none."""
    if depth > _MAX_DEPTH:
        return None
    if isinstance(value, list):
        items = [_keep(each, is_kept=is_kept, depth=depth + 1) for each in value]
        # An empty list can be the sign of a refusal.
        return [each for each in items if each is not None] or (None if value else [])
    if not isinstance(value, Mapping):
        return value if is_kept else None
    kept = {}
    for name, child in value.items():
        plain = re.sub(r"[_-]", "", str(name)).lower()
        if _DROPPED.fullmatch(plain) is None:
            kept[name] = _keep(child, is_kept=_KEPT.fullmatch(plain) is not None, depth=depth + 1)
    return {name: child for name, child in kept.items() if child is not None} or None


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None
