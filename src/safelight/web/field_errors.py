"""Sentences about wrong fields, made in this one place from the structured errors of pydantic."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from safelight.core.errors import InvalidField

_SENTENCES = {
    "missing": "{name} is missing.",
    "string_type": "`{name}` must be a text.",
    "int_type": "{name} must be an integer.",
    "bool_type": "`{name}` must be true or false.",
    "list_type": "`{name}` must be a list of texts.",
}
#: Fields whose absence has another sentence.
_MISSING = {"event_types": "`event_types` is required."}
_NEEDED = frozenset({"string_type", "list_type"})


def invalid_field(errors: Sequence[Mapping[str, Any]]) -> InvalidField:
    """The error for the first wrong field."""
    first = errors[0]
    part, *rest = first["loc"]
    kind, name = first["type"], str(rest[0] if rest else part)
    if part != "body" or kind not in _SENTENCES:
        return InvalidField(f"{name}: {str(first['msg'])[:200]}.", param=name)
    if len(rest) > 1:
        kind = "list_type"
    elif kind in _NEEDED and first["input"] is None:
        kind = "missing"
    sentence = _MISSING.get(name) if kind == "missing" else None
    return InvalidField(sentence or _SENTENCES[kind].format(name=name), param=name)
