"""Checks the values of the fields of a request, and converts them to their types."""

from __future__ import annotations

import json
import math
from typing import Any

from safelight.core.errors import InvalidField

_TYPE_NAMES: dict[type, str] = {
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    str: "text",
    dict: "a JSON object",
}


def check_text(field: str, value: object, longest: int) -> str:
    """The text. Raises `InvalidField` if it is none, too long, or cannot be stored."""
    if not isinstance(value, str):
        raise InvalidField(f"{field} must be text.", param=field)
    if len(value) > longest:
        raise InvalidField(
            f"{field} has {len(value):,} characters; at most {longest:,} are accepted.", param=field
        )
    if "\x00" in value:
        raise InvalidField(f"{field} contains a NUL character.", param=field)
    if any("\ud800" <= c <= "\udfff" for c in value):
        raise InvalidField(f"{field} is not valid Unicode.", param=field)
    return value


def convert(name: str, value: Any, kind: type) -> Any:
    """Convert a value to its type. This is needed because multipart bodies contain only text."""
    wrong = InvalidField(f"{name} must be {_TYPE_NAMES.get(kind, kind.__name__)}.", param=name)
    if kind is bool and isinstance(value, str) and value.lower() in ("true", "false", "1", "0"):
        return value.lower() in ("true", "1")
    if kind in (int, float) and isinstance(value, str):
        try:
            value = kind(value)
        except ValueError:
            raise wrong from None
    if kind is dict and isinstance(value, str):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            raise wrong from None
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        try:
            value = float(value)
        except OverflowError:
            raise wrong from None
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise wrong
    if isinstance(value, float) and not math.isfinite(value):
        raise wrong
    if kind is str:
        check_text(name, value, 32_000)
    return value
