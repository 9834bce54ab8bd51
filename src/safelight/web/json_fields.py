"""Fields of a small JSON body, with their types made sure of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from safelight.errors import InvalidField


def optional_text(fields: Mapping[str, Any], name: str) -> str | None:
    """A text, or None where it is missing or null. Raises `InvalidField` for anything else."""
    value = fields.get(name)
    if value is None or isinstance(value, str):
        return value
    raise InvalidField(f"{name} must be a text.", param=name)


def required_text(fields: Mapping[str, Any], name: str) -> str:
    """A text that is there. Raises `InvalidField`."""
    value = optional_text(fields, name)
    if value is None:
        raise InvalidField(f"{name} is missing.", param=name)
    return value


def optional_texts(fields: Mapping[str, Any], name: str) -> list[str] | None:
    """A list of texts, or None where it is missing. Raises `InvalidField` for anything else."""
    value = fields.get(name)
    if value is None:
        return None
    if isinstance(value, list) and all(isinstance(each, str) for each in value):
        return value
    raise InvalidField(f"{name} must be a list of texts.", param=name)


def optional_flag(fields: Mapping[str, Any], name: str, *, default: bool) -> bool:
    """True or false, or the default where it is missing or null. Raises `InvalidField` for anything else."""
    value = fields.get(name)
    if value is None:
        return default
    if isinstance(value, bool):
        return value
    raise InvalidField(f"{name} must be true or false.", param=name)
