"""Reads fields of a small JSON body and checks their types."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, overload

from safelight.errors import InvalidField


def optional_text(fields: Mapping[str, Any], name: str) -> str | None:
    """An optional text, or None if it is missing or null. Raises `InvalidField` for any other value."""
    value = fields.get(name)
    if value is None or isinstance(value, str):
        return value
    raise InvalidField(f"`{name}` must be a text.", param=name)


def required_text(fields: Mapping[str, Any], name: str) -> str:
    """A required text. Raises `InvalidField` if it is missing or not a text."""
    value = optional_text(fields, name)
    if value is None:
        raise InvalidField(f"{name} is missing.", param=name)
    return value


def optional_texts(fields: Mapping[str, Any], name: str) -> list[str] | None:
    """An optional list of texts, or None if it is missing. Raises `InvalidField` for any other value."""
    value = fields.get(name)
    if value is None:
        return None
    if isinstance(value, list) and all(isinstance(each, str) for each in value):
        return value
    raise InvalidField(f"`{name}` must be a list of texts.", param=name)


@overload
def optional_flag(fields: Mapping[str, Any], name: str, *, default: bool) -> bool: ...
@overload
def optional_flag(fields: Mapping[str, Any], name: str, *, default: None) -> bool | None: ...
def optional_flag(fields: Mapping[str, Any], name: str, *, default: bool | None) -> bool | None:
    """A boolean, or the default if it is missing or null. Raises `InvalidField` for any other value."""
    value = fields.get(name)
    if value is None:
        return default
    if isinstance(value, bool):
        return value
    raise InvalidField(f"`{name}` must be true or false.", param=name)
