"""Parses `safelight.retry` of a create request."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from typing import Any

from safelight.advice.age_cues import find_age_cues
from safelight.advice.meaning_slots import find_fixed_changes
from safelight.errors import InvalidField
from safelight.moderation.request import RetryTerms

from .create_request import is_visible, require_writable

_FIELD = "safelight"
_RETRY = f"{_FIELD}.retry"
_VARIATION = f"{_RETRY}.variation"
_FORM_WORDS = {"true": True, "false": False}


def read_retry_terms(value: Any, prompt: Any, *, max_prompt_chars: int) -> RetryTerms | None:
    """What the field `safelight` asks for; None if it asks for nothing. Raises `InvalidField`.

    A variation keeps who is in the video, how many, ages, identities and quoted text, and adds no word about
    youth, undress, swimwear, sex or school.
    """
    asked = _object(value, _FIELD, {"retry", "use"}).get("retry")
    if isinstance(asked, bool | str):
        asked = {"same": asked}
    given = _object(asked, _RETRY, {"same", "variation"})
    same, variation = given.get("same", False), given.get("variation", "")
    same = _FORM_WORDS.get(same, same) if isinstance(same, str) else same
    if not isinstance(same, bool):
        raise InvalidField(f"`{_RETRY}.same` must be true or false.", param=f"{_RETRY}.same")
    if not isinstance(variation, str) or len(variation) > max_prompt_chars:
        raise InvalidField(
            f"`{_VARIATION}` must be a prompt of at most {max_prompt_chars:,} characters.", param=_VARIATION
        )
    require_writable(variation, _VARIATION)
    if variation and not is_visible(variation):
        raise InvalidField(f"`{_VARIATION}` is empty: it has no visible character.", param=_VARIATION)
    variation = variation.strip()
    # A prompt that is too long is refused on its own.
    if variation and isinstance(prompt, str) and len(prompt) <= max_prompt_chars:
        _require_same_meaning(prompt, variation)
    return RetryTerms(same=same, variation=variation) if same or variation else None


def _require_same_meaning(prompt: str, variation: str) -> None:
    if _folded(prompt) == _folded(variation):
        raise InvalidField(
            f"`{_VARIATION}` is the prompt itself.",
            param=_VARIATION,
            remedy=f"Send another wording, or only `{_RETRY}.same`.",
        )
    changed = find_fixed_changes(prompt, variation)
    if changed:
        raise InvalidField(
            f"`{_VARIATION}` changes what a variation has to keep: {', '.join(sorted(changed))}.",
            param=_VARIATION,
            remedy="Send it as a request of its own.",
        )
    if find_age_cues(variation) - find_age_cues(prompt):
        raise InvalidField(
            f"`{_VARIATION}` adds a word about youth, undress, swimwear, sex or school.",
            param=_VARIATION,
            remedy="Send it as a request of its own.",
        )


def _folded(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def _object(value: Any, name: str, known: set[str]) -> Mapping[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, Mapping) or not value.keys() <= known:
        raise InvalidField(
            f"`{name}` must be an object with these fields: {', '.join(sorted(known))}.", param=name
        )
    return value
