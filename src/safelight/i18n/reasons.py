"""Translates sentences that code or documents have in English; the English text is the key."""

from __future__ import annotations

import re
from functools import cache

from .messages import available_languages, load_document

_REASONS = "reasons"
_FINDINGS = "findings"


def translate_reason(original: str, tag: str) -> str:
    """The translation of a shipped reason. A reason that an operator wrote is returned unchanged."""
    return translate_sentence(_REASONS, original, tag) or original


def translate_finding(original: str, tag: str) -> str:
    """The translation of a detector's reason. A reason of a plugin or of a model is returned unchanged."""
    return translate_sentence(_FINDINGS, original, tag) or original


def translate_sentence(slice_: str, original: str, tag: str) -> str | None:
    """The translation in a slice whose keys are the English sentences; None if it has none.

    Values that were inserted into the sentence are translated too if the slice has them. The key `NAME=VALUE`
    is for values of `{NAME}` only, such as lists, so that it matches no whole sentence.
    """
    exact, patterns = _sentences(slice_, tag)
    if original in exact:
        return exact[original]
    for pattern, text in patterns:
        if found := pattern.fullmatch(original):
            values = found.groupdict()
            return text.format(
                **{name: _translate_value(slice_, name, value, tag) for name, value in values.items()}
            )
    return None


def _translate_value(slice_: str, name: str, value: str, tag: str) -> str:
    found = translate_sentence(slice_, value, tag) or translate_sentence(slice_, f"{name}={value}", tag)
    return found or value


@cache
def _sentences(slice_: str, tag: str) -> tuple[dict[str, str], tuple[tuple[re.Pattern[str], str], ...]]:
    """The sentences without inserted values, and a pattern for each of the others."""
    if tag not in available_languages(slice_):
        return {}, ()
    document = load_document(slice_, tag)
    exact = {original: text for original, text in document.items() if "{" not in original}
    return exact, tuple(
        (_pattern(original), text) for original, text in document.items() if original not in exact
    )


def _pattern(original: str) -> re.Pattern[str]:
    """A pattern that matches the reason after values were inserted for its `{names}`."""
    pieces = re.split(r"\{(\w+)\}", original)
    text = "".join(
        f"(?P<{piece}>.+?)" if index % 2 else re.escape(piece) for index, piece in enumerate(pieces)
    )
    return re.compile(text)
